"""Residual networks: the papers' tables by arithmetic, rates block by block, values by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from scipy.signal import correlate

from jaxcnn import create_model, model_info
from jaxcnn.models.regnet import stages_of
from jaxcnn.models.widths import make_divisible


def shapes(name, size, **fields):
    """Return the shapes of the maps after every module, abstractly."""
    model = create_model(name, **fields)

    def everything(x):
        return model.init_with_output(jax.random.key(0), x, capture_intermediates=True)[1]

    x = jax.ShapeDtypeStruct((1, size, size, 3), jnp.float32)
    return jax.eval_shape(everything, x)["intermediates"]


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        # He et al. 2015, table 1.
        (
            "resnet50",
            224,
            "stem 112 64, stage1 56 256, stage2 28 512, stage3 14 1024, stage4 7 2048",
        ),
        ("resnet18", 97, "stem 49 64, stage1 25 64, stage2 13 128, stage3 7 256, stage4 4 512"),
        # Zagoruyko & Komodakis 2016, table 1.
        ("wrn_28_10", 32, "stem 32 16, stage1 32 160, stage2 16 320, stage3 8 640, last 8 640"),
    ],
)
def test_maps_have_the_papers_sizes(name, size, expected):
    maps = shapes(name, size)
    for row in expected.split(", "):
        module, side, features = row.split()
        (found,) = maps[module]["__call__"]
        assert found.shape == (1, int(side), int(side), int(features)), module


def norm(features):
    return 2 * features


def plain(inputs, width, outputs, stride):
    """Parameters of a pre-activation basic block, less its first norm; option A."""
    return 9 * inputs * width + norm(width) + 9 * width * outputs


def projected(inputs, width, outputs, stride):
    """The same, with option B."""
    shortcut = inputs * outputs if (inputs, stride) != (outputs, 1) else 0
    return plain(inputs, width, outputs, stride) + shortcut


def neck(inputs, width, outputs, stride):
    """Parameters of a pre-activation bottleneck, less its first norm; option B."""
    branch = inputs * width + norm(width) + 9 * width**2 + norm(width) + width * outputs
    return branch + (inputs * outputs if (inputs, stride) != (outputs, 1) else 0)


def preactivated(block, blocks, stem, width, expansion, kernel, classes):
    """Parameters of a pre-activation network: one norm before every block, one after the last."""
    total, inputs = 3 * kernel**2 * stem, stem
    for i, count in enumerate(blocks):
        outputs = width * 2**i * expansion
        for j in range(count):
            stride = 2 if i > 0 and j == 0 else 1
            total += norm(inputs) + block(inputs, width * 2**i, outputs, stride)
            inputs = outputs
    return total + norm(inputs) + (inputs + 1) * classes


LARGE = {"stem": 64, "width": 64, "expansion": 4, "kernel": 7, "classes": 1000}
SMALL = {"stem": 16, "kernel": 3, "classes": 10}
TABLE = {
    "preact_resnet50": (neck, (3, 4, 6, 3), LARGE),
    "preact_resnet101": (neck, (3, 4, 23, 3), LARGE),
    "preact_resnet152": (neck, (3, 8, 36, 3), LARGE),
    "preact_resnet200": (neck, (3, 24, 36, 3), LARGE),
    "preact_resnet110": (plain, (18,) * 3, {**SMALL, "width": 16, "expansion": 1}),
    "preact_resnet164": (neck, (18,) * 3, {**SMALL, "width": 16, "expansion": 4}),
    "preact_resnet1001": (neck, (111,) * 3, {**SMALL, "width": 16, "expansion": 4}),
    "wrn_16_8": (projected, (2,) * 3, {**SMALL, "width": 128, "expansion": 1}),
    "wrn_28_10": (projected, (4,) * 3, {**SMALL, "width": 160, "expansion": 1}),
    "wrn_40_4": (projected, (6,) * 3, {**SMALL, "width": 64, "expansion": 1}),
}


@pytest.mark.parametrize("name", TABLE)
def test_parameters_follow_from_the_papers_layout(name):
    block, blocks, widths = TABLE[name]
    assert model_info(name).params == preactivated(block, blocks, **widths)
    assert model_info(name).fields["blocks"] == blocks


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        *(("wrn_16_8", 11.0), ("wrn_28_10", 36.5), ("wrn_40_4", 8.9)),
        *(("preact_resnet164", 1.7), ("preact_resnet110", 1.7)),
    ],
)
def test_parameters_are_those_that_the_papers_print(name, millions):
    assert round(model_info(name).params / 1e6, 1) == millions


def test_resnet200_follows_from_the_papers_layout():
    """With a norm after each convolution and each projection."""
    total, inputs = 3 * 49 * 64 + norm(64), 64
    for width, count in zip((64, 128, 256, 512), (3, 24, 36, 3), strict=True):
        total += neck(inputs, width, 4 * width, 2) + 2 * norm(4 * width)
        total += (count - 1) * (neck(4 * width, width, 4 * width, 1) + norm(4 * width))
        inputs = 4 * width
    assert model_info("resnet200").params == total + 2049 * 1000


def of_blocks(field, name, **fields):
    """Return a field of the blocks that a model builds, in order."""
    found = {}

    def record(call, args, kwargs, context):
        module = context.module
        if module.name and module.name.startswith("block") and context.method_name == "__call__":
            found["/".join(module.path)] = getattr(module, field)
        return call(*args, **kwargs)

    with nn.intercept_methods(record):
        shapes(name, 32, **fields)
    return list(found.values())


def test_blocks_are_dropped_linearly_up_to_a_half():
    """Huang et al. 2016, equation 4: block l of 6 survives with probability 1 - l / 12."""
    rates = of_blocks("stochastic_depth", "resnet110_sd", blocks=2)
    np.testing.assert_allclose(rates, np.arange(1, 7) / 12)


def test_only_the_first_preactivated_block_finds_its_input_activated():
    """He et al. 2016, appendix."""
    assert of_blocks("activated", "wrn_16_8") == [True, False, False, False, False, False]


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("resnet18", {"groups": 32}, "groups=32: must be 1 in basic blocks"),
        ("resnet18", {"base_width": 4}, "base_width=4: must be 64 in basic blocks"),
        ("preact_resnet50", {"block_dropout": 0.3}, "block_dropout=0.3: must be 0 in bottlenecks"),
        ("regnet_x_400mf", {"w_0": 20, "w_m": 1.0}, "w_0=20: must be a multiple of 8(.|\n)*w_m=1"),
        ("regnet_x_400mf", {"w_a": -1.0}, "w_a=-1.0: must be >= 0"),
        ("resnet50", {"blocks": [0, 1]}, r"blocks\[0\]=0: must be >= 1"),
    ],
)
def test_what_cannot_be_meant_is_refused(name, fields, message):
    with pytest.raises(ValueError, match=message):
        shapes(name, 32, **fields)


# Stages of torchvision's networks: blocks, features, group width.
STAGES = {
    "regnet_x_8gf": [(2, 80, 80), (5, 240, 120), (15, 720, 120), (1, 1920, 120)],
    "regnet_y_800mf": [(1, 64, 16), (3, 144, 16), (8, 320, 16), (2, 784, 16)],
    "regnet_y_8gf": [(2, 224, 56), (4, 448, 56), (10, 896, 56), (1, 2016, 56)],
    "regnet_y_32gf": [(2, 232, 232), (5, 696, 232), (12, 1392, 232), (1, 3712, 232)],
}


@pytest.mark.parametrize("name", STAGES)
def test_the_line_gives_the_stages(name):
    fields = model_info(name).fields
    line = {key: fields[key] for key in ("depth", "w_0", "w_a", "w_m", "group_width")}
    assert list(stages_of(**line)) == STAGES[name]


def test_a_flat_line_is_one_stage():
    assert stages_of(5, 48, 0.0, 2.0, 24) == ((5, 48, 24),)


def test_a_width_never_loses_more_than_a_tenth():
    for divisor in (1, 8, 56):
        for width in range(1, 400):
            made = make_divisible(width, divisor)
            assert made % divisor == 0
            assert 0.9 * width <= made <= max(divisor, width + divisor)


def test_a_preactivated_network_equals_its_definition(x64):
    """Stem, one block of each kind and the end, from SciPy alone."""
    fields = {"blocks": [1, 1], "bottleneck": False, "small_images": True, "width": 2, "widen": 2}
    model = create_model("preact_resnet50", num_classes=3, **fields)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 6, 3))
    spec = jax.eval_shape(model.init, jax.random.key(0), x)
    variables = jax.tree.map(lambda v: rng.uniform(0.5, 1.5, v.shape) - 0.7, spec)
    variables["batch_stats"] = jax.tree.map(lambda v: v + 0.7, variables["batch_stats"])
    params, stats = variables["params"], variables["batch_stats"]

    def conv(y, kernel, stride=1):
        y = np.pad(y, [(0, 0), *[(n // 2, n // 2) for n in kernel.shape[:2]], (0, 0)])
        planes = [correlate(y, k[None], mode="valid") for k in np.moveaxis(kernel, -1, 0)]
        return np.concatenate(planes, -1)[:, ::stride, ::stride]

    def active(y, p, s):
        y = (y - s["mean"]) / np.sqrt(s["var"] + 1e-5)
        return np.maximum(y * p["scale"] + p["bias"], 0)

    def branch(z, p, s, stride):
        y = active(conv(z, p["conv1"]["kernel"], stride), p["norm2"], s["norm2"])
        return conv(y, p["conv2"]["kernel"])

    y = conv(x, params["stem"]["conv"]["kernel"])
    z = active(y, params["stem"]["norm"], stats["stem"]["norm"])
    for stage, stride in (("stage1", 1), ("stage2", 2)):
        p, s = params[stage]["block1"], stats[stage]["block1"]
        z = z if stage == "stage1" else active(y, p["norm1"], s["norm1"])
        y = conv(z, p["shortcut_conv"]["kernel"], stride) + branch(z, p, s, stride)
    y = active(y, params["last"]["norm"], stats["last"]["norm"]).mean((1, 2))
    y = y @ params["head"]["kernel"] + params["head"]["bias"]
    np.testing.assert_allclose(jax.jit(model.apply)(variables, x), y, rtol=1e-11)
