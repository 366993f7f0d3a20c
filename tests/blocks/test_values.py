"""What single blocks do, shown by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import blocks, layers, ops
from jaxcnn.blocks.unet import centred

X = jax.random.normal(jax.random.key(0), (2, 8, 8, 8))
NORM = partial(layers.BatchNorm, use_running_average=True)
RESIDUAL = [blocks.BasicBlock, blocks.Bottleneck, blocks.PreactBasicBlock, blocks.PreactBottleneck]


SLOW = pytest.mark.slow


def fast(function):
    """Compile quickly rather than well."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


def run(module, *inputs):
    return fast(module.init_with_output)(jax.random.key(1), *inputs)


KINDS = [
    blocks.BasicBlock,
    pytest.param(blocks.Bottleneck, marks=SLOW),
    blocks.PreactBasicBlock,
    pytest.param(blocks.PreactBottleneck, marks=SLOW),
]


@pytest.mark.parametrize("kind", KINDS)
def test_zero_init_starts_as_the_shortcut_and_still_learns(kind):
    module = kind(8, norm=NORM, zero_init=True)

    def loss(variables):
        y = module.apply(variables, X)
        return jnp.sum(jnp.sin(y)), y

    variables = fast(module.init)(jax.random.key(1), X)
    gradient, y = fast(jax.grad(loss, has_aux=True))(variables)
    preact = kind in RESIDUAL[2:]
    np.testing.assert_allclose(y, X if preact else nn.relu(X), atol=1e-6)
    layer, leaf = ("conv", "kernel") if preact else ("norm", "scale")
    number = 2 if "Basic" in kind.__name__ else 3
    assert np.any(gradient["params"][f"{layer}{number}"][leaf])


@pytest.mark.parametrize(
    "kind",
    [
        blocks.BasicBlock,
        blocks.InvertedResidual,
        *(pytest.param(k, marks=SLOW) for k in (*RESIDUAL[1:], blocks.FusedInvertedResidual)),
    ],
)
def test_stochastic_depth_drops_the_branch_of_whole_examples(kind):
    """With an identity for the last nonlinearity, what is kept is exactly twice the branch."""
    x = jnp.broadcast_to(X[:1], (16, 8, 8, 8))
    build = partial(kind, 8, norm=NORM, act=jnp.asarray, stochastic_depth=0.5)

    def both(key):
        full, variables = build(deterministic=True).init_with_output(key, x)
        rngs = {"dropout": jax.random.key(3)}
        return full, build(deterministic=False).apply(variables, x, rngs=rngs)

    full, y = fast(both)(jax.random.key(1))
    branch = np.asarray(full - x)
    rates = [float(np.vdot(y[i] - x[i], b) / np.vdot(b, b)) for i, b in enumerate(branch)]
    assert sorted({round(rate, 4) for rate in rates}) == [0, 2]
    expected = np.round(rates)[:, None, None, None] * branch
    np.testing.assert_allclose(y - x, expected, atol=1e-4)


def test_a_stage_hands_each_block_its_rate():
    rates = (0.0, 0.25, 0.5)
    seen = []

    def block(features, stochastic_depth, **options):
        seen.append(stochastic_depth)
        return blocks.BasicBlock(features, norm=NORM, **options)

    jax.eval_shape(blocks.ResidualStage(3, 8, 2, block, rates).init, jax.random.key(0), X)
    assert tuple(seen) == rates


def test_an_inverted_residual_without_shortcut_ignores_stochastic_depth():
    module = blocks.InvertedResidual(
        4, norm=NORM, stochastic_depth=1.0, deterministic=False, expansion=1
    )
    y, _ = run(module, X)
    assert np.any(y)


def test_the_parameters_do_not_depend_on_the_size_of_the_image():
    """A stride leaves a map of one pixel as it is; the projection stays."""
    for kind in RESIDUAL:
        module = kind(8, stride=2, norm=NORM)
        trees = [
            jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, n, n, 8)))["params"]
            for n in (1, 8)
        ]
        assert "shortcut_conv" in trees[0]
        assert trees[0] == trees[1]


@pytest.mark.parametrize("size", [1, 2, 7, 8])
@pytest.mark.parametrize("shortcut", [blocks.shortcut_a, blocks.shortcut_b])
def test_every_shortcut_fits_every_size(shortcut, size):
    module = blocks.BasicBlock(12, stride=2, norm=NORM, shortcut=shortcut)
    x = jnp.zeros((1, size, size + 1, 8))
    y, _ = jax.eval_shape(module.init_with_output, jax.random.key(0), x)
    assert y.shape == (1, -(-size // 2), -(-(size + 1) // 2), 12)


def test_the_preactivation_shortcut_starts_from_the_activated_input():
    norms = []

    def shortcut(x, features, stride, conv, norm):
        norms.append(norm)
        return blocks.shortcut_a(x, features, stride)

    module = blocks.PreactBasicBlock(12, norm=NORM, shortcut=shortcut, zero_init=True)
    y, _ = run(module, X)
    expected = blocks.shortcut_a(nn.relu(X / np.sqrt(1 + 1e-5)), 12, 1)
    np.testing.assert_allclose(y, expected, atol=1e-6)
    assert norms == [None]


def test_an_activated_input_needs_no_first_norm():
    module = blocks.PreactBasicBlock(12, norm=NORM, activated=True)
    params = jax.eval_shape(module.init, jax.random.key(0), X)["params"]
    assert sorted(params) == ["conv1", "conv2", "norm2", "shortcut_conv"]


def test_dropout_stands_between_the_convolutions():
    module = blocks.PreactBasicBlock(8, norm=NORM, dropout=1.0, deterministic=False)
    y, _ = run(module, X)
    np.testing.assert_array_equal(y, X)  # nothing is left of the branch
    layer = blocks.DenseLayer(4, norm=NORM, dropout=1.0, deterministic=False)
    assert not np.any(run(layer, X)[0])


def test_a_dense_block_keeps_its_input_and_appends():
    layer = partial(blocks.DenseLayer, 4, norm=NORM)

    def everything(key):
        y, variables = blocks.DenseBlock(2, layer).init_with_output(key, X)
        one, two = ({k: v[f"layer{i}"] for k, v in variables.items()} for i in (1, 2))
        first = layer().apply(one, X)
        return y, [X, first, layer().apply(two, jnp.concatenate([X, first], -1))]

    y, parts = fast(everything)(jax.random.key(0))
    np.testing.assert_allclose(y, jnp.concatenate(parts, -1), atol=1e-5)


def test_branches_are_concatenated_in_the_order_of_the_table():
    table = (
        blocks.Branch("pool", (blocks.PoolStep("avg"),)),
        blocks.Branch("short", (blocks.ConvStep(3),)),
    )
    y, variables = run(blocks.Branches(table, norm=None), X)
    np.testing.assert_allclose(y[..., :8], ops.avg_pool(X, 3, stride=1, padding=1), atol=1e-6)
    assert sorted(variables["params"]) == ["short"]
    assert np.all(np.asarray(y[..., 8:]) >= 0)


def test_squeezenets_fire_module_is_a_table():
    """Iandola et al. 2016: squeeze, then 1x1 beside 3x3."""
    expand = blocks.SplitStep((blocks.ConvStep(64), blocks.ConvStep(64, 3)))
    table = (blocks.Branch("fire", (blocks.ConvStep(16), expand)),)
    x = jnp.zeros((1, 8, 8, 96))
    module = blocks.Branches(table, norm=None)
    y, variables = jax.eval_shape(module.init_with_output, jax.random.key(0), x)
    assert y.shape == (1, 8, 8, 128)
    assert sorted(variables["params"]) == ["fire_1", "fire_2a", "fire_2b"]


@pytest.mark.parametrize("size", [5, 6, 7])
def test_the_v2_reduction_halves_every_size_and_is_caffes_for_even_ones(size):
    x = X[:, :size, :size]
    table = blocks.inception_v2_reduction(2, 3, 2, 3)
    module = blocks.Branches(table, norm=NORM)
    y, _ = jax.eval_shape(module.init_with_output, jax.random.key(0), x)
    assert y.shape == (2, -(-size // 2), -(-size // 2), 6 + 8)
    if size % 2 == 0:
        pool = blocks.Branches(table[-1:], norm=NORM).apply({}, x)
        np.testing.assert_array_equal(pool, ops.max_pool(x, 3, stride=2, ceil_mode=True))


def test_tensorflows_padding_can_be_asked_for():
    """With an even size and a stride of 2, SAME and half the kernel see different pixels."""
    build = partial(blocks.InvertedResidual, 8, stride=2, norm=NORM)

    def both(key):
        y, variables = build().init_with_output(key, X)
        return y, build(padding="SAME").apply(variables, X)

    y, z = fast(both)(jax.random.key(0))
    assert y.shape == z.shape
    assert not np.allclose(y, z)


def test_centred_crops_and_pads_around_the_middle():
    x = jnp.arange(1.0, 26.0).reshape(1, 5, 5, 1)
    np.testing.assert_array_equal(centred(x, 3, 3), x[:, 1:4, 1:4])
    np.testing.assert_array_equal(centred(x, 2, 5), x[:, 1:3])
    padded = centred(x, 8, 5)
    np.testing.assert_array_equal(padded[:, 1:6], x)
    assert float(padded.sum()) == float(x.sum())


def test_the_skip_comes_first_and_is_cropped_in_the_middle():
    class Sum(nn.Module):
        """Stands for a convolution: shows what arrives."""

        @nn.compact
        def __call__(self, x):
            self.sow("seen", "x", x)
            return x

    def conv(*args, name, **options):
        return Sum(name=name)

    x, skip = X[:, :2, :2], X
    module = blocks.UNetUp(8, padding=0, up="nearest", conv=conv, norm=None)
    _, seen = module.apply({}, x, skip, mutable=["seen"])
    arrived = seen["seen"]["conv1"]["x"][0]
    np.testing.assert_array_equal(arrived[..., :8], skip[:, 2:6, 2:6])
    np.testing.assert_array_equal(arrived[..., 8:], x.repeat(2, 1).repeat(2, 2))


def test_the_last_step_up_may_have_no_skip():
    y, _ = run(blocks.UNetUp(4, norm=None), X)
    assert y.shape == (2, 16, 16, 4)


def test_the_small_start_of_the_inception_v3_head():
    module = blocks.InceptionV3Aux(50, norm=NORM)
    params = run(module, jnp.zeros((1, 17, 17, 8)))[1]["params"]
    assert np.std(params["conv1"]["conv"]["kernel"]) == pytest.approx(0.01, rel=0.01)
    assert np.std(params["fc"]["kernel"]) == pytest.approx(0.001, rel=0.02)
