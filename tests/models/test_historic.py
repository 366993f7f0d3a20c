"""The networks before ResNet that no other library has: values by hand, figures of the papers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from flax.traverse_util import flatten_dict
from scipy.signal import correlate

from jaxcnn import create_model
from jaxcnn.models.digit_codes import digit_codes
from jaxcnn.models.initializers import normal_001
from jaxcnn.models.inputs import Window, smallest_input
from jaxcnn.models.lenet_layers import SparseConv, Subsampling
from jaxcnn.models.lenet_paper import C3, H3
from jaxcnn.taps import list_taps
from tests.models.test_registry import variables_of

# LeCun et al. 1998, section II.B in words: three contiguous maps, four contiguous ones, four
# that are not, all of them.
TABLE_I = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)
# LeCun et al. 1990, table 1: two halves, in each of which two maps see one input, four see both.
TABLE_1 = (
    *((0,), (0, 1), (0, 1), (1,), (0, 1), (0, 1)),
    *((2,), (2, 3), (2, 3), (3,), (2, 3), (2, 3)),
)


def squash(x):
    return 1.7159 * np.tanh(2 * x / 3)


def plane(x, kernel):
    return correlate(x, kernel, mode="valid")


def outputs(name: str, size: int, channels: int = 3) -> dict:
    """Height, width and channels of each layer's output."""
    taps = list_taps(create_model(name), (1, size, size, channels))
    return {key: spec.shape[1:] for key, spec in taps.items() if ":" not in key}


def test_the_tables_are_the_papers():
    assert C3 == TABLE_I
    assert H3 == TABLE_1


def test_the_sparse_convolution_sees_its_table(x64):
    """Each output is a sum over the maps it sees, one kernel a connection, in their order."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 8, 7, 6))
    params = {"kernel": rng.normal(size=(5, 5, 60)), "bias": rng.normal(size=16)}
    y = SparseConv(C3, jnp.tanh).apply({"params": params}, x)
    at = 0
    for k, seen in enumerate(TABLE_I):
        for n in range(2):
            kernels = params["kernel"][..., at : at + len(seen)]
            total = sum(plane(x[n, ..., c], kernels[..., i]) for i, c in enumerate(seen))
            np.testing.assert_allclose(y[n, ..., k], np.tanh(total + params["bias"][k]), rtol=1e-12)
        at += len(seen)
    assert at == 60


def test_subsampling_weighs_the_sum_of_four_pixels(x64):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 5, 4, 3))
    params = {"scale": rng.normal(size=3), "bias": rng.normal(size=3)}
    y = Subsampling(squash_jax).apply({"params": params}, x)
    sums = x[:, :4].reshape(2, 2, 2, 2, 2, 3).sum((2, 4))
    np.testing.assert_allclose(y, squash(sums * params["scale"] + params["bias"]), rtol=1e-12)


def squash_jax(x):
    return 1.7159 * jnp.tanh(2 * x / 3)


def test_lenet5_paper_equals_its_definition_written_with_numpy(x64):
    """C1 to F6, and the negative distances to the codes."""
    model, rng = create_model("lenet5_paper"), np.random.default_rng(2)
    x = rng.normal(size=(1, 32, 32, 1))
    shapes = jax.eval_shape(model.init, jax.random.key(0), x)
    variables = jax.tree.map(lambda v: 0.2 * rng.normal(size=v.shape), shapes)
    p = {"/".join(k): v for k, v in flatten_dict(variables["params"]).items()}
    c1 = [plane(x[0, ..., 0], p["c1/conv/kernel"][..., 0, k]) for k in range(6)]
    y = halved(squash(np.stack(c1, -1) + p["c1/conv/bias"]), p, "s2")
    first = np.cumsum([0, *map(len, TABLE_I)])
    c3 = [
        sum(plane(y[..., c], p["c3/kernel"][..., first[k] + i]) for i, c in enumerate(seen))
        for k, seen in enumerate(TABLE_I)
    ]
    y = halved(squash(np.stack(c3, -1) + p["c3/bias"]), p, "s4").ravel()
    for name in ("c5", "f6"):
        y = squash(y @ p[f"{name}/dense/kernel"] + p[f"{name}/dense/bias"])
    expected = -((y - digit_codes()) ** 2).sum(1)
    np.testing.assert_allclose(model.apply(variables, x)[0], expected, rtol=1e-11)


def halved(x, p, name):
    sums = x.reshape(x.shape[0] // 2, 2, x.shape[1] // 2, 2, -1).sum((1, 3))
    return squash(sums * p[f"{name}/scale"] + p[f"{name}/bias"])


def test_the_papers_count_of_connections():
    """Each unit's inputs and bias, summed: 340,908 in LeNet-5 and 98,442 in LeNet-1."""

    def connections(name, size, table):
        shape = outputs(name, size, 1)
        pixels = {key: np.prod(s[:2]) for key, s in shape.items() if len(s) == 3}
        c3 = pixels["c3"] * (25 * sum(map(len, table)) + len(table))
        maps, units = shape["c1"][2], pixels["s4"] * len(table)
        total = pixels["c1"] * maps * 26 + pixels["s2"] * maps * 5 + c3 + units * 5
        return total, units

    total, units = connections("lenet5_paper", 32, TABLE_I)
    assert total + (units + 1) * 120 + 121 * 84 + 84 * 10 == 340_908
    total, units = connections("lenet1", 28, TABLE_1)
    assert total + (units + 1) * 10 == 98_442


def test_each_digit_has_its_own_code():
    codes = digit_codes()
    assert codes.shape == (10, 7 * 12)
    distances = np.sum(codes[:, None] != codes[None], -1)
    assert distances[~np.eye(10, dtype=bool)].min() >= 8


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"num_classes": 11}, "num_classes=11: must be at most 10.*output='linear'"),
        ({"hidden": [120, 85]}, "head.*must have 84 features"),
        ({"output": "softmax"}, "output='softmax': must be one of 'rbf', 'linear'"),
        ({"connections": [[0, 6]]}, "c3.*different ones of the 6 input maps.*from 0 to 5"),
        ({"connections": [[1, 1]]}, "c3.*different ones of the 6 input maps"),
        ({"connections": [[0], []]}, r"connections\[1\]=\(\): must not be empty"),
    ],
)
def test_lenet5_paper_refuses_what_it_cannot_build(fields, message):
    images = jax.ShapeDtypeStruct((1, 32, 32, 1), jnp.float32)
    with pytest.raises(ValueError, match=message):
        variables_of(create_model("lenet5_paper", **fields), images)


def test_alexnet_refuses_steps_and_layers_that_it_does_not_know():
    fields = {"convs": [[4, 3, 1, 1, 1, 0.0, ["norm"]]], "dropout_before": ["fc8"]}
    model = create_model("alexnet", **fields)
    images = jax.ShapeDtypeStruct((1, 32, 32, 1), jnp.float32)
    with pytest.raises(ValueError, match="2 problems(?s:.*)'norm'(?s:.*)'pool' and 'lrn'.*\n.*fc8"):
        jax.eval_shape(model.init, jax.random.key(0), images)


def test_a_linear_output_takes_any_number_of_classes():
    model = create_model("lenet5_paper", num_classes=26, output="linear")
    images = jax.ShapeDtypeStruct((1, 32, 32, 1), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), images)
    assert variables["params"]["head"]["kernel"].shape == (84, 26)


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
