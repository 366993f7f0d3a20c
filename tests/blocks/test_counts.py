"""Parameters of the blocks, and of whole networks built from them, equal the references."""

import functools
from functools import partial

import jax
import jax.numpy as jnp
import pytest

from jaxcnn import blocks, layers
from jaxcnn.blocks import Branches, ConvNormAct

NORM = partial(layers.BatchNorm, use_running_average=True)
CNA = partial(ConvNormAct, norm=NORM)


def count(modules, channels, size=64):
    """Return the trainable parameters of modules in a row, and what shape comes out."""
    x = jax.ShapeDtypeStruct((1, size, size, channels), jnp.float32)
    total = 0
    for module in modules:
        x, variables = jax.eval_shape(module.init_with_output, jax.random.key(0), x)
        total += sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    return total, x.shape


def linear(inside, outside):
    return inside * outside + outside


def test_inception_3a_with_biases():
    """Szegedy et al. 2014, table 1: weights and biases of the six convolutions."""
    table = blocks.inception_v1(64, 96, 128, 16, 32, 32)
    by_hand = linear(192, 64) + linear(192, 96) + linear(9 * 96, 128)
    by_hand += linear(192, 16) + linear(25 * 16, 32) + linear(192, 32)
    assert by_hand == 163_696
    assert count([Branches(table, norm=None)], 192, 28) == (by_hand, (1, 28, 28, 256))


def test_the_naive_block_grows_and_the_reduced_one_does_not():
    """The lecture's example at 28x28x256: 672 channels out, against 480."""
    naive = Branches(blocks.inception_naive(128, 192, 96), norm=None)
    by_hand = linear(256, 128) + linear(9 * 256, 192) + linear(25 * 256, 96)
    assert count([naive], 256, 28) == (by_hand, (1, 28, 28, 672))
    reduced = Branches(blocks.inception_v1(128, 64, 192, 64, 96, 64), norm=None)
    by_hand = linear(256, 128) + 2 * linear(256, 64) + linear(9 * 64, 192)
    by_hand += linear(25 * 64, 96) + linear(256, 64)
    assert count([reduced], 256, 28) == (by_hand, (1, 28, 28, 480))


V1_ROWS = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)


@pytest.mark.parametrize(
    ("norm", "size", "total", "with_heads"),
    [(None, 5, 6_998_552, 13_378_280), (NORM, 3, 6_624_904, 13_004_888)],
    ids=["paper", "torchvision"],
)
def test_googlenet(norm, size, total, with_heads):
    stem = [ConvNormAct(64, 7, 2, norm=norm), ConvNormAct(64, 1, norm=norm)]
    stem.append(ConvNormAct(192, norm=norm))
    rows = [Branches(blocks.inception_v1(*row, size=size), norm=norm) for row in V1_ROWS]
    trunk, shape = count([*stem, *rows], 3, 28)
    assert shape[-1] == 1024
    assert trunk + linear(1024, 1000) == total
    head = blocks.GoogLeNetAux(1000, norm=norm, deterministic=True)
    assert total + count([head], 512, 14)[0] + count([head], 528, 14)[0] == with_heads


def test_inception_v3():
    unit = partial(CNA, padding=0)
    stem = [unit(32, 3, 2), unit(32, 3), CNA(64), unit(80, 1), unit(192, 3)]
    tables = [blocks.inception_a(n) for n in (32, 64, 64)] + [blocks.inception_b()]
    tables += [blocks.inception_c(n) for n in (128, 160, 160, 192)] + [blocks.inception_d()]
    tables += [blocks.inception_e()] * 2
    trunk, shape = count([*stem, *(Branches(t, norm=NORM) for t in tables)], 3, 83)
    assert shape == (1, 8, 8, 2048)
    assert trunk + linear(2048, 1000) == 23_834_568
    head, _ = count([blocks.InceptionV3Aux(1000, norm=NORM)], 768, 17)
    assert 23_834_568 + head == 27_161_264


def test_bn_inception_is_of_the_published_size():
    """Ioffe & Szegedy 2015, figure 5, with the widths of the released network."""
    block, reduce = blocks.inception_v2, blocks.inception_v2_reduction
    tables = [
        block(64, 64, 64, 64, 96, 32),
        block(64, 64, 96, 64, 96, 64),
        reduce(128, 160, 64, 96),
        block(224, 64, 96, 96, 128, 128),
        block(192, 96, 128, 96, 128, 128),
        block(160, 128, 160, 128, 160, 128),
        block(96, 128, 192, 160, 192, 128),
        reduce(128, 192, 192, 256),
        block(352, 192, 320, 160, 224, 128),
        block(352, 192, 320, 192, 224, 128, "max"),
    ]
    stem = [CNA(64, 7, 2), CNA(64, 1), CNA(192)]
    trunk, shape = count([*stem, *(Branches(t, norm=NORM) for t in tables)], 3, 56)
    assert shape == (1, 7, 7, 1024)
    assert trunk + linear(1024, 1000) == pytest.approx(11.3e6, rel=5e-3)


BASIC = partial(blocks.BasicBlock, norm=NORM)
NECK = partial(blocks.Bottleneck, norm=NORM)


@pytest.mark.parametrize(
    ("block", "depths", "width", "total"),
    [
        (BASIC, (2, 2, 2, 2), 64, 11_689_512),
        pytest.param(BASIC, (3, 4, 6, 3), 64, 21_797_672, marks=pytest.mark.slow),
        (NECK, (3, 4, 6, 3), 256, 25_557_032),
        (partial(NECK, groups=32, base_width=4), (3, 4, 6, 3), 256, 25_028_904),
        (partial(NECK, base_width=128), (3, 4, 6, 3), 256, 68_883_240),
    ],
    ids=["resnet18", "resnet34", "resnet50", "resnext50_32x4d", "wide_resnet50_2"],
)
def test_residual_networks(block, depths, width, total):
    stages = [
        blocks.ResidualStage(depth, width * 2**i, 1 if i == 0 else 2, block)
        for i, depth in enumerate(depths)
    ]
    trunk, shape = count([CNA(64, 7, 2), *stages], 3)
    assert shape == (1, 4, 4, 8 * width)
    assert trunk + linear(8 * width, 1000) == total


def test_the_three_bottlenecks_by_hand():
    """Xie et al. 2017, table 1: about 70,000 parameters in either block."""
    plain = 256 * 64 + 9 * 64 * 64 + 64 * 256
    grouped = 256 * 128 + 32 * 9 * 4 * 4 + 128 * 256
    assert (plain, grouped) == (69_632, 70_144)
    assert count([NECK(256)], 256)[0] == plain + 2 * (64 + 64 + 256)
    neck = NECK(256, groups=32, base_width=4)
    assert count([neck], 256)[0] == grouped + 2 * (128 + 128 + 256)


def test_wrn_28_10():
    block = partial(blocks.PreactBasicBlock, norm=NORM)
    stages = [blocks.ResidualStage(4, 160 * 2**i, min(i + 1, 2), block) for i in range(3)]
    trunk, shape = count([layers.Conv(16, (3, 3), use_bias=False), *stages], 3, 32)
    assert shape == (1, 8, 8, 640)
    assert trunk + 2 * 640 + linear(640, 10) == 36_479_194


@pytest.mark.parametrize(
    ("depths", "growth", "start", "total", "layers_"),
    [
        pytest.param((6, 12, 24, 16), 32, 64, 7_978_856, 121, id="121"),
        pytest.param((16, 16, 16), 12, 24, 769_162, 100, id="bc_100_12", marks=pytest.mark.slow),
    ],
)
def test_dense_networks(depths, growth, start, total, layers_):
    layer = partial(blocks.DenseLayer, growth, norm=NORM)
    imagenet = len(depths) == 4
    stem = CNA(start, 7, 2) if imagenet else layers.Conv(start, (3, 3), use_bias=False)
    rows = [stem]
    for depth in depths:
        rows += [blocks.DenseBlock(depth, layer), blocks.Transition(norm=NORM)]
    trunk, shape = count(rows[:-1], 3, 32)
    width = shape[-1]
    assert trunk + 2 * width + linear(width, 1000 if imagenet else 10) == total
    assert 1 + 2 * sum(depths) + len(depths) - 1 + 1 == layers_


V2_ROWS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
B0_ROWS = (
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
)


def test_mobilenet_v2():
    block = partial(blocks.InvertedResidual, norm=NORM)
    rows = [
        block(features, stride=stride if i == 0 else 1, expansion=ratio)
        for ratio, features, repeats, stride in V2_ROWS
        for i in range(repeats)
    ]
    trunk, shape = count([CNA(32, 3, 2), *rows, CNA(1280, 1)], 3)
    assert shape == (1, 2, 2, 1280)
    assert trunk + linear(1280, 1000) == 3_504_872


@pytest.mark.parametrize(
    ("excited", "total"),
    [
        pytest.param(True, 5_288_548, id="b0"),
        pytest.param(False, 4_652_008, id="lite0", marks=pytest.mark.slow),
    ],
)
def test_efficientnets(excited, total):
    channels, rows = 32, []
    for ratio, kernel, features, repeats, stride in B0_ROWS:
        for i in range(repeats):
            squeeze = partial(layers.SqueezeExcite, channels // 4) if excited else None
            options = {"stride": stride if i == 0 else 1, "squeeze_excite": squeeze}
            rows.append(
                blocks.InvertedResidual(features, kernel, expansion=ratio, norm=NORM, **options)
            )
            channels = features
    trunk, _ = count([CNA(32, 3, 2), *rows, CNA(1280, 1)], 3)
    assert trunk + linear(1280, 1000) == total


@pytest.mark.slow
def test_efficientnet_v2_s():
    fused = [(1, 24, 2, 1), (4, 48, 4, 2), (4, 64, 4, 2)]
    inverted = [(4, 128, 6, 2), (6, 160, 9, 1), (6, 256, 15, 2)]
    channels, rows = 24, [CNA(24, 3, 2)]
    for table, kind in ((fused, blocks.FusedInvertedResidual), (inverted, blocks.InvertedResidual)):
        for ratio, features, repeats, stride in table:
            for i in range(repeats):
                options = {"stride": stride if i == 0 else 1, "expansion": ratio, "norm": NORM}
                if kind is blocks.InvertedResidual:
                    options["squeeze_excite"] = partial(layers.SqueezeExcite, channels // 4)
                rows.append(kind(features, **options))
                channels = features
    trunk, _ = count([*rows, CNA(1280, 1)], 3)
    assert trunk + linear(1280, 1000) == 21_458_488


def shapes_of_unet(padding, size, **options):
    """Return the parameters and the output's size of the paper's network."""
    kind = functools.partial
    common = {"padding": padding, "norm": None}
    x, total, skips = jax.ShapeDtypeStruct((1, size, size, 1), jnp.float32), 0, []

    def run(module, *inputs):
        nonlocal total
        y, variables = jax.eval_shape(module.init_with_output, jax.random.key(0), *inputs)
        total += sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
        return y

    for features in (64, 128, 256, 512):
        x, skip = run(kind(blocks.UNetDown, **common)(features), x)
        skips.append(skip)
    x = run(blocks.DoubleConv(1024, **common), x)
    for features, skip in zip((512, 256, 128, 64), reversed(skips), strict=True):
        x = run(blocks.UNetUp(features, **common, **options), x, skip)
    return total + linear(64, 2), x.shape


def test_the_papers_unet():
    """Ronneberger et al. 2015, figure 1: 572 in, 388 out."""
    assert shapes_of_unet(0, 572) == (31_030_658, (1, 388, 388, 64))


@pytest.mark.parametrize("up", ["transpose", "nearest", "bilinear"])
def test_a_padded_unet_keeps_every_size(up):
    for size in (33, 47, 64):
        assert shapes_of_unet(1, size, up=up)[1] == (1, size, size, 64)
