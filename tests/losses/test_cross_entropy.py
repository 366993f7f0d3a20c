import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.losses import cross_entropy

LOGITS = jnp.log(jnp.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]))


@pytest.mark.parametrize(
    ("labels", "smoothing", "expected"),
    [
        ([0, 2], 0.0, [np.log(2), -np.log(0.8)]),
        ([1, 0], 0.0, [np.log(4), np.log(10)]),
        ([[1, 0, 0], [0, 0, 1]], 0.0, [np.log(2), -np.log(0.8)]),
        ([[0.5, 0.5, 0.0], [0, 0, 1.0]], 0.0, [1.5 * np.log(2), -np.log(0.8)]),
        # 0.7 of the weight on the class, 0.1 on each: sum -q log p.
        ([0, 0], 0.3, [0.8 * np.log(2) + 0.2 * np.log(4), 0.9 * np.log(10) - 0.1 * np.log(0.8)]),
    ],
)
def test_by_hand(labels, smoothing, expected):
    loss = cross_entropy(LOGITS, jnp.array(labels), label_smoothing=smoothing)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_classes_equal_one_hot(x64, smoothing):
    rng = np.random.default_rng(0)
    logits, labels = 5 * rng.normal(size=(3, 4, 7)), rng.integers(0, 7, (3, 4))
    one_hot = np.eye(7)[labels]

    @jax.jit
    def losses(labels):
        return jax.value_and_grad(
            lambda x: cross_entropy(x, labels, label_smoothing=smoothing).sum()
        )(logits)

    for one, other in zip(losses(labels), losses(one_hot), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_first_and_second_derivatives_are_the_known_ones(x64, smoothing):
    """With p the softmax and q the target: p - q, and diag(p) - p p^T whatever the target."""
    logits = np.random.default_rng(0).normal(size=5)

    def loss(x):
        return cross_entropy(x, jnp.array(2), label_smoothing=smoothing)

    functions = (jax.grad(loss), jax.jacfwd(loss), jax.hessian(loss))
    reverse, forward, second = jax.jit(lambda x: [f(x) for f in functions])(logits)
    odds = np.exp(logits) / np.exp(logits).sum()
    target = (1 - smoothing) * np.eye(5)[2] + smoothing / 5
    np.testing.assert_allclose(reverse, odds - target, rtol=1e-12)
    np.testing.assert_allclose(forward, odds - target, rtol=1e-12)
    np.testing.assert_allclose(second, np.diag(odds) - np.outer(odds, odds), rtol=1e-10)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("bfloat16", "float32"), ("float16", "float32"), ("float32", "float32")],
)
def test_dtype_is_float32_at_least(given, expected):
    logits = (100 * jax.random.normal(jax.random.key(0), (2, 9))).astype(given)
    loss = cross_entropy(logits, jnp.array([1, 2]))
    assert loss.dtype == expected
    np.testing.assert_array_equal(loss, cross_entropy(logits.astype(expected), jnp.array([1, 2])))


def test_large_logits_do_not_overflow():
    logits = jnp.array([[1e4, -1e4], [3e38, 0.0]])
    np.testing.assert_array_equal(cross_entropy(logits, jnp.array([0, 0])), [0.0, 0.0])


@pytest.mark.parametrize("label", [-1, 3, 255])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_class_outside_is_nan_with_zero_gradient(label, smoothing):
    labels = jnp.array([0, label])
    per_example = jax.value_and_grad(lambda x, y: cross_entropy(x, y, label_smoothing=smoothing))
    loss, gradient = jax.jit(jax.vmap(per_example))(LOGITS, labels)
    assert jnp.isfinite(loss[0])
    assert jnp.isnan(loss[1])
    np.testing.assert_array_equal(gradient[1], 0)


@pytest.mark.parametrize(
    ("logits", "labels", "smoothing", "error", "text"),
    [
        (LOGITS, jnp.array([0]), 0, ValueError, r"labels=.*\(1,\).*input shape \(2, 3\)"),
        (LOGITS, jnp.zeros((2, 4)), 0, ValueError, r"labels=.*\(2, 4\)"),
        (LOGITS, jnp.zeros(2), 0, TypeError, "labels=<float32.*must be integers"),
        (
            LOGITS.astype(int),
            jnp.array([0, 1]),
            0,
            TypeError,
            "logits=.*must be a floating-point array",
        ),
        (LOGITS, jnp.array([0, 1]), 1.0, ValueError, r"label_smoothing=1.0: must lie in \[0, 1\)"),
    ],
)
def test_bad_input(logits, labels, smoothing, error, text):
    with pytest.raises(error, match=text):
        cross_entropy(logits, labels, label_smoothing=smoothing)
