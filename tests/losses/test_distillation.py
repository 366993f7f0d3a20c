import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import rel_entr, softmax

from jaxcnn.losses import cross_entropy, distillation

RNG = np.random.default_rng(0)
STUDENT, TEACHER = RNG.normal(size=(2, 4, 7))


@pytest.mark.parametrize("temperature", [0.5, 1, 4.0])
def test_value_and_gradients(x64, temperature):
    def loss(student, teacher):
        return distillation(student, teacher, temperature=temperature).sum()

    losses = distillation(STUDENT, TEACHER, temperature=temperature)
    odds, wanted = (softmax(logits / temperature, -1) for logits in (STUDENT, TEACHER))
    np.testing.assert_allclose(losses, temperature**2 * rel_entr(wanted, odds).sum(-1), rtol=1e-10)
    of_student, of_teacher = jax.grad(loss, (0, 1))(STUDENT, TEACHER)
    np.testing.assert_allclose(of_student, temperature * (odds - wanted), rtol=1e-9, atol=1e-14)
    np.testing.assert_array_equal(of_teacher, 0)


def test_at_temperature_one_it_is_the_cross_entropy_less_the_entropy(x64):
    wanted = softmax(TEACHER, -1)
    expected = cross_entropy(STUDENT, wanted) - cross_entropy(jnp.log(wanted), wanted)
    np.testing.assert_allclose(distillation(STUDENT, TEACHER), expected, rtol=1e-10)


def test_hot_limit_is_half_the_squared_distance(x64):
    centred = STUDENT - STUDENT.mean(-1, keepdims=True), TEACHER - TEACHER.mean(-1, keepdims=True)
    expected = ((centred[0] - centred[1]) ** 2).mean(-1) / 2
    np.testing.assert_allclose(distillation(STUDENT, TEACHER, temperature=1e4), expected, rtol=1e-3)


def test_bfloat16_is_computed_in_float32():
    loss = distillation(jnp.asarray(STUDENT, jnp.bfloat16), jnp.asarray(TEACHER, jnp.bfloat16))
    assert loss.dtype == jnp.float32


@pytest.mark.parametrize(
    ("teacher", "temperature", "text"),
    [
        (TEACHER[:, :3], 1.0, "teacher_logits=.*must have the student's shape"),
        (TEACHER.astype(int), 1.0, "teacher_logits=.*must be a floating-point"),
        (TEACHER, 0, "temperature=0: must be a number > 0"),
    ],
)
def test_bad_input(teacher, temperature, text):
    with pytest.raises((ValueError, TypeError), match=text):
        distillation(STUDENT, teacher, temperature=temperature)
