"""What flax.linen accepts in silence, or answers with a useless error, is explained."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import pytest

from jaxcnn import layers
from jaxcnn.checks import ArgumentError, ArgumentTypeError

X = jnp.ones((2, 8, 8, 3))
KEY = jax.random.key(0)


def build(layer, x=X, **options):
    return lambda: layer.init(KEY, x, **options)


def conv(*args, x=X, **fields):
    return build(layers.Conv(*args, **fields), x)


def up(*args, x=X, **fields):
    return build(layers.ConvTranspose(*args, **fields), x)


def norm(x=X, **fields):
    return build(layers.BatchNorm(**fields), x, use_running_average=False)


TABLE = [
    ("kernel_size", conv(8, 3)),
    ("kernel_size", conv(8, (3,))),
    ("kernel_size", conv(8, (0, 3))),
    ("kernel_size", conv(8, (3.0, 3))),
    ("kernel_size", conv(8, "33")),
    ("kernel_size", conv(8, (9, 9), padding="VALID")),
    ("inputs", conv(8, (3, 3, 3), x=jnp.ones((8, 8, 3)))),
    ("inputs", conv(8, (3, 3), x=jnp.ones((8, 3)))),
    ("inputs", conv(8, (3, 3), x=X.astype(jnp.uint8))),
    ("inputs", conv(8, (3, 3), x=jnp.ones((2, 3, 32, 32)))),
    ("inputs", conv(8, (3, 3), x=jnp.ones((2, 0, 8, 3)))),
    ("features", conv(0, (3, 3))),
    ("features", conv(-4, (3, 3))),
    ("features", conv(8.0, (3, 3))),
    ("feature_group_count", conv(8, (3, 3), feature_group_count=0)),
    ("feature_group_count", conv(8, (3, 3), feature_group_count=2)),
    ("feature_group_count", conv(8, (3, 3), feature_group_count=3)),
    ("strides", conv(8, (3, 3), strides=0)),
    ("strides", conv(8, (3, 3), strides=(1, 1, 1))),
    ("kernel_dilation", conv(8, (3, 3), kernel_dilation=0)),
    ("input_dilation", conv(8, (3, 3), input_dilation=0)),
    ("padding", conv(8, (3, 3), padding="SMAE")),
    ("padding", conv(8, (3, 3), padding="CAUSAL")),
    ("padding", conv(8, (3, 3), padding=(1, 1, 1))),
    ("padding_mode", conv(8, (3, 3), padding_mode="mirror")),
    ("mask", conv(8, (3, 3), mask=jnp.ones((3, 3)))),
    ("kernel_size", up(8, 3)),
    ("features", up(0, (2, 2))),
    ("strides", up(8, (2, 2), strides=(2, 0))),
    ("padding", up(8, (2, 2), padding="REFLECT")),
    ("padding", up(8, (2, 2), padding=-1)),
    ("inputs", up(8, (2, 2), x=jnp.ones((2, 3, 16, 16)))),
    ("window_shape", lambda: layers.max_pool(X, 2)),
    ("inputs", lambda: layers.max_pool(X, (2, 2, 2))),
    ("inputs", lambda: layers.max_pool(X[0, 0], (2, 2))),
    ("window", lambda: layers.max_pool(X, (9, 9))),
    ("stride", lambda: layers.avg_pool(X, (2, 2), strides=(2,))),
    ("stride", lambda: layers.avg_pool(X, (2, 2), strides=(0, 1))),
    ("padding", lambda: layers.avg_pool(X, (2, 2), padding="SMAE")),
    ("padding", lambda: layers.min_pool(X, (2, 2), padding=((2, 2), (2, 2)))),
    ("x", lambda: layers.avg_pool(X.astype(jnp.uint8), (2, 2))),
    ("axis", norm(axis=4)),
    ("momentum", norm(momentum=1.5)),
    ("momentum", norm(momentum=None)),
    ("epsilon", norm(epsilon=0.0)),
    ("axis_index_groups", norm(axis_index_groups=[[0, 1]])),
    ("x", norm(x=jnp.ones((2, 8), jnp.int32))),
    ("rate", build(layers.Dropout(1.5, deterministic=False))),
    ("rate", build(layers.Dropout(-0.5, deterministic=True))),
    ("rate", build(layers.StochasticDepth("half", deterministic=False))),
    ("features", build(layers.SqueezeExcite(0))),
    ("size", build(layers.LocalResponseNorm(0))),
    ("index", lambda: layers.per_example(KEY, jnp.ones(3))),
]


@pytest.mark.parametrize("row", range(len(TABLE)))
def test_misuse(row):
    argument, call = TABLE[row]
    with pytest.raises((ArgumentError, ArgumentTypeError)) as caught:
        call()
    assert f"{argument}=" in str(caught.value), str(caught.value)
    assert "Fix: " in str(caught.value)


class Net(nn.Module):
    def setup(self):
        self.stem = layers.Conv(4, (3, 3))
        self.norm = layers.BatchNorm(use_running_average=False)

    def __call__(self, x):
        return self.norm(self.stem(x))


def test_messages_name_the_layer():
    with pytest.raises(ValueError, match="Conv 'stem'.*NCHW"):
        Net().init(KEY, jnp.ones((2, 3, 32, 32)))


def test_nchw_is_recognised_against_the_stored_kernel():
    variables = Net().init(KEY, X)
    with pytest.raises(ValueError, match=r"stored one has \(3, 3, 3, 4\).*NCHW"):
        Net().apply(variables, jnp.ones((2, 3, 8, 8)), mutable=["batch_stats"])


def test_one_value_per_feature_cannot_be_normalised():
    layer = layers.BatchNorm(use_running_average=False)
    x = jnp.ones((1, 1, 1, 4))
    variables = layer.init(KEY, x)  # a model may be initialised with one small image
    with pytest.raises(ValueError, match="more than one element"):
        layer.apply(variables, x, mutable=["batch_stats"])


def test_statistics_of_other_features_are_refused():
    variables = Net().init(KEY, X)
    with pytest.raises(ValueError, match=r"stored statistics have \(4,\)"):
        layers.BatchNorm(use_running_average=True).apply(
            {
                "params": variables["params"]["norm"],
                "batch_stats": variables["batch_stats"]["norm"],
            },
            X,
        )
