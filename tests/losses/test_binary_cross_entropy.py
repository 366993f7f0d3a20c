import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn.losses import binary_cross_entropy

LOGITS = jnp.log(jnp.array([[3.0, 1.0, 1 / 4]]))  # odds of yes: 3 to 1, 1 to 1, 1 to 4


@pytest.mark.parametrize(
    ("labels", "options", "probabilities"),
    [
        ([0], {}, [0.75, 0.5, 0.8]),
        ([[1.0, 0.0, 0.0]], {}, [0.75, 0.5, 0.8]),
        ([[1.0, 1.0, 1.0]], {}, [0.75, 0.5, 0.2]),
        ([[0.6, 0.4, 0.0]], {"threshold": 0.2}, [0.75, 0.5, 0.8]),
        ([[0.9, 0.1, 0.0]], {"threshold": 0.2}, [0.75, 0.5, 0.8]),
        ([2], {"threshold": 0.2, "label_smoothing": 0.1}, [0.25, 0.5, 0.2]),
    ],
)
def test_by_hand(labels, options, probabilities):
    """Minus the mean log of the probability of each answer."""
    loss = binary_cross_entropy(LOGITS, jnp.array(labels), **options)
    np.testing.assert_allclose(loss, [-np.log(probabilities).mean()], rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_gradient_and_curvature_are_the_known_ones(x64, smoothing):
    logits = np.random.default_rng(0).normal(size=5)

    def loss(z):
        return binary_cross_entropy(z, jnp.array(2), label_smoothing=smoothing)

    first, second = jax.jit(lambda z: (jax.grad(loss)(z), jax.hessian(loss)(z)))(logits)
    odds = 1 / (1 + np.exp(-logits))
    target = (1 - smoothing) * np.eye(5)[2] + smoothing / 5
    np.testing.assert_allclose(first, (odds - target) / 5, rtol=1e-12)
    np.testing.assert_allclose(second, np.diag(odds * (1 - odds)) / 5, rtol=1e-12, atol=1e-15)


def test_large_logits_do_not_overflow():
    loss = binary_cross_entropy(jnp.array([[1e4, -1e4]], jnp.bfloat16), jnp.array([0]))
    assert loss.dtype == jnp.float32
    np.testing.assert_array_equal(loss, [0.0])


@pytest.mark.parametrize("label", [-1, 3])
def test_class_outside_is_nan_with_zero_gradient(label):
    loss, gradient = jax.value_and_grad(binary_cross_entropy)(LOGITS[0], jnp.array(label))
    assert jnp.isnan(loss)
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize(
    ("labels", "options", "text"),
    [
        (jnp.zeros((1, 4)), {}, r"binary_cross_entropy: labels=.*\(1, 4\)"),
        (jnp.zeros(1), {}, "must be integers"),
        (jnp.array([0]), {"threshold": 1.5}, "threshold=1.5: must lie"),
        (jnp.array([0]), {"label_smoothing": 1.0}, "label_smoothing=1.0: must lie"),
    ],
)
def test_bad_input(labels, options, text):
    with pytest.raises((ValueError, TypeError), match=text):
        binary_cross_entropy(LOGITS, labels, **options)
