"""What holds for every block: what is injected is used, and used everywhere."""

import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax.traverse_util import flatten_dict

from jaxcnn import blocks, layers

X = jax.random.normal(jax.random.key(0), (2, 8, 8, 8))


class UpWithSkip(nn.Module):
    """A U-Net's way up, as a function of one input."""

    conv: object
    norm: object
    act: object

    @nn.compact
    def __call__(self, x):
        options = {"conv": self.conv, "norm": self.norm, "act": self.act}
        return blocks.UNetUp(4, up="bilinear", **options, name="up")(x[:, ::2, ::2], x)


class Down(nn.Module):
    """A U-Net's way down, without the skip."""

    conv: object
    norm: object
    act: object

    @nn.compact
    def __call__(self, x):
        options = {"conv": self.conv, "norm": self.norm, "act": self.act}
        return blocks.UNetDown(4, **options, name="down")(x)[0]


def dense(conv, norm, act):
    layer = partial(blocks.DenseLayer, 4, conv=conv, norm=norm, act=act)
    return blocks.DenseBlock(2, layer)


def stage(conv, norm, act):
    block = partial(blocks.BasicBlock, conv=conv, norm=norm, act=act)
    return blocks.ResidualStage(2, 12, 2, block)


V1 = blocks.inception_v1(4, 3, 5, 2, 3, 4)
AUX = partial(blocks.GoogLeNetAux, 5, pool=blocks.avg_pool_to_4x4, dropout=0.0)
# What makes a block; how many nonlinearities, convolutions and norms it has.
BLOCKS = {
    "conv_norm_act": (partial(blocks.ConvNormAct, 6), 1, 1, 1),
    "basic": (partial(blocks.BasicBlock, 12), 2, 3, 3),
    "bottleneck": (partial(blocks.Bottleneck, 8, stride=2), 3, 4, 4),
    "stage": (stage, 4, 5, 5),
    "preact_basic": (partial(blocks.PreactBasicBlock, 12), 2, 3, 2),
    "preact_bottleneck": (partial(blocks.PreactBottleneck, 8), 3, 3, 3),
    "inception_naive": (partial(blocks.Branches, blocks.inception_naive(4, 5, 2)), 3, 3, 3),
    "inception_v1": (partial(blocks.Branches, V1), 6, 6, 6),
    "inception_v2": (partial(blocks.Branches, blocks.inception_v2(4, 3, 5, 2, 6, 3)), 7, 7, 7),
    "inception_b": (partial(blocks.Branches, blocks.inception_b()), 4, 4, 4),
    "inception_c": (partial(blocks.Branches, blocks.inception_c(4)), 10, 10, 10),
    "inception_e": (partial(blocks.Branches, blocks.inception_e()), 9, 9, 9),
    "googlenet_aux": (AUX, 2, 1, 1),
    "dense": (dense, 4, 4, 4),
    "transition": (blocks.Transition, 1, 1, 1),
    "inverted": (partial(blocks.InvertedResidual, 8), 2, 3, 3),
    "fused": (partial(blocks.FusedInvertedResidual, 8), 1, 2, 2),
    "double_conv": (partial(blocks.DoubleConv, 4), 2, 2, 2),
    "unet_down": (Down, 2, 2, 2),
    "unet_up": (UpWithSkip, 2, 2, 2),
}
NORM = partial(layers.BatchNorm, use_running_average=True)


class Counter:
    """Counts the calls of a constructor or a function."""

    def __init__(self, wrapped):
        self.wrapped, self.calls = wrapped, 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.wrapped(*args, **kwargs)


def make(name, conv=layers.Conv, norm=NORM, act=nn.relu):
    return BLOCKS[name][0](conv=conv, norm=norm, act=act)


def shaped(name, x=X, **options):
    return jax.eval_shape(make(name, **options).init_with_output, jax.random.key(0), x)


plain = functools.cache(shaped)


def fast(function):
    """Compile quickly rather than well."""
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})


@pytest.mark.parametrize("name", BLOCKS)
def test_every_layer_is_an_injected_one(name):
    expected = BLOCKS[name][1:]
    act, conv, norm = (Counter(f) for f in (jnp.tanh, nn.Conv, NORM))
    module = make(name, conv, norm, act)
    program = jax.make_jaxpr(module.init_with_output)(jax.random.key(0), X)
    assert (act.calls, conv.calls, norm.calls) == expected
    assert "relu" not in str(program)


@pytest.mark.parametrize("name", BLOCKS)
def test_biases_stand_only_where_no_norm_follows(name):
    leaves = flatten_dict(plain(name)[1]["params"])
    assert not [path for path in leaves if "conv" in path[-2] and path[-1] == "bias"]
    bare = flatten_dict(shaped(name, norm=None)[1]["params"])
    kernels = [path[:-1] for path in bare if "conv" in path[-2] and path[-1] == "kernel"]
    assert len(kernels) == BLOCKS[name][2]
    assert not [path for path in bare if "norm" in path[-2]]
    without = [path for path in kernels if (*path, "bias") not in bare]
    assert without == [path for path in kernels if path[-1] == "shortcut_conv"]


@pytest.mark.parametrize("name", BLOCKS)
def test_bfloat16_computes_in_bfloat16_and_keeps_float32_parameters(name):
    conv = partial(layers.Conv, dtype=jnp.bfloat16)
    norm = partial(NORM, dtype=jnp.bfloat16)
    y, variables = shaped(name, X.astype(jnp.bfloat16), conv=conv, norm=norm)
    assert y.dtype == (jnp.float32 if name.endswith("aux") else jnp.bfloat16)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype(jnp.float32)}
    # Without a dtype, parameters and input decide, as everywhere in Flax.
    assert plain(name)[0].dtype == jnp.float32


@pytest.mark.parametrize("name", BLOCKS)
def test_names_are_for_humans(name):
    parts = {part for path in flatten_dict(plain(name)[1]["params"]) for part in path}
    assert not [part for part in parts if part[0].isupper() or part.endswith("_0")]


@pytest.mark.parametrize("name", sorted(BLOCKS.keys() - {"stage", "dense"}))
def test_equal_blocks_are_equal_and_hash_equal(name):
    """The other two hold a partial, which is equal to nothing but itself."""
    assert make(name) == make(name)
    assert hash(make(name)) == hash(make(name))


@pytest.mark.parametrize("norm", [partial(nn.GroupNorm, num_groups=1), nn.LayerNorm])
@pytest.mark.parametrize("name", ["bottleneck", "preact_basic", "inception_v1", "inverted"])
def test_other_norms_do(name, norm):
    _, variables = shaped(name, norm=norm)
    assert variables.keys() == {"params"}
    kept = [path for path in flatten_dict(variables["params"]) if path[-1] == "scale"]
    assert len(kept) == BLOCKS[name][3]


def test_biases_beside_norms_can_be_asked_for():
    """As in the released weights of BN-Inception."""
    module = blocks.Branches(V1, norm=NORM, use_bias=True)
    params = jax.eval_shape(module.init, jax.random.key(0), X)["params"]
    assert {frozenset(unit["conv"]) for unit in params.values()} == {frozenset(["kernel", "bias"])}


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "name", ["unet_up", *(pytest.param(n, marks=SLOW) for n in BLOCKS if n != "unet_up")]
)
def test_jit_equals_eager_and_bfloat16_is_near(name):
    module = make(name)
    variables = fast(module.init)(jax.random.key(1), X)
    eager = module.apply(variables, X)
    np.testing.assert_allclose(fast(module.apply)(variables, X), eager, atol=1e-4)
    conv = partial(layers.Conv, dtype=jnp.bfloat16)
    low = make(name, conv=conv, norm=partial(NORM, dtype=jnp.bfloat16))
    near = fast(low.apply)(variables, X.astype(jnp.bfloat16)).astype(jnp.float32)
    assert jnp.abs(near - eager).max() < 0.05 * jnp.abs(eager).max()


@SLOW
@pytest.mark.parametrize("kind", [blocks.BasicBlock, blocks.PreactBottleneck])
def test_a_rematerialised_block_has_the_same_parameters_and_gradients(kind):
    def gradients(block):
        module = blocks.ResidualStage(1, 8, 1, partial(block, norm=NORM))
        variables = fast(module.init)(jax.random.key(1), X)
        return fast(jax.grad(lambda v: jnp.sum(module.apply(v, X) ** 2)))(variables)["params"]

    one, two = gradients(kind), gradients(nn.remat(kind))
    assert jax.tree.structure(one) == jax.tree.structure(two)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), one, two)
