"""Small models: values by hand, modes, and equality of batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from scipy.signal import correlate

from jaxcnn import create_model
from jaxcnn.blocks import BasicBlock, shortcut_a

REDUCED = {
    "lenet5": {"dropout": 0.5},
    "convnet": {"stages": [[4, 1, True], [6, 1, True]], "hidden": [8], "dropout": 0.5},
    "resnet20": {"blocks": 1, "width": 4},
}


@pytest.fixture(scope="module", params=REDUCED)
def trained(request):
    """A reduced model of each family, with statistics that are not the initial ones."""
    model = create_model(request.param, num_classes=3, **REDUCED[request.param])
    x = jax.random.normal(jax.random.key(1), (6, 16, 16, 1))
    variables = jax.jit(model.init)(jax.random.key(0), x)
    stats = jax.tree.map(lambda s: s + 0.3, variables.get("batch_stats", {}))
    return model, {**variables, "batch_stats": stats}, x


def test_a_batch_is_its_images_one_by_one(trained):
    model, variables, x = trained
    together = model.apply(variables, x)
    apart = jnp.concatenate([model.apply(variables, x[i : i + 1]) for i in range(2)])
    np.testing.assert_allclose(together[:2], apart, atol=1e-5)


def test_jit_equals_eager(trained):
    model, variables, x = trained
    np.testing.assert_allclose(
        jax.jit(model.apply)(variables, x), model.apply(variables, x), atol=1e-5
    )


def test_statistics_move_in_training_only(trained):
    model, variables, x = trained
    rngs = {"dropout": jax.random.key(2)}
    _, moved = model.apply(variables, x, train=True, rngs=rngs, mutable=["batch_stats"])
    _, still = model.apply(variables, x, train=False, mutable=["batch_stats"])
    same = jax.tree.map(np.array_equal, still.get("batch_stats", {}), variables["batch_stats"])
    assert all(jax.tree.leaves(same))
    if variables["batch_stats"]:
        changed = jax.tree.map(np.array_equal, moved["batch_stats"], variables["batch_stats"])
        assert not any(jax.tree.leaves(changed))


def test_every_parameter_gets_a_gradient(trained):
    model, variables, x = trained

    def loss(params):
        logits, _ = model.apply(
            {**variables, "params": params},
            x,
            train=True,
            rngs={"dropout": jax.random.key(2)},
            mutable=["batch_stats"],
        )
        return jnp.sum(logits**2)

    grads = jax.jit(jax.grad(loss))(variables["params"])
    flat, _ = jax.tree_util.tree_flatten_with_path(grads)
    still = [jax.tree_util.keystr(path) for path, g in flat if not np.any(g)]
    assert still == []


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
