"""AlexNet, ZFNet, All-CNN, SqueezeNet: values by hand, figures of the papers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from scipy.signal import correlate

from jaxcnn import create_model
from jaxcnn.models.initializers import normal_001
from jaxcnn.models.inputs import Window, smallest_input
from jaxcnn.taps import list_taps


def plane(x, kernel):
    return correlate(x, kernel, mode="valid")


def outputs(name: str, size: int, channels: int = 3) -> dict:
    """Height, width and channels of each layer's output."""
    taps = list_taps(create_model(name), (1, size, size, channels))
    return {key: spec.shape[1:] for key, spec in taps.items() if ":" not in key}


def test_alexnet_refuses_steps_and_layers_that_it_does_not_know():
    fields = {"convs": [[4, 3, 1, 1, 1, 0.0, ["norm"]]], "dropout_before": ["fc8"]}
    model = create_model("alexnet", **fields)
    images = jax.ShapeDtypeStruct((1, 32, 32, 1), jnp.float32)
    with pytest.raises(ValueError, match="2 problems(?s:.*)'norm'(?s:.*)'pool' and 'lrn'.*\n.*fc8"):
        jax.eval_shape(model.init, jax.random.key(0), images)


def conv(x, unit, stride=1, padding=0, groups=1):
    """A convolution of one image (H, W, C) and its ReLU."""
    kernel, bias = unit["conv"]["kernel"], unit["conv"]["bias"]
    x = np.pad(x, [(padding, padding)] * 2 + [(0, 0)])
    inner, outer = kernel.shape[2], kernel.shape[3] // groups
    planes = [
        sum(plane(x[..., k // outer * inner + c], kernel[..., c, k]) for c in range(inner))
        for k in range(kernel.shape[3])
    ]
    return np.maximum(np.stack(planes, -1)[::stride, ::stride] + bias, 0)


def pool(x, ceil_mode):
    """The maximum of 3x3 windows at stride 2."""
    height, width = ((n - 3 + ceil_mode) // 2 + 1 for n in x.shape[:2])
    windows = [
        [x[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] for j in range(width)] for i in range(height)
    ]
    return np.array([[w.max((0, 1)) for w in row] for row in windows])


def lrn(x):
    """Krizhevsky et al. 2012, section 3.3, with its constants."""
    channels = range(x.shape[-1])
    energy = [(x[..., max(c - 2, 0) : c + 3] ** 2).sum(-1) for c in channels]
    return x / (2 + 1e-4 * np.stack(energy, -1)) ** 0.75


@pytest.mark.parametrize(
    ("after", "ceil_mode"), [(("lrn", "pool"), False), (("pool", "lrn"), True)]
)
@pytest.mark.slow
def test_the_rows_of_alexnet_equal_numpy(x64, after, ceil_mode):
    """Groups, normalisation before or after pooling, and pools that hang over the border."""
    rows = [[6, 5, 2, 1, 1, 0.0, after], [8, 3, 1, 1, 2, 0.0, after]]
    fields = {"convs": rows, "ceil_mode": ceil_mode, "grid": 1, "hidden": [5], "num_classes": 3}
    fields["dropout_before"] = ["head"]
    model, rng = create_model("alexnet_paper", **fields), np.random.default_rng(3)
    x = 100 * rng.normal(size=(1, 20, 20, 3))  # makes the energy matter
    shapes = jax.eval_shape(model.init, jax.random.key(0), x)
    variables = jax.tree.map(lambda v: 0.3 * rng.normal(size=v.shape), shapes)
    params, y = variables["params"], x[0]
    for i, (_, _, stride, padding, groups, *_) in enumerate(rows, 1):
        y = conv(y, params[f"conv{i}"], stride, padding, groups)
        for step in after:
            y = pool(y, ceil_mode) if step == "pool" else lrn(y)
    y = y.mean((0, 1))
    y = np.maximum(y @ params["fc6"]["dense"]["kernel"] + params["fc6"]["dense"]["bias"], 0)
    y = y @ params["head"]["kernel"] + params["head"]["bias"]
    np.testing.assert_allclose(model.apply(variables, x)[0], y, rtol=1e-11)


def test_allcnn_equals_numpy(x64):
    model, rng = create_model("allcnn_c", width=2, num_classes=3), np.random.default_rng(4)
    x = rng.normal(size=(1, 13, 12, 3))
    shapes = jax.eval_shape(model.init, jax.random.key(0), x)
    variables = jax.tree.map(lambda v: rng.normal(size=v.shape), shapes)
    params, y = variables["params"], x[0]
    for i in range(1, 9):
        y = conv(y, params[f"conv{i}"], 2 if i in (3, 6) else 1, 1 if i < 7 else 0)
    y = conv(y, {"conv": params["head"]}).mean((0, 1))
    assert y.max() > 0
    np.testing.assert_allclose(model.apply(variables, x)[0], y, rtol=1e-11)


@pytest.mark.parametrize(
    ("name", "fields", "size", "places"),
    [
        ("mlp", {"hidden": [4, 4], "dropout": 0.5}, 5, ["fc2", "head"]),
        ("lenet5_paper", {"dropout": 0.5}, 32, ["f6", "head"]),
        ("allcnn_c", {}, 32, ["input", "conv3", "conv6"]),  # and nothing before the head
        ("alexnet", {}, 64, ["fc6", "fc7"]),
        ("alexnet_paper", {}, 67, ["fc7", "head"]),
        ("zfnet", {}, 64, ["fc7", "head"]),
        ("vgg11", {}, 32, ["fc7", "head"]),
        ("squeezenet1_1", {}, 64, ["head"]),
    ],
)
def test_training_drops_where_the_reference_does(name, fields, size, places):
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    model, images = create_model(name, **fields), (1, size, size, 3)
    taps = list_taps(model, images, "*_dropout", train=True, rngs=keys)
    assert list(taps) == [f"{place}_dropout" for place in places]
    assert not list_taps(model, images, "*_dropout#2", train=True, rngs=keys)


MAPS = {
    # Krizhevsky et al. 2012, figure 2: 55, 27 and 13 pixels; both cards' maps together.
    "alexnet_paper": (
        227,
        {
            **{"conv1": (55, 55, 96), "lrn1": (55, 55, 96), "pool1": (27, 27, 96)},
            **{"conv2": (27, 27, 256), "lrn2": (27, 27, 256), "pool2": (13, 13, 256)},
            **{"conv3": (13, 13, 384), "conv4": (13, 13, 384), "conv5": (13, 13, 256)},
            **{"pool5": (6, 6, 256), "fc6": (4096,), "fc7": (4096,), "head": (1000,)},
        },
    ),
    # Zeiler & Fergus 2014, figure 3.
    "zfnet": (
        224,
        {
            **{"conv1": (110, 110, 96), "pool1": (55, 55, 96), "lrn1": (55, 55, 96)},
            **{"conv2": (26, 26, 256), "pool2": (13, 13, 256), "lrn2": (13, 13, 256)},
            **{"conv3": (13, 13, 384), "conv4": (13, 13, 384), "conv5": (13, 13, 256)},
            **{"pool5": (6, 6, 256), "fc6": (4096,), "fc7": (4096,), "head": (1000,)},
        },
    ),
    # Springenberg et al. 2015, table 1: the last maps are 6x6.
    "allcnn_c": (
        32,
        {
            **{"conv1": (32, 32, 96), "conv2": (32, 32, 96), "conv3": (16, 16, 96)},
            **{"conv4": (16, 16, 192), "conv5": (16, 16, 192), "conv6": (8, 8, 192)},
            **{"conv7": (6, 6, 192), "conv8": (6, 6, 192), "head": (6, 6, 10)},
        },
    ),
    # Iandola et al. 2016, table 1, whose stem is padded to 111 pixels; torchvision's has 109.
    "squeezenet1_0": (
        224,
        {
            **{"stem": (109, 109, 96), "pool1": (54, 54, 96), "fire2": (54, 54, 128)},
            **{"fire3": (54, 54, 128), "fire4": (54, 54, 256), "pool4": (27, 27, 256)},
            **{"fire5": (27, 27, 256), "fire6": (27, 27, 384), "fire7": (27, 27, 384)},
            **{"fire8": (27, 27, 512), "pool8": (13, 13, 512), "fire9": (13, 13, 512)},
            "head": (13, 13, 1000),
        },
    ),
}


@pytest.mark.parametrize("name", MAPS)
def test_layers_have_the_sizes_of_the_paper_in_its_order(name):
    size, expected = MAPS[name]
    top = {k: v for k, v in outputs(name, size).items() if "/" not in k}
    found = [(k, v) for k, v in top.items() if k in expected]
    assert found == list(expected.items())


def test_what_follows_a_unit_is_after_its_nonlinearity():
    """Taps show what the papers draw: conv5 and fc6 after the ReLU."""
    model = create_model("alexnet", num_classes=3, hidden=[4, 4])
    taps = list_taps(model, (1, 64, 64, 3))
    assert taps["conv5"].shape == taps["conv5/conv"].shape
    assert taps["fc6"].shape == taps["fc6/dense"].shape == (1, 4)


def test_alexnet_paper_starts_as_in_section_5():
    """Normal numbers of deviation 0.01; biases at one in conv2, conv4, conv5, fc6 and fc7."""
    biases = {}

    def look(call, args, kwargs, context):
        module = context.module
        if hasattr(module, "bias_init") and hasattr(module, "use_bias"):
            assert module.kernel_init is normal_001
            with jax.ensure_compile_time_eval():
                biases[module.path[0]] = float(module.bias_init(None, (1,))[0])
        return call(*args, **kwargs)

    model, images = create_model("alexnet_paper"), jnp.zeros((1, 67, 67, 3))
    with nn.intercept_methods(look):
        jax.eval_shape(lambda: model.init(jax.random.key(0), images))
    ones = {"conv2", "conv4", "conv5", "fc6", "fc7"}
    zeros = {"conv1", "conv3", "head"}
    assert biases == {**dict.fromkeys(ones, 1.0), **dict.fromkeys(zeros, 0.0)}


@pytest.mark.parametrize(
    ("windows", "size"),
    [
        ([], 1),
        ([Window(3, 1, 1), Window(3, 2, 1)], 1),
        ([Window(3, 2, ceil_mode=True), Window(3, 2, ceil_mode=True)], 6),
        ([Window(11, 4, 2), *[Window(3, 2)] * 3], 63),  # torchvision's figure for AlexNet
    ],
)
def test_the_smallest_input(windows, size):
    assert smallest_input(windows) == size
