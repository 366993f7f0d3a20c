"""What cannot be meant is refused, with the argument, its value, the rule, the shape and a fix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import ops
from jaxcnn.checks import ArgumentError, ArgumentTypeError

X = jnp.ones((2, 8, 8, 4))
W = jnp.ones((3, 3, 4, 6))
KEY = jax.random.key(0)


def conv(x=X, w=W, *rest, **options):
    return lambda: ops.conv(x, w, *rest, **options)


def up(x=X, w=W, *rest, **options):
    return lambda: ops.conv_transpose(x, w, *rest, **options)


def pool(window=2, x=X, name="max_pool", **options):
    return lambda: getattr(ops, name)(x, window, **options)


def norm(x=X, mean=4, **options):
    return lambda: ops.batch_norm(x, jnp.zeros(mean), jnp.ones(4), **options)


# argument that the message must name, call
TABLE = [
    ("stride", conv(stride=0)),
    ("stride", conv(stride=-1)),
    ("stride", conv(stride=1.5)),
    ("stride", conv(stride=True)),
    ("stride", conv(stride=(1, 2, 3))),
    ("stride", conv(stride="2")),
    ("stride", conv(stride=None)),
    ("dilation", conv(dilation=0)),
    ("dilation", conv(dilation=(1, 0))),
    ("kernel", conv(dilation=4)),
    ("padding", conv(padding="SMAE")),
    ("padding", conv(padding=-1)),
    ("padding", conv(padding=1.0)),
    ("padding", conv(padding=(1, 1, 1))),
    ("padding", conv(padding=[(1, 1), (1,)])),
    ("padding", conv(padding=None)),
    ("padding_mode", conv(padding_mode="mirror")),
    ("padding", conv(padding=8, padding_mode="reflect")),
    ("groups", conv(groups=0)),
    ("groups", conv(groups=3)),
    ("groups", conv(groups=2.0)),
    ("groups", conv(w=jnp.ones((3, 3, 2, 5)), groups=2)),
    ("kernel", conv(w=jnp.ones((3, 3, 3, 6)))),
    ("kernel", conv(w=jnp.ones((3, 3, 6, 4)))),
    ("kernel", conv(w=jnp.ones((3, 4, 6)))),
    ("kernel", conv(w=jnp.ones((9, 9, 4, 6)))),
    ("kernel", conv(w=jnp.ones((0, 3, 4, 6)))),
    ("kernel", conv(w=jnp.ones((3, 3, 4, 6), jnp.bfloat16))),
    ("kernel", conv(w=np.ones((3, 3, 4, 6), np.int32))),
    ("kernel", conv(w=None)),
    ("bias", conv(X, W, jnp.ones(4))),
    ("bias", conv(X, W, jnp.ones((1, 6)))),
    ("bias", conv(X, W, 0.0)),
    ("x", conv(x=jnp.ones((8, 8)))),
    ("x", conv(x=jnp.ones((2, 2, 8, 8, 8, 4)))),
    ("x", conv(x=jnp.ones((2, 0, 8, 4)))),
    ("x", conv(x=[[1.0]])),
    ("x", conv(x=jnp.ones((2, 8, 8, 4), jnp.uint8))),
    ("x", conv(x=jnp.ones((2, 8, 8, 4), bool))),
    ("kernel", up(w=jnp.ones((3, 3, 6, 4)))),
    ("output_padding", up(output_padding=1)),
    ("output_padding", up(stride=2, output_padding=-1)),
    ("padding", up(padding="SAME")),
    ("padding", up(x=jnp.ones((1, 1, 1, 4)), padding=2)),
    ("groups", up(groups=3)),
    ("stride", up(stride=0)),
    ("window", pool(0)),
    ("window", pool((2, 2, 2))),
    ("window", pool(2.0)),
    ("window", pool(9)),
    ("window", pool(None)),
    ("stride", pool(stride=0)),
    ("padding", pool(padding=2)),
    ("padding", pool(padding="FULL")),
    ("ceil_mode", pool(ceil_mode="yes")),
    ("x", pool(x=jnp.ones((8, 8)))),
    ("x", pool(x=jnp.ones((2, 8, 8, 4), jnp.complex64))),
    ("x", pool(x=jnp.ones((2, 8, 8, 4), jnp.uint8), name="avg_pool")),
    ("x", pool(x=jnp.ones((2, 8, 8, 4), jnp.int32), name="min_pool")),
    ("window", pool(9, name="sum_pool")),
    ("p", pool(name="lp_pool", p=0.5)),
    ("p", pool(name="lp_pool", p=float("inf"))),
    ("output_size", pool(0, name="adaptive_avg_pool")),
    ("output_size", pool(0, name="adaptive_max_pool")),
    ("output_size", pool((2, 2, 2), name="adaptive_max_pool")),
    ("indices", lambda: ops.max_unpool(X, jnp.zeros((2, 8, 8, 4)), (16, 16))),
    ("indices", lambda: ops.max_unpool(X, jnp.zeros((2, 8, 8), jnp.int32), (16, 16))),
    ("output_size", lambda: ops.max_unpool(X, jnp.zeros(X.shape, jnp.int32), (16, 16, 3))),
    ("mean", norm(mean=3)),
    ("x", norm(x=X.astype(jnp.int32))),
    ("x", norm(x=X[:1, :1, :1])),
    ("decay", norm(decay=1.5)),
    ("decay", norm(decay="0.9")),
    ("epsilon", norm(epsilon=0)),
    ("scale", norm(scale=jnp.ones(8))),
    ("mask", norm(mask=jnp.ones(3, bool))),
    ("mask", norm(mask=jnp.ones((2, 8, 8), bool))),
    ("rate", lambda: ops.dropout(X, 1.5, KEY)),
    ("rate", lambda: ops.dropout(X, "0.5", KEY)),
    ("rate", lambda: ops.stochastic_depth(X, -0.1, KEY)),
    ("key", lambda: ops.dropout(X, 0.5, None)),
    ("key", lambda: ops.dropout(X, 0.5, jax.random.split(KEY, 3))),
    ("broadcast_dims", lambda: ops.dropout(X, 0.5, KEY, broadcast_dims=(4,))),
    ("x", lambda: ops.dropout(X.astype(jnp.int32), 0.5, KEY)),
    ("size", lambda: ops.local_response_norm(X, 0)),
    ("k", lambda: ops.local_response_norm(X, k=0)),
    ("alpha", lambda: ops.local_response_norm(X, alpha=-1)),
    ("mode", lambda: ops.pad(X, 1, mode="wrap")),
    ("padding", lambda: ops.pad(X, -1)),
    ("window", lambda: ops.im2col(X, 9)),
    ("columns", lambda: ops.col2im(jnp.ones((1, 3, 3, 4)), (8, 8), 2)),
    ("kernel", lambda: ops.conv_matrix(jnp.ones((3, 3)), 5)),
    ("pointwise", lambda: ops.separable_conv(X, jnp.ones((3, 3, 1, 4)), jnp.ones((3, 3, 4, 2)))),
    ("kernels", lambda: ops.factorized_conv(X, [jnp.ones((3, 4, 4))])),
    ("name", lambda: ops.classic_filter("sobel")),
    ("size", lambda: ops.gaussian_filter(4, 1.0)),
    ("sigma", lambda: ops.gaussian_filter(3, 0)),
    ("kernel", lambda: ops.filter_images(X, np.ones((2, 2)))),
    ("operator", lambda: ops.gradient_magnitude(X, "canny")),
    ("window", lambda: ops.conv_output_size(3, 5)),
    ("size", lambda: ops.conv_output_size(0, 1)),
    ("groups", lambda: ops.conv_params(3, 4, 3, groups=2)),
    ("stride", lambda: ops.receptive_field([ops.Sliding(3, 0)])),
]


@pytest.mark.parametrize("row", range(len(TABLE)))
def test_misuse(row):
    argument, call = TABLE[row]
    with pytest.raises((ArgumentError, ArgumentTypeError)) as caught:
        call()
    text = str(caught.value)
    assert f"{argument}=" in text, text
    assert "Fix: " in text, text
    assert "assert" not in text
    assert len(text) < 1000, text


def test_messages_carry_the_input_shape():
    for call in (conv(stride=0), pool(9), norm(decay=2.0), up(stride=0)):
        with pytest.raises(ValueError, match=r"input shape \(2, 8, 8, 4\)"):
            call()


def test_all_mismatches_are_reported_at_once():
    with pytest.raises(ValueError, match="4 problems") as caught:
        ops.conv(X, W, stride=0, padding="SMAE", groups=3, padding_mode="mirror")
    for name in ("stride=", "padding=", "groups=", "padding_mode="):
        assert name in str(caught.value)


def test_nchw_is_recognised():
    nchw = jnp.ones((2, 3, 32, 32))
    with pytest.raises(ValueError, match=r"NCHW.*x.transpose\(0, 2, 3, 1\)"):
        ops.conv(nchw, jnp.ones((3, 3, 3, 8)))


def test_wrong_types_are_type_errors_and_wrong_values_value_errors():
    with pytest.raises(TypeError):
        ops.conv(X, W, stride=1.5)
    with pytest.raises(ValueError):
        ops.conv(X, W, stride=0)
