"""What cannot be meant is refused, with the argument, its value, the rule and the fix."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import blocks, layers
from jaxcnn.blocks import Branch, ConvStep, PoolStep

NORM = partial(layers.BatchNorm, use_running_average=True)
BASIC = partial(blocks.BasicBlock, norm=NORM)
NECK = partial(blocks.Bottleneck, norm=NORM)
PREACT = partial(blocks.PreactBasicBlock, norm=NORM)
LAYER = partial(blocks.DenseLayer, norm=NORM)
INVERTED = partial(blocks.InvertedResidual, norm=NORM)
UNIT = partial(blocks.ConvNormAct, norm=NORM)
SHUFFLE = partial(blocks.ShuffleUnit, norm=NORM)
UP = partial(blocks.UNetUp, norm=NORM)


def sides(*branches):
    return blocks.Branches(branches, norm=NORM)


# The block, and what its message must hold: the argument with its value, then the rule.
MISUSES = {
    "no features": (BASIC(0), "features=0: must be >= 1"),
    "features of a float": (BASIC(8.0), "features=8.0: must be an int"),
    "stride zero": (BASIC(8, stride=0), "stride=0: must be >= 1"),
    "stride per axis": (BASIC(8, stride=(2, 2)), r"stride=\(2, 2\): must be an int"),
    "negative stride": (NECK(8, stride=-1), "stride=-1: must be >= 1"),
    "features no multiple": (NECK(10), "features=10: must be a multiple of expansion=4.*use 12"),
    "groups zero": (NECK(8, groups=0), "groups=0: must be >= 1"),
    "width zero": (NECK(8, base_width=16), "base_width=16: leaves no channels"),
    "expansion zero": (NECK(8, expansion=0), "expansion=0: must be >= 1"),
    "hidden zero": (NECK(8, hidden=0), "hidden=0: must be >= 1"),
    "hidden and groups": (NECK(8, hidden=6, groups=4), "hidden=6: must be a multiple.*use 8"),
    "squeeze in percent": (NECK(8, squeeze_ratio=25), r"squeeze_ratio=25: must lie in \[0, 1\]"),
    "rate in percent": (
        BASIC(8, stochastic_depth=20),
        r"stochastic_depth=20: must lie in \[0, 1\]",
    ),
    "negative rate": (PREACT(8, dropout=-0.1), r"dropout=-0.1: must lie in \[0, 1\]"),
    "rate as text": (PREACT(8, dropout="half"), "dropout='half': must be a number"),
    "unknown mode": (
        BASIC(8, stochastic_depth=0.2),
        "deterministic=None: .*deterministic=not train",
    ),
    "unknown mode, dense": (LAYER(4, dropout=0.2), "deterministic=None: .*dropout is above 0"),
    "unknown mode, inverted": (INVERTED(8, stochastic_depth=0.2), "deterministic=None"),
    "unknown mode, head": (blocks.GoogLeNetAux(5, norm=NORM), "deterministic=None"),
    "zero init without norm": (BASIC(8, norm=None, zero_init=True), "zero_init=True: needs a norm"),
    "zero init, unit": (UNIT(8, norm=None, zero_init=True), "zero_init=True: needs a norm"),
    "zero init, inverted": (INVERTED(8, norm=None, zero_init=True), "zero_init=True: needs"),
    "too few features for A": (
        BASIC(4, shortcut=blocks.shortcut_a),
        "features=4: must be at least the 6 input channels.*shortcut_b",
    ),
    "no block, stage": (blocks.Stage(()), r"blocks=\(\): must hold at least one block"),
    "odd features": (SHUFFLE(7, stride=2), "features=7: must be even"),
    "other channels, shuffle": (SHUFFLE(8), "features=8: must be the 6 channels of the input"),
    "other channels, convnext": (blocks.ConvNeXtBlock(8), "features=8: must be the 6 channels"),
    "no block": (blocks.ResidualStage(0, 8, 1, BASIC), "blocks=0: must be >= 1"),
    "rates of others": (
        blocks.ResidualStage(2, 8, 1, BASIC, (0.1,)),
        r"stochastic_depth=\(0.1,\): must be empty or one rate for each of 2 blocks",
    ),
    "kernel zero": (UNIT(8, 0), "kernel_size=0: must be >= 1"),
    "kernel in three axes": (UNIT(8, (3, 3, 3)), r"kernel_size=\(3, 3, 3\): must have one entry"),
    "strides zero": (UNIT(8, strides=(1, 0)), r"strides=\(1, 0\): must be >= 1"),
    "groups that do not divide": (
        UNIT(8, feature_group_count=4),
        "feature_group_count=4: must divide the 6 input channels.*divisor of 6",
    ),
    "groups, features": (UNIT(8, feature_group_count=3), "must divide the 8 features"),
    "kernel that does not fit": (UNIT(8, 9, padding=0), "kernel_size=.*must fit"),
    "growth zero": (LAYER(0), "growth_rate=0: must be >= 1"),
    "negative bottleneck": (LAYER(4, bottleneck=-1), "bottleneck=-1: must be >= 0"),
    "no dense layer": (blocks.DenseBlock(0, LAYER), "blocks=0: must be >= 1"),
    "compression above 1": (
        blocks.Transition(2.0, norm=NORM),
        r"compression=2.0: must be a number in \(0, 1\]",
    ),
    "compression to nothing": (
        blocks.Transition(0.1, norm=NORM),
        "compression=0.1: leaves none of the 6 input channels",
    ),
    "expansion below 0": (INVERTED(8, expansion=-6), "expansion=-6: must be a number above 0"),
    "hidden zero, inverted": (INVERTED(8, hidden=0), "hidden=0: must be >= 1"),
    "fused, kernel": (
        blocks.FusedInvertedResidual(8, kernel_size=0, norm=NORM),
        "kernel_size=0: must be >= 1",
    ),
    "padding of 2": (blocks.DoubleConv(4, padding=2, norm=NORM), "padding=2: must be one of 1, 0"),
    "padding SAME": (blocks.UNetDown(4, padding="SAME", norm=NORM), "padding='SAME': must be one"),
    "unknown up": (UP(4, up="cubic"), "up='cubic': must be one of 'transpose', 'nearest'"),
    "unknown fit": (UP(4, fit="stretch"), "fit='stretch': must be one of 'crop', 'pad'"),
    "no classes": (blocks.InceptionV3Aux(0, norm=NORM), "num_classes=0: must be >= 1"),
    "small map": (blocks.InceptionV3Aux(5, norm=NORM), "must be at least 17x17.*299"),
    "head of another size": (
        blocks.GoogLeNetAux(5, norm=NORM, deterministic=True),
        "must be 4x4 after the pooling, got 2x2.*avg_pool_to_4x4",
    ),
    "no branches": (sides(), r"branches=\(\): must be a tuple of Branch"),
    "branches of names": (sides("1x1", "3x3"), "must be a tuple of Branch"),
    "names twice": (
        sides(Branch("a", (ConvStep(2),)), Branch("a", (ConvStep(3),))),
        r"branches=\['a', 'a'\]: must have different names",
    ),
    "no step": (sides(Branch("a", ())), r"a.steps=\(\): must hold ConvStep"),
    "unknown pool": (sides(Branch("a", (PoolStep("mean"),))), "a.kind='mean': must be one of"),
    "sizes that differ": (
        sides(Branch("a", (ConvStep(2),)), Branch("b", (ConvStep(2, 3, stride=2),))),
        r"'a': \(8, 8\), 'b': \(4, 4\).*must give maps of one size",
    ),
    "step without features": (sides(Branch("a", (ConvStep(0),))), "'a'.*features=0: must be >= 1"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_a_misuse_is_refused(name):
    module, message = MISUSES[name]
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((2, 8, 8, 6)))
    assert "Fix: " in str(caught.value)
    assert str(caught.value).startswith(("shortcut_a", type(module).__name__, "Conv"))


INPUTS = {
    "one image": (np.zeros((8, 8, 6), np.float32), "must be images.*one image is x"),
    "a volume": (np.zeros((2, 8, 8, 8, 6), np.float32), "must be images"),
    "8-bit": (np.zeros((2, 8, 8, 6), np.uint8), "floating-point"),
    "no array": ([1.0], "must be images"),
}
ALL = {
    "unit": UNIT(8),
    "basic": BASIC(8),
    "neck": NECK(8),
    "preact": PREACT(8),
    "stage": blocks.ResidualStage(1, 8, 1, BASIC),
    "sides": sides(Branch("a", (ConvStep(2),))),
    "layer": LAYER(4),
    "dense": blocks.DenseBlock(1, partial(LAYER, 4)),
    "transition": blocks.Transition(norm=NORM),
    "inverted": INVERTED(8),
    "down": blocks.UNetDown(4, norm=NORM),
    "up": UP(4),
    "head": blocks.InceptionV3Aux(5, norm=NORM),
}


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", ALL)
def test_what_is_no_batch_of_images_is_refused(name, kind):
    x, message = INPUTS[kind]
    with pytest.raises((ValueError, TypeError), match=message):
        ALL[name].init(jax.random.key(0), x)


def test_channels_first_are_recognised():
    with pytest.raises(ValueError, match=r"looks like NCHW.*transpose"):
        jax.eval_shape(BASIC(8).init, jax.random.key(0), jnp.zeros((2, 3, 32, 32)))


def test_all_problems_are_told_at_once_and_the_layer_is_named():
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x):
            return NECK(10, stride=0, groups=0, stochastic_depth=2, name="block7")(x)

    with pytest.raises(ValueError, match="Bottleneck 'block7': 3 problems") as caught:
        jax.eval_shape(Net().init, jax.random.key(0), jnp.zeros((2, 8, 8, 6)))
    for part in ("stride=0", "groups=0", "stochastic_depth=2", "input shape (2, 8, 8, 6)"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((2, 15, 16, 3), {"padding": 0}, r"skip=.*must be at least \(16, 16\)"),
        ((3, 16, 16, 3), {}, "must be maps .* of the same 2 images"),
        ((2, 16, 16), {}, "must be maps"),
    ],
)
def test_a_skip_that_does_not_belong_is_refused(shape, options, message):
    x, skip = jnp.zeros((2, 8, 8, 6)), jnp.zeros(shape)
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(UP(4, **options).init, jax.random.key(0), x, skip)
