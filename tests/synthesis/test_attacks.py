"""Attacks: on linear networks the best change is known; in balls on others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.synthesis import (
    fgsm,
    fool,
    iterative,
    nearest_adversary,
    pgd,
    robust_accuracy,
    universal,
)
from tests.explain.networks import Linear, Small, made

SHAPE = (3, 8, 8, 2)


@pytest.fixture(scope="module")
def small():
    model, variables, _ = made(Small(), SHAPE)
    return model, variables, jax.random.uniform(jax.random.key(2), SHAPE)


@pytest.fixture(scope="module")
def linear():
    """A network z = W x, and images in the middle of the box."""
    model, variables, _ = made(Linear(), SHAPE)
    x = 0.4 + 0.2 * jax.random.uniform(jax.random.key(2), SHAPE)
    return model, variables, x


@pytest.mark.slow
def test_on_two_linear_classes_one_step_is_the_best(linear):
    model, variables, x = linear
    kernel = np.array(variables["params"]["head"]["kernel"])
    kernel[:, 2] = -1e4 / kernel.shape[0]  # never wins
    variables = {"params": {"head": {"kernel": jnp.asarray(kernel)}}}
    logits = model.apply(variables, x)
    won = logits.argmax(1)
    away = (kernel[:, 1] - kernel[:, 0]).reshape(1, *SHAPE[1:])
    toward = np.where((won == 0)[:, None, None, None], 1, -1) * away
    expected = np.asarray(x) + 0.01 * np.sign(toward)
    found = fgsm(model, variables, x, eps=0.01)
    np.testing.assert_allclose(found.images, expected, atol=1e-6)
    for how in ({"norm": "linf"}, {"norm": "l2"}):
        many = pgd(model, variables, x, eps=0.01, steps=8, key=jax.random.key(1), **how)
        length = np.abs(toward) if how["norm"] == "l2" else np.ones(1)
        best = np.sign(toward) * length / np.linalg.norm(length) if how["norm"] == "l2" else None
        ideal = expected if best is None else np.asarray(x) + 0.01 * best
        np.testing.assert_allclose(many.images, ideal, atol=2e-4 if best is None else 2e-3)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_nothing_leaves_the_ball_or_the_box(small, norm):
    model, variables, x = small
    eps = jnp.array([0.0, 0.05, 0.4])
    found = pgd(model, variables, x, eps=eps, steps=6, norm=norm)
    change = np.asarray(found.images - x).reshape(3, -1)
    length = np.abs(change).max(1) if norm == "linf" else np.linalg.norm(change, axis=1)
    np.testing.assert_allclose(found.distance, length, rtol=1e-5)
    assert (length <= eps * (1 + 1e-5) + 1e-6).all()
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    np.testing.assert_array_equal(found.images[0], x[0])
    now = model.apply(variables, found.images).argmax(1)
    np.testing.assert_array_equal(found.classes, now)
    np.testing.assert_array_equal(found.success, now != model.apply(variables, x).argmax(1))


def test_targets_are_reached(small):
    model, variables, x = small
    goal = (model.apply(variables, x).argmax(1) + 1) % 3
    found = iterative(model, variables, x, goal, eps=0.5, targeted=True, steps=6)
    before, after = (
        jax.nn.log_softmax(model.apply(variables, y))[jnp.arange(3), goal]
        for y in (x, found.images)
    )
    assert (after > before).all()
    np.testing.assert_array_equal(found.success, found.classes == goal)


def test_fooling_stops_where_the_class_leads_enough(linear):
    model, variables, x = linear
    goal = (model.apply(variables, x).argmax(1) + 1) % 3
    found = fool(model, variables, x, goal, lead=0.01, rate=0.02, steps=100)
    assert found.success.all()
    logits = np.asarray(model.apply(variables, found.images))
    leads = [row[c] - np.delete(row, c).max() for row, c in zip(logits, goal, strict=True)]
    assert min(leads) >= 0.01 - 1e-5
    slope = np.linalg.norm(variables["params"]["head"]["kernel"], axis=0).max()
    assert max(leads) <= 0.01 + 2 * 0.02 * slope


@pytest.mark.slow
def test_the_nearest_adversary_of_a_linear_network_is_the_projection(linear):
    model, variables, x = linear
    kernel = np.asarray(variables["params"]["head"]["kernel"])
    logits = np.asarray(model.apply(variables, x))
    order = np.argsort(-logits, 1)
    gap = logits[np.arange(3), order[:, 0]] - logits[np.arange(3), order[:, 1]]
    edge = kernel[:, order[:, 1]] - kernel[:, order[:, 0]]
    least = gap / np.linalg.norm(edge, axis=0)
    found = nearest_adversary(model, variables, x, jnp.asarray(order[:, 1]), searches=10, steps=16)
    assert found.success.all()
    assert (found.distance >= least * (1 - 1e-4)).all()
    assert (found.distance <= least * 1.3 + 1e-3).all()


def test_one_change_for_all(small):
    model, variables, x = small
    found = universal(model, variables, x, 1, eps=0.3, steps=10, targeted=True)
    assert found.change.shape == (1, *SHAPE[1:])
    assert np.abs(found.change).max() <= np.float32(0.3)
    now = model.apply(variables, jnp.clip(x + found.change, 0, 1)).argmax(1)
    np.testing.assert_array_equal(found.success, now == 1)


def test_the_curve_of_robust_accuracy_falls_from_the_accuracy(small):
    model, variables, x = small
    classes = model.apply(variables, x).argmax(1).at[0].add(1) % 3
    curve = robust_accuracy(model, variables, x, classes, [0, 0.05, 0.9], attack=iterative, steps=6)
    assert curve[0] == pytest.approx(2 / 3)
    assert (np.diff(curve) <= 0).all()


@pytest.mark.parametrize(
    ("attack", "options", "message"),
    [
        (pgd, {"eps": -0.1}, "eps=-0.1: must be >= 0"),
        (fgsm, {"eps": "big"}, "eps='big': must be a number"),
        (pgd, {"eps": jnp.zeros(2)}, "must be a number or have shape (3,)"),
        (pgd, {"eps": 0.1, "norm": "l1"}, "must be one of 'linf', 'l2'"),
        (pgd, {"eps": 0.1, "classes": 3}, "0 to 2"),
        (pgd, {"eps": 0.1, "classes": jnp.zeros(0, int)}, "one for each example"),
        (pgd, {"eps": 0.1, "targeted": True}, "must name the classes to get to"),
        (universal, {"eps": -1.0}, "eps=-1.0"),
        (fool, {"classes": -1}, "0 to 2"),
        (robust_accuracy, {"classes": 0, "epsilons": [0.2, 0.1]}, "must be radii that rise"),
        (robust_accuracy, {"classes": 0, "epsilons": [-0.2, 0.1]}, "must be >= 0"),
    ],
)
def test_errors_name_what_is_wrong(small, attack, options, message):
    with pytest.raises((ValueError, TypeError)) as error:
        attack(*small, **options)
    assert message in str(error.value)
