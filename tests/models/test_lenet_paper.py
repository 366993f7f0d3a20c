"""The LeNets as published: tables, values by hand, the papers' counts of connections."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from jaxcnn import create_model
from jaxcnn.models.digit_codes import digit_codes
from jaxcnn.models.lenet_layers import SparseConv, Subsampling
from jaxcnn.models.lenet_paper import C3, H3
from tests.models.test_historic import outputs, plane
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


def test_a_linear_output_takes_any_number_of_classes():
    model = create_model("lenet5_paper", num_classes=26, output="linear")
    images = jax.ShapeDtypeStruct((1, 32, 32, 1), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), images)
    assert variables["params"]["head"]["kernel"].shape == (84, 26)
