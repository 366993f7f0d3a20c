"""Small models and blocks: values by hand."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from scipy.signal import correlate

from jaxcnn import create_model
from jaxcnn.blocks import BasicBlock, shortcut_a


def test_lenet5_equals_its_definition_written_with_scipy(x64):
    """conv - tanh - mean pool, twice, then three products, in the order (H, W, C) of features."""
    model = create_model("lenet5", num_classes=4)
    x = np.random.default_rng(0).normal(size=(1, 20, 20, 1))  # two positions a side remain
    variables = model.init(jax.random.key(0), x)
    variables = jax.tree.map(lambda p: p.astype(np.float64), variables)
    params = jax.tree.map(np.asarray, variables["params"])
    y = x[0]
    for name in ("conv1", "conv2"):
        kernel, bias = params[name]["kernel"], params[name]["bias"]
        y = np.tanh(np.stack([plane(y, kernel, k) + bias[k] for k in range(len(bias))], -1))
        y = y.reshape(y.shape[0] // 2, 2, y.shape[1] // 2, 2, -1).mean((1, 3))
    y = y.ravel()
    for name in ("fc1", "fc2"):
        y = np.tanh(y @ params[name]["kernel"] + params[name]["bias"])
    y = y @ params["head"]["kernel"] + params["head"]["bias"]
    np.testing.assert_allclose(model.apply(variables, x)[0], y, rtol=1e-12)


def plane(y, kernel, k):
    """One output plane of a valid cross-correlation."""
    return sum(
        correlate(y[..., c], kernel[..., c, k], mode="valid") for c in range(kernel.shape[2])
    )


def test_shortcut_a_subsamples_and_pads_with_zero_channels():
    x = jnp.arange(32.0).reshape(1, 4, 4, 2)
    y = shortcut_a(x, 4, 2)
    np.testing.assert_array_equal(y[..., 1:3], x[:, ::2, ::2])
    assert not np.any(y[..., [0, 3]])


def test_a_block_whose_branch_is_zero_passes_its_input():
    """A block adds to its input: with zero scales it is the ReLU of the shortcut."""
    block = BasicBlock(4, norm=lambda name: nn.BatchNorm(True, scale_init=nn.zeros, name=name))
    x = jax.random.normal(jax.random.key(0), (2, 6, 6, 4))
    y, _ = block.init_with_output(jax.random.key(1), x)
    np.testing.assert_allclose(y, nn.relu(x))
