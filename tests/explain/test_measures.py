"""Measures of maps: what they are on networks where it can be said."""

import functools

import jax
import numpy as np
import pytest

from jaxcnn import explain
from jaxcnn.explain import measures
from tests.explain.networks import Linear, Small, made

pytestmark = pytest.mark.usefixtures("x64")


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def linear():
    model, variables, x = made(Linear())
    return (model, variables, x, 2), explain.gradient_x_input(model, variables, x, 2)


def test_curves_of_a_linear_network_are_sums_of_its_shares():
    given, shares = linear()
    order = np.sort(shares.sum(-1).reshape(3, -1), 1)[:, ::-1]
    steps = np.concatenate([np.zeros((3, 1)), order.reshape(3, 6, 8).sum(2).cumsum(1)], 1)
    close(measures.insertion(*given, shares, steps=6), steps)
    deleted = measures.deletion(*given, shares, steps=6, chunk=2)
    close(deleted, steps[:, -1:] - steps)
    close(measures.area(deleted), np.trapezoid(deleted, dx=1 / 6, axis=1))
    worse = measures.deletion(*given, -shares, steps=6)
    assert (measures.area(worse) > measures.area(deleted)).all()


@pytest.mark.slow
def test_shares_of_a_linear_network_are_faithful():
    given, shares = linear()
    gradient = explain.saliency(*given, signed=True)
    close(measures.infidelity(*given, gradient, samples=5), 0)
    close(measures.infidelity(*given, 3 * gradient, samples=5, scaled=True), 0)
    assert (measures.infidelity(*given, 3 * gradient, samples=5) > 0.1).all()
    close(measures.sensitivity_n(*given, shares, samples=9), 1)
    close(measures.sensitivity_n(*given, -shares, samples=9), -1)


@pytest.mark.slow
def test_sets_and_changes_may_be_given():
    given, shares = linear()
    masks = np.random.default_rng(0).random((6, 8, 6)) < 0.3
    found = measures.sensitivity_n(*given, shares + 1, masks=masks)
    said = (masks[:, None] * (shares + 1).sum(-1)[None]).sum((2, 3))
    done = (masks[:, None] * shares.sum(-1)[None]).sum((2, 3))
    close(found, [np.corrcoef(said[:, i], done[:, i])[0, 1] for i in range(3)])


@pytest.mark.slow
def test_the_gradient_of_a_linear_network_is_stable_and_its_shares_are_not():
    (model, variables, x, target), _ = linear()
    stable = functools.partial(measures.max_sensitivity, samples=3, radius=0.1)
    close(stable(explain.saliency, model, variables, x, target), 0)
    assert (stable(explain.gradient_x_input, model, variables, x, target) > 0.01).all()


def test_the_strongest_pixel_is_on_the_object_or_near_it():
    maps = np.zeros((2, 6, 6))
    maps[0, 1, 2] = maps[1, 5, 5] = 1
    boxes = np.array([[0, 0, 2, 3], [0, 0, 2, 3]])
    masks = np.zeros((2, 6, 6), bool)
    masks[:, :2, :3] = True
    for where in (boxes, masks):
        assert measures.pointing_game(maps, where).tolist() == [True, False]
        assert measures.pointing_game(maps, where, tolerance=4.9).tolist() == [True, False]
        assert measures.pointing_game(maps, where, tolerance=5).tolist() == [True, True]
    assert not measures.pointing_game(maps, masks * 0 > 0, tolerance=99).any()


@pytest.mark.slow
def test_maps_change_as_the_network_forgets():
    model, variables, x = made(Small())
    given = (model, variables, x, "top1")
    found = measures.model_randomization(explain.gradient_x_input, *given)
    assert list(found) == ["head", "unit", "conv1"]
    assert np.mean(found["conv1"]) < 0.9
    same = measures.model_randomization(lambda m, v, x, t: x[..., 0], *given, layers=["unit"])
    close(same["unit"], 1)
    others = model.init(jax.random.key(5), x)
    alike = measures.data_randomization(explain.saliency, model, variables, variables, x, 1)
    close(alike, 1)
    changed = measures.data_randomization(explain.saliency, model, variables, others, x, 1)
    assert np.abs(changed).max() < 0.9


@pytest.mark.slow
def test_a_table_has_a_row_for_each_method_and_network():
    (model, variables, x, target), shares = linear()
    methods = {"shares": explain.gradient_x_input, "gradient": explain.saliency}

    def area(*given):
        return measures.area(measures.deletion(*given, steps=4))

    models = {"a": (model, variables), "b": (model, variables)}
    rows = measures.table(methods, models, x, target, {"deletion": area})
    names = [(row["model"], row["method"]) for row in rows]
    assert names == [("a", "shares"), ("a", "gradient"), ("b", "shares"), ("b", "gradient")]
    values = np.asarray(area(model, variables, x, target, shares))
    close(rows[0]["deletion"], values.mean())
    close(rows[0]["deletion_error"], values.std(ddof=1) / np.sqrt(3))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("deletion", {"steps": 0}, "steps=0: must be >= 1"),
        ("insertion", {"maps": np.zeros((3, 4, 4))}, r"must have shape \(3, 8, 6\)"),
        ("infidelity", {"samples": 0}, "samples=0: must be >= 1"),
        ("sensitivity_n", {"share": 1.5}, "share=1.5: must lie within 0 and 1"),
        ("sensitivity_n", {"masks": np.zeros((2, 4, 4))}, "must have shape"),
    ],
)
def test_what_cannot_be_meant_is_refused(name, options, message):
    given, shares = linear()
    with pytest.raises(ValueError, match=message):
        getattr(measures, name)(*given, **{"maps": shares, **options})


@pytest.mark.slow
def test_a_layer_that_is_not_there_cannot_forget():
    given, _ = linear()
    with pytest.raises(ValueError, match=r"layers='haed'.*has no parameters"):
        measures.model_randomization(explain.saliency, *given, layers=["haed"])
