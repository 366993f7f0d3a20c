import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

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
    logits = 5 * jax.random.normal(jax.random.key(0), (3, 4, 7))
    labels = jax.random.randint(jax.random.key(1), (3, 4), 0, 7)
    one_hot = jax.nn.one_hot(labels, 7)

    def losses(labels):
        return jax.value_and_grad(
            lambda x: cross_entropy(x, labels, label_smoothing=smoothing).sum()
        )(logits)

    for one, other in zip(losses(labels), losses(one_hot), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_gradients(x64):
    logits = jax.random.normal(jax.random.key(0), (4, 5))
    labels = jnp.array([0, 4, 2, 2])
    smoothed = jax.jit(lambda x: cross_entropy(x, labels, label_smoothing=0.1))
    check_grads(smoothed, (logits,), order=2)
    gradient = jax.grad(lambda x: cross_entropy(x, labels).sum())(logits)
    np.testing.assert_allclose(gradient, jax.nn.softmax(logits) - jax.nn.one_hot(labels, 5), 1e-12)


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
    loss, gradient = jax.vmap(
        jax.value_and_grad(lambda x, y: cross_entropy(x, y, label_smoothing=smoothing))
    )(LOGITS, labels)
    assert jnp.isfinite(loss[0])
    assert jnp.isnan(loss[1])
    np.testing.assert_array_equal(gradient[1], 0)


@pytest.mark.parametrize(
    ("logits", "labels", "smoothing", "error", "text"),
    [
        (LOGITS, jnp.array([0]), 0, ValueError, r"labels \(1,\) for logits \(2, 3\)"),
        (LOGITS, jnp.zeros((2, 4)), 0, ValueError, r"labels \(2, 4\)"),
        (LOGITS, jnp.zeros(2), 0, TypeError, "class labels must be integers, got float32"),
        (LOGITS.astype(int), jnp.array([0, 1]), 0, TypeError, "logits must be floating"),
        (LOGITS, jnp.array([0, 1]), 1.0, ValueError, r"label_smoothing must be in \[0, 1\)"),
    ],
)
def test_bad_input(logits, labels, smoothing, error, text):
    with pytest.raises(error, match=text):
        cross_entropy(logits, labels, label_smoothing=smoothing)
