"""The layers are supersets of flax.linen: same fields, defaults, variables and values."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import layers, ops
from tests.ops.derivatives import quick_jit

PAIRS = [
    (nn.Conv, layers.Conv),
    (nn.ConvTranspose, layers.ConvTranspose),
    (nn.BatchNorm, layers.BatchNorm),
    (nn.Dropout, layers.Dropout),
]


@pytest.mark.parametrize(("theirs", "ours"), PAIRS)
def test_fields_and_defaults(theirs, ours):
    ours = {field.name: field for field in dataclasses.fields(ours)}
    fields = [f for f in dataclasses.fields(theirs) if f.name not in ("parent", "name")]
    assert list(ours)[: len(fields)] == [field.name for field in fields]
    for field in fields:
        mine = ours[field.name]
        if callable(field.default) and field.name.endswith("init"):
            one, other = (f.default(jax.random.key(0), (3, 3, 4, 5)) for f in (field, mine))
            np.testing.assert_array_equal(one, other)
        else:
            assert mine.default == field.default, field.name
            assert mine.kw_only == field.kw_only


def small_net(lib):
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x, train):
            x = lib.Conv(6, (3, 3), strides=2)(x)
            x = lib.BatchNorm(use_running_average=not train)(x)
            x = lib.max_pool(nn.relu(x), (3, 3), strides=(2, 2), padding="SAME")
            x = lib.Conv(6, [3, 3], feature_group_count=6, padding=((1, 0), (0, 1)))(x)
            x = lib.Conv(4, (1, 1), use_bias=False, kernel_dilation=None)(x)
            x = lib.Dropout(0.5, deterministic=not train)(x)
            x = lib.avg_pool(x, (2, 2), padding="SAME", count_include_pad=False)
            return nn.Dense(3)(x.mean((1, 2)))

    return Net()


@pytest.mark.slow
def test_a_flax_checkpoint_gives_the_same_net():
    x = jax.random.normal(jax.random.key(0), (4, 12, 12, 3))
    theirs, ours = small_net(nn), small_net(layers)
    variables, same = quick_jit(
        lambda key: [net.init(key, x, train=False) for net in (theirs, ours)]
    )(jax.random.key(1))
    jax.tree.map(np.testing.assert_array_equal, same, variables)

    def run(net):
        def loss(params):
            y, new = net.apply(
                {**variables, "params": params},
                *(x, True),
                rngs={"dropout": jax.random.key(2)},
                mutable=["batch_stats"],
            )
            return jnp.sum(y**2), (y, new)

        return quick_jit(jax.value_and_grad(loss, has_aux=True))(variables["params"])

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), run(ours), run(theirs)
    )


def test_intermediates_are_captured_once():
    layer = layers.Conv(2, (3,))
    x = jnp.ones((1, 5, 2))
    variables = layer.init(jax.random.key(0), x)
    _, state = layer.apply(variables, x, capture_intermediates=True)
    assert len(state["intermediates"]["__call__"]) == 1


def test_convolution_can_be_injected():
    seen = []

    def spy(x, kernel, *args, **options):
        seen.append(options["feature_group_count"])
        return jax.lax.conv_general_dilated(x, kernel, *args, **options)

    x = jnp.ones((1, 5, 4))
    layer = layers.Conv(4, (3,), feature_group_count=2, conv_general_dilated=spy)
    y, variables = layer.init_with_output(jax.random.key(0), x)
    plain = layers.Conv(4, (3,), feature_group_count=2)
    np.testing.assert_allclose(y, plain.apply(variables, x), rtol=1e-6)
    assert seen == [2]


@pytest.mark.parametrize(
    "fields",
    [
        {"strides": 2, "padding": "SAME", "kernel_size": (3, 3)},
        {"strides": (2, 1), "padding": "VALID", "kernel_size": (2, 3), "use_bias": False},
        {"strides": (3, 2), "padding": "CIRCULAR", "kernel_size": (4, 3)},
        {"strides": 2, "padding": ((1, 2), 0), "kernel_size": (3, 2), "kernel_dilation": (2, 1)},
        {"strides": 2, "padding": "SAME", "kernel_size": (4, 4), "transpose_kernel": True},
        {"strides": 5, "padding": "SAME", "kernel_size": (3, 3)},
    ],
)
def test_transposed_convolution(fields):
    x = jax.random.normal(jax.random.key(0), (2, 5, 6, 3))
    theirs, ours = (lib.ConvTranspose(4, **fields) for lib in (nn, layers))
    (y, variables), (z, same) = quick_jit(
        lambda key: [layer.init_with_output(key, x) for layer in (theirs, ours)]
    )(jax.random.key(1))
    jax.tree.map(np.testing.assert_array_equal, same, variables)
    np.testing.assert_allclose(z, y, rtol=1e-4, atol=1e-5)


def test_squeeze_and_excitation_gates_channels_by_their_averages():
    x = jax.random.normal(jax.random.key(0), (2, 4, 4, 6))
    y, variables = quick_jit(layers.SqueezeExcite(3).init_with_output)(jax.random.key(1), x)
    reduce, expand = (variables["params"][name]["kernel"][0, 0] for name in ("reduce", "expand"))
    weight = jax.nn.sigmoid(jax.nn.relu(x.mean((1, 2)) @ reduce) @ expand)
    np.testing.assert_allclose(y, x * weight[:, None, None], rtol=1e-5, atol=1e-6)


def test_local_response_norm_is_the_operation():
    x = jax.random.normal(jax.random.key(0), (2, 4, 4, 6))
    layer = layers.LocalResponseNorm(3, alpha=0.1, k=2.0, average=False)
    expected = ops.local_response_norm(x, 3, alpha=0.1, k=2.0, average=False)
    np.testing.assert_array_equal(layer.apply({}, x), expected)
