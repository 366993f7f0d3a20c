"""Tiles give what the whole image gives, and no more context than they need."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import create_model, summary
from jaxcnn.models import BackboneUNet, UNet
from jaxcnn.tiles import overlap_tile, tiling

VALID = UNet(depth=2, width=3, num_classes=3)
PADDED = UNet(depth=2, width=3, num_classes=3, padding=1, up="nearest")


def variables_of(model, size=64):
    made = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, size, size, 1)))
    return jax.tree.map(lambda x: x + 0.01, made)  # biases too


def photograph(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.slow
def test_a_valid_network_gives_the_mirrored_whole():
    variables, image = variables_of(VALID), photograph(2, 61, 90, 1)
    plan = tiling(VALID, 1, tile=64)
    assert (plan.crop, plan.margin, plan.stride) == (20, 0, 4)
    found = overlap_tile(VALID, variables, image, tile=64, batch_size=4)
    assert found.shape == (2, 61, 90, 3)
    pads = [(20, 20 + -size % 4) for size in (61, 90)]  # what its poolings take evenly
    whole = np.pad(image, ((0, 0), *pads, (0, 0)), mode="reflect")
    expected = jax.jit(VALID.apply)(variables, whole)[:, :61, :90]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
def test_a_padded_network_gives_the_whole_away_from_the_border():
    variables, image = variables_of(PADDED), photograph(1, 140, 100, 1)
    plan = tiling(PADDED, 1, tile=72)
    assert plan.margin >= plan.field / 2 > 20
    assert plan.margin % plan.stride == plan.step % plan.stride == 0
    assert plan.count(140) > 1
    found = overlap_tile(PADDED, variables, image, tile=72, batch_size=2)
    expected = np.asarray(jax.jit(PADDED.apply)(variables, image))
    inner = slice(plan.margin, -plan.margin)
    np.testing.assert_allclose(found[:, inner, inner], expected[:, inner, inner], atol=1e-5)
    assert np.abs(found - expected).max() > 1e-3  # at the border, mirrors are no zeros
    # With half of it the seams show.
    near = overlap_tile(PADDED, variables, image, tile=72, margin=plan.margin // 2)
    assert np.abs(near - expected)[:, inner, inner].max() > 1e-5


@pytest.mark.slow
def test_one_tile_may_be_larger_than_the_image():
    variables, image = variables_of(VALID), photograph(1, 9, 5, 1)
    found = overlap_tile(VALID, variables, image, tile=64)
    assert found.shape == (1, 9, 5, 3)
    larger = overlap_tile(VALID, variables, image, tile=56)
    np.testing.assert_allclose(found, larger, atol=1e-5)


@pytest.mark.parametrize("name", ["unet", "unet_padded"])
@pytest.mark.slow
def test_the_plan_of_the_paper_is_that_of_its_summary(name):
    model = create_model(name, width=2)
    plan = tiling(model, 1, tile=572)
    rows = summary(model, (572, 572, 1)).rows
    assert plan.field == max(rows[-1].field)
    assert plan.stride == max(max(row.jump) for row in rows if row.jump)
    if name == "unet":
        assert (plan.side, plan.kept, plan.step) == (572, 388, 384)
    else:
        assert plan.side == 560
        assert plan.margin >= plan.field / 2


def test_a_backbone_sees_far():
    plan = tiling(create_model("unet_resnet18", width=2), 3, tile=1600)
    assert plan.stride == 32
    assert plan.margin >= plan.field / 2 > 200


class Gated(nn.Module):
    """Multiplies by what it has seen of the whole image."""

    @nn.compact
    def __call__(self, x):
        return x * x.mean((1, 2), keepdims=True)


@pytest.mark.parametrize(
    ("model", "options", "text"),
    [
        (Gated(), {}, "margin=None: must be given: Gated sees the whole image"),
        (PADDED, {"tile": 48}, "tile=48: leaves 0 of 48 pixels.*use tile=64 or more"),
        (UNet(padding=1, up="bilinear", depth=1, width=2), {}, "margin=None: must be given: UNet"),
        (create_model("lenet5"), {"tile": 32}, "must give one result for each pixel"),
        (BackboneUNet(create_model("resnet20"), depth=2), {"margin": -1}, "margin=-1: must be"),
        (VALID, {"tile": 30}, "at least"),
    ],
)
def test_what_cannot_be_tiled(model, options, text):
    with pytest.raises(ValueError, match=text):
        tiling(model, 3 if isinstance(model, BackboneUNet) else 1, **options)


def test_a_margin_may_be_given_where_the_field_is_not_known():
    plan = tiling(Gated(), 1, tile=40, margin=6)
    assert (plan.margin, plan.kept) == (6, 28)


def test_bad_images():
    with pytest.raises(ValueError, match=r"x=.*must be \(N, H, W, C\)"):
        overlap_tile(VALID, {}, photograph(9, 9, 1))
    with pytest.raises(TypeError, match="x=.*must be floating"):
        overlap_tile(VALID, {}, np.zeros((1, 9, 9, 1), np.uint8))
