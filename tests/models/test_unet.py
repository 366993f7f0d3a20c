"""U-Nets: which sizes are allowed, what comes out, and how a classifier becomes the way down."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import create_model, model_info
from jaxcnn.models import BackboneUNet, UNet
from jaxcnn.models.encoder import pyramid, stage_maps
from tests.models.test_registry import count, variables_of


def images(height, width=None, channels=3):
    return jax.ShapeDtypeStruct((1, height, width or height, channels), jnp.float32)


def output(model, x):
    return jax.eval_shape(model.init_with_output, jax.random.key(0), x)[0].shape[1:3]


@pytest.mark.parametrize("size", [188, (204, 220), 572])
def test_valid_convolutions_take_184_pixels(size):
    height, width = size if isinstance(size, tuple) else (size, size)
    small = create_model("unet", width=2)
    assert output(small, images(height, width, 1)) == (height - 184, width - 184)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_smallest_valid_image_of_each_depth(depth):
    model = UNet(depth=depth, width=2)
    assert min(output(model, images(model.min_size))) >= 1
    smaller = images(model.min_size - 2**depth)
    with pytest.raises(ValueError, match="at least"):
        output(model, smaller)


@pytest.mark.parametrize("size", [(189, 188), (188, 571)])
def test_a_size_that_a_pooling_would_cut_is_refused(size):
    axis = 1 if size[0] % 2 else 2
    with pytest.raises(ValueError, match=rf"axis {axis} has .* 188, 204, 220.*mirror.*padding=1"):
        output(create_model("unet"), images(*size, 1))


def test_a_padded_network_keeps_every_size():
    model = create_model("unet_padded", width=2)
    for size in ((16, 31), (33, 48)):
        assert output(model, images(*size, 1)) == size


@pytest.mark.parametrize("name", ["unet_resnet18", "unet_resnet34", "unet_resnet50"])
def test_counts_of_the_usual_decoder(name):
    """As in segmentation_models.pytorch, whose head for one class is a 3x3: 16 x 8 weights more."""
    known = {"unet_resnet18": 14_328_209, "unet_resnet34": 24_436_369, "unet_resnet50": 32_521_105}
    model = create_model(name, num_classes=1)
    assert count(variables_of(model, images(64))) == known[name] - 16 * 8


BACKBONES = {
    "resnet20": (2, [64, 32, 16]),
    "vgg11": (5, [64, 32, 16, 8, 4, 2]),
    "squeezenet1_1": (4, None),
    "densenet_bc_100_12": (2, [64, 32, 16]),
    "googlenet": (5, [32, 16, 8, 4, 2]),
    "resnet18": (5, [32, 16, 8, 4, 2]),
    "efficientnet_b0": (5, [32, 16, 8, 4, 2]),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n == "resnet18" else pytest.mark.slow) for n in BACKBONES],
)
def test_any_classifier_is_a_way_down(name):
    depth, sizes = BACKBONES[name]
    backbone = create_model(name)
    model = BackboneUNet(backbone, depth=depth, width=4)
    y, variables = jax.eval_shape(model.init_with_output, jax.random.key(0), images(64))
    assert y.shape == (1, 64, 64, 2)
    classifier = variables_of(backbone, images(model_info(name).input_size))
    for collection, tree in classifier.items():
        kept = variables[collection]["encoder"]
        assert kept == {module: tree[module] for module in kept}
        lost = tree.keys() - kept.keys()
        assert all(module.startswith(("fc", "head", "aux")) for module in lost)
    if sizes:
        found = jax.eval_shape(lambda: levels_of(backbone.clone(num_classes=0)))
        assert [y.shape[1] for y in found] == sizes[::-1]


def levels_of(backbone):
    def run(module):
        return pyramid(stage_maps(module, jnp.zeros((1, 64, 64, 3)), False))

    return nn.init_with_output(run, backbone)(jax.random.key(0))[0]


@pytest.mark.slow
def test_no_image_changes_the_parameters():
    model = create_model("unet_resnet18", width=2)
    trees = [variables_of(model, images(size)) for size in (model.min_size, 45, 64)]
    assert trees[0] == trees[1] == trees[2]


def test_recomputation_and_type_reach_the_backbone():
    model = create_model("unet_resnet18", remat=True, dtype=jnp.bfloat16, width=2)
    text = str(
        jax.make_jaxpr(lambda x: model.init_with_output(jax.random.key(0), x))(
            jnp.zeros((1, 32, 32, 3))
        )
    )
    convolutions = [line for line in text.splitlines() if "conv_general_dilated[" in line]
    assert convolutions
    assert all("bf16" in line for line in convolutions)
    plain = create_model("unet_resnet18", width=2)
    assert variables_of(model, images(32)) == variables_of(plain, images(32))


def test_a_wrong_depth_and_a_network_without_maps_are_refused():
    with pytest.raises(ValueError, match=r"depth=3: must be 2: .*\(8, 8\).*use depth=2"):
        variables_of(BackboneUNet(create_model("resnet20"), depth=3), images(32))
    with pytest.raises(ValueError, match="must have modules directly under it that make maps"):
        variables_of(BackboneUNet(create_model("mlp"), depth=1), images(32))


@pytest.mark.slow
def test_the_skips_carry_what_the_bottom_cannot():
    """With the bottom's way up at zero, the output still depends on the image, at its place."""
    model = create_model("unet_padded", width=2, depth=1, norm=None, num_classes=0)
    x = jax.random.normal(jax.random.key(1), (1, 16, 16, 1))
    variables = model.init(jax.random.key(0), x)
    params = variables["params"]
    params["up1"]["up"] = jax.tree.map(jnp.zeros_like, params["up1"]["up"])
    slope = jax.grad(lambda x: model.apply({"params": params}, x)[0, 8, 8].sum())(x)
    rows, columns = np.nonzero(np.asarray(slope)[0, :, :, 0])
    assert rows.size > 0
    assert max(abs(rows - 8).max(), abs(columns - 8).max()) <= 4  # four 3x3 convolutions
