"""Networks of inverted residuals, ConvNeXt, ShuffleNet: tables, names, what starts at zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import blocks, create_model, features
from jaxcnn.models.inverted import Row, expanded, scaled
from jaxcnn.weights.tables import table_of


@pytest.mark.parametrize(
    ("name", "stem", "widths", "repeats", "top"),
    [
        ("b7", 64, [32, 48, 80, 160, 224, 384, 640], [4, 7, 7, 10, 10, 13, 4], 2560),
        ("lite4", 32, [24, 32, 56, 112, 160, 272, 448], [1, 4, 4, 6, 6, 8, 1], 1280),
    ],
)
def test_scaling_gives_the_published_networks(name, stem, widths, repeats, top):
    """Lite keeps its ends: stem, top, and the repeats of the first and the last row."""
    model = create_model(f"efficientnet_{name}")
    assert (model.stem, model.top) == (stem, top)
    assert [row.features for row in model.stages] == widths
    assert [row.repeats for row in model.stages] == repeats


def test_only_the_first_block_of_a_row_strides_and_widens():
    first, second = expanded(scaled([Row(6, 5, 2, 24, 1)], 1.0, depth=1.1), 16, 0.25)[0]
    assert (first.stride, first.hidden, first.squeeze) == (2, 96, 4)
    assert (second.stride, second.hidden, second.squeeze) == (1, 144, 6)


NAMES = [
    (
        "efficientnet_b0",
        "torchvision",
        "stage1/block1/squeeze_excite/expand",
        "features.1.0.block.1.fc2",
    ),
    ("efficientnet_b0", "timm", "stage1/block1/project/norm", "blocks.0.0.bn2"),
    ("efficientnet_v2_s", "torchvision", "stage2/block4/project/conv", "features.2.3.block.1.0"),
    ("efficientnet_v2_s", "timm", "stage1/block2/expand/conv", "blocks.0.1.conv"),
    ("efficientnet_v2_s", "timm", "stage2/block1/expand/conv", "blocks.1.0.conv_exp"),
    (
        "efficientnet_v2_s",
        "timm",
        "stage4/block6/squeeze_excite/reduce",
        "blocks.3.5.se.conv_reduce",
    ),
    ("efficientnet_lite0", "timm", "stage7/block1/depthwise/norm", "blocks.6.0.bn2"),
    ("mobilenet_v2", "timm", "stage2/block2/project/conv", "blocks.1.1.conv_pwl"),
    ("mnasnet1_0", "timm", "stage1/block1/depthwise/conv", "blocks.0.0.conv_dw"),
    ("convnext_tiny", "timm", "stage3/block9", "stages.2.blocks.8"),
    ("convnext_tiny", "torchvision", "down4/conv", "features.6.1"),
]


@pytest.mark.parametrize(("name", "layout", "ours", "theirs"), NAMES)
def test_a_part_has_its_name_elsewhere(name, layout, ours, theirs):
    assert table_of(name, create_model(name), layout).rule(ours)[1] == theirs


def test_zero_init_is_for_blocks_with_a_shortcut():
    """A branch of zero without a shortcut would leave the next blocks nothing."""
    stages = [[1, 3, 1, 8, 1], [2, 3, 2, 8, 2]]
    model = create_model("mobilenet_v2", stages=stages, stem=8, top=8, zero_init=True)
    variables = jax.jit(model.init)(jax.random.key(0), jnp.ones((1, 8, 8, 3)))
    scales = {
        f"{stage}/{block}": float(params["project"]["norm"]["scale"].sum())
        for stage in ("stage1", "stage2")
        for block, params in variables["params"][stage].items()
    }
    assert scales == {"stage1/block1": 0, "stage2/block1": 8, "stage2/block2": 0}


def test_stages_are_taps():
    model = create_model("efficientnet_lite0", num_classes=0)
    x = jax.ShapeDtypeStruct((1, 224, 224, 3), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    at = ["stem", "stage2", "stage3", "stage5", "top"]
    found = jax.eval_shape(lambda v, x: features(model, v, x, at=at), variables, x)
    sizes = {"stem": (112, 32), "stage2": (56, 24), "stage3": (28, 40), "stage5": (14, 112)}
    assert {k: v.shape[2:] for k, v in found.items()} == {**sizes, "top": (7, 1280)}


def test_a_shuffle_unit_passes_half_its_channels_between_the_others():
    x = jax.random.normal(jax.random.key(0), (1, 4, 4, 6))
    y, _ = blocks.ShuffleUnit(6, norm=None).init_with_output(jax.random.key(1), x)
    np.testing.assert_array_equal(y[..., ::2], x[..., :3])
    assert (y[..., 1::2] >= 0).all()


@pytest.mark.slow
def test_a_convnext_block_starts_near_its_shortcut():
    x = jax.random.normal(jax.random.key(0), (1, 4, 4, 6))
    near = blocks.ConvNeXtBlock(6).init_with_output(jax.random.key(1), x)[0]
    assert 0 < float(jnp.abs(near - x).max()) < 1e-5


@pytest.mark.parametrize("ratio", [-1, 2])
def test_a_squeeze_ratio_is_a_share(ratio):
    model = create_model("efficientnet_b0", squeeze_ratio=ratio)
    images = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    with pytest.raises(ValueError, match="efficientnet: squeeze_ratio="):
        jax.eval_shape(model.init, jax.random.key(0), images)
