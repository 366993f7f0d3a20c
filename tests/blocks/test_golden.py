"""Every block equals PyTorch's, in evaluation and training, with the gradients."""

import functools
import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxcnn import blocks, layers
from tests.golden import blocks_cases

FILE = pathlib.Path(__file__).parents[1] / "golden" / "blocks.npz"
BRANCHED = [(r"^branch", "branches.branch"), (r"_([123])/", lambda m: f".{int(m[1]) - 1}/")]
NAMED = [(r"/conv/", ".0/"), (r"/norm/", ".1/")]
RESIDUAL = [(r"^norm", "bn"), ("shortcut_conv", "downsample.0"), ("shortcut_norm", "downsample.1")]
V1_BN = {"1x1": "1", "3x3": "2", "5x5": "3", "_pool": "4"}
V2 = [*BRANCHED, (r"branch_pool/", "branch_pool.1/"), *NAMED]


class DenseAndTransition(nn.Module):
    """What torchvision's block and transition do."""

    norm: object

    @nn.compact
    def __call__(self, x):
        layer = functools.partial(blocks.DenseLayer, 4, bottleneck=2, norm=self.norm)
        x = blocks.DenseBlock(3, layer, name="0")(x)
        return blocks.Transition(norm=self.norm, name="1")(x)


class UNet(nn.Module):
    """One step down, the bottom, one step up."""

    padding: int

    @nn.compact
    def __call__(self, x):
        options = {"padding": self.padding, "norm": None}
        x, skip = blocks.UNetDown(4, **options, name="down")(x)
        x = blocks.DoubleConv(8, **options, name="bottom")(x)
        return blocks.UNetUp(4, **options, name="joined")(x, skip)


def excite(features, **options):
    return functools.partial(layers.SqueezeExcite, features, **options)


def dense_plain(norm):
    return blocks.DenseBlock(3, functools.partial(blocks.DenseLayer, 4, bottleneck=0, norm=norm))


def branches(table, **options):
    return functools.partial(blocks.Branches, table, **options)


def block(kind, *args, **options):
    return functools.partial(kind, *args, **options)


MBCONV = [
    ("squeeze_excite/reduce", "block.2.fc1"),
    ("squeeze_excite/expand", "block.2.fc2"),
    ("^expand", "block.0"),
    ("^depthwise", "block.1"),
    ("^project", "block.3"),
    *NAMED,
]
MOBILENET_V2 = [
    ("^expand", "conv.0"),
    ("^depthwise", "conv.1"),
    ("^project/conv", "conv.2"),
    ("^project/norm", "conv.3"),
    *NAMED,
]
THIN = [("conv.1", "conv.0"), ("conv.2", "conv.1"), ("conv.3", "conv.2")]
FUSED = [("^expand", "block.0"), ("^project", "block.1"), *NAMED]
DENSE = [(r"layer", "denselayer"), ("/", ".")]
V3 = [(r"/norm/", "/bn/")]
SILU = {"act": nn.silu, "kernel_size": 5, "expansion": 4}
V3_EXCITE = excite(8, gate=nn.hard_sigmoid)
UNET = [(r"(down|bottom|joined)/(conv)", r"\1_\2"), ("joined/up", "up")]
BARE = [(r"^(branch\w+)/conv/", r"branches.\1.0/")]

# Case: what makes our block, called with `norm=...`; how our names become PyTorch's.
CASES = {
    "basic": (block(blocks.BasicBlock, 5), RESIDUAL),
    "basic_stride": (block(blocks.BasicBlock, 8, stride=2), RESIDUAL),
    "bottleneck": (block(blocks.Bottleneck, 16), RESIDUAL),
    "bottleneck_stride": (block(blocks.Bottleneck, 16, stride=2), RESIDUAL),
    "bottleneck_groups": (block(blocks.Bottleneck, 16, groups=4, base_width=32), RESIDUAL),
    "bottleneck_wide": (block(blocks.Bottleneck, 8, base_width=128), RESIDUAL),
    "preact_basic": (block(blocks.PreactBasicBlock, 5), []),
    "preact_basic_stride": (block(blocks.PreactBasicBlock, 8, stride=2), []),
    "preact_bottleneck_stride": (block(blocks.PreactBottleneck, 12, stride=2), []),
    "inception_naive": (branches(blocks.inception_naive(4, 5, 2)), BARE),
    "inception_v1": (branches(blocks.inception_v1(4, 3, 5, 2, 3, 4)), V2),
    "inception_v1_bn": (
        branches(blocks.inception_v1(4, 3, 5, 2, 3, 4, size=3)),
        [
            (r"^branch([^_/]+)", lambda m: f"branch{V1_BN[m[1]]}"),
            (r"^branch_pool/", "branch4.1/"),
            *BRANCHED[1:],
            *V3,
        ],
    ),
    "inception_v2": (branches(blocks.inception_v2(4, 3, 5, 2, 6, 3)), V2),
    "inception_v2_max": (branches(blocks.inception_v2(4, 3, 5, 2, 6, 3, "max")), V2),
    "inception_v2_reduction": (branches(blocks.inception_v2_reduction(3, 5, 2, 6)), V2),
    "inception_a": (branches(blocks.inception_a(32)), V3),
    "inception_b": (branches(blocks.inception_b()), V3),
    "inception_c": (branches(blocks.inception_c(24)), V3),
    "inception_d": (branches(blocks.inception_d()), V3),
    "inception_e": (branches(blocks.inception_e()), V3),
    "googlenet_aux": (
        block(blocks.GoogLeNetAux, 5, pool=blocks.avg_pool_to_4x4, dropout=0.0),
        V3,
    ),
    "inception_v3_aux": (block(blocks.InceptionV3Aux, 5), V3),
    "dense": (DenseAndTransition, DENSE),
    "dense_plain": (dense_plain, []),
    "inverted": (block(blocks.InvertedResidual, 5), MOBILENET_V2),
    "inverted_stride": (block(blocks.InvertedResidual, 8, stride=2), MOBILENET_V2),
    "inverted_thin": (block(blocks.InvertedResidual, 6, expansion=1), [*MOBILENET_V2, *THIN]),
    "mbconv": (
        block(blocks.InvertedResidual, 8, squeeze_excite=excite(2, act=nn.silu), **SILU),
        MBCONV,
    ),
    "mbconv_stride": (
        block(blocks.InvertedResidual, 16, stride=2, squeeze_excite=excite(2, act=nn.silu), **SILU),
        MBCONV,
    ),
    "mobilenet_v3": (
        block(
            blocks.InvertedResidual,
            *(8, 5),
            hidden=24,
            act=nn.hard_swish,
            squeeze_excite=V3_EXCITE,
        ),
        MBCONV,
    ),
    "fused": (block(blocks.FusedInvertedResidual, 8), FUSED),
    "fused_thin": (block(blocks.FusedInvertedResidual, 8, expansion=1), FUSED),
    "unet_valid": (lambda norm: UNet(0), UNET),
    "unet_padded": (lambda norm: UNet(1), UNET),
}
# PyTorch computes the slope of the hard sigmoid with a sixth in single precision.
TOLERANCE = {"mobilenet_v3": 1e-8}
QUICK = {
    *("basic_stride", "bottleneck_groups", "preact_basic_stride"),
    *("inception_v1", "dense", "unet_padded"),
}
"""The others are left to the slow tests."""
WITHOUT_NORM = {"inception_naive", "inception_v1"}
LEAVES = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}


@pytest.fixture(scope="module")
def golden():
    with np.load(FILE) as file:
        return dict(file)


def theirs(path, rules):
    """Return PyTorch's name of one of our arrays."""
    name = "/".join(path[1:])
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    *modules, leaf = name.replace("/", ".").split(".")
    return ".".join([*modules, LEAVES.get(leaf, leaf)])


def to_theirs(name, ours):
    """Return an array, or its gradient, in PyTorch's layout."""
    if ours.ndim == 4:
        if name == "up.weight":  # a transposed convolution: ours is (H, W, in, out), unflipped
            return ours[::-1, ::-1].transpose(2, 3, 0, 1)
        return ours.transpose(3, 2, 0, 1)
    if name == "fc1.weight":  # flattened from (H, W, C) here, from (C, H, W) there
        return ours.reshape(4, 4, 128, 1024).transpose(3, 2, 0, 1).reshape(1024, 2048)
    return ours.T


def from_theirs(name, value, like):
    """Return PyTorch's array in our layout, the inverse of `to_theirs`."""
    order = np.arange(like.size).reshape(like.shape)
    flat = np.empty(like.size)
    flat[to_theirs(name, order).ravel()] = value.ravel()
    return flat.reshape(like.shape)


def module_and_names(case, train):
    make, rules = CASES[case]
    epsilon = 1e-3 if case.startswith(("inception", "googlenet")) else 1e-5
    norm = functools.partial(
        layers.BatchNorm,
        use_running_average=not train,
        momentum=0.9,  # PyTorch's 0.1
        unbiased=True,
        epsilon=epsilon,
    )
    return make(norm=None if case in WITHOUT_NORM else norm), rules


def variables_of(case):
    module, rules = module_and_names(case, train=False)
    spec = jax.ShapeDtypeStruct(blocks_cases.INPUTS[case], jnp.float64)
    shapes = flatten_dict(jax.eval_shape(module.init, jax.random.key(0), spec))
    variables, names = {}, {}
    for path, like in shapes.items():
        name = names[path] = theirs(path, rules)
        shape = to_theirs(name, np.empty(like.shape)).shape
        variables[path] = from_theirs(name, blocks_cases.weight(case, name, shape), like)
    return unflatten_dict(variables), names


def far(ours, stored):
    assert ours.shape == stored.shape
    return np.abs(ours - stored).max() / np.abs(stored).max()


def test_the_table_holds_every_case(golden):
    assert CASES.keys() == blocks_cases.INPUTS.keys() == {key.split("/")[0] for key in golden}


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[] if c in QUICK else [pytest.mark.slow]) for c in CASES]
)
def test_a_block_is_pytorchs(case, golden, x64):
    variables, names = variables_of(case)
    evaluation, training = (module_and_names(case, train)[0] for train in (False, True))

    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def everything(variables, x):
        def loss(params, x):
            bound = {**variables, "params": params}
            y, stats = training.apply(bound, x, mutable=["batch_stats"])
            return jnp.sin(y).sum(), (y, stats)

        gradients, (y, stats) = jax.grad(loss, (0, 1), has_aux=True)(variables["params"], x)
        return evaluation.apply(variables, x), y, stats, *gradients

    y, trained, stats, slopes, g = everything(variables, blocks_cases.image(case))
    for key, ours in (("y", y), ("t", trained), ("g", g)):
        near = TOLERANCE.get(case, 1e-11)
        assert far(blocks_cases.sample(ours), golden[f"{case}/{key}"]) < near, key
    flat = {names["params", *path]: np.asarray(g) for path, g in flatten_dict(slopes).items()}
    assert all(np.any(gradient) for gradient in flat.values())
    along = []
    for name in sorted(flat):
        gradient = to_theirs(name, flat[name])
        along.append(np.vdot(gradient, blocks_cases.direction(case, name, gradient.shape)))
    scale = np.abs(golden[f"{case}/p"]).max()
    np.testing.assert_allclose(along, golden[f"{case}/p"], rtol=0, atol=near * scale)
    sums = {names[path]: leaf.sum() for path, leaf in flatten_dict(stats).items()}
    np.testing.assert_allclose([sums[k] for k in sorted(sums)], golden[f"{case}/s"], rtol=1e-6)
