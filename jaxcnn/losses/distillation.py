"""Learn from the odds that another network gives."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.checks import Report, is_number
from jaxcnn.typing import Array


def distillation(
    logits: ArrayLike, teacher_logits: ArrayLike, *, temperature: float = 1.0
) -> Array:
    r"""Return how far the student's softened odds are from the teacher's, in nats.

    .. math::
        T^2 \, \mathrm{KL}(\mathrm{softmax}(t / T) \,\|\, \mathrm{softmax}(z / T))

    The factor keeps the size of the gradients when the temperature changes; as it grows, the loss
    tends to half the squared difference of the centred logits, divided by K. Add it, weighted, to
    the loss of the labels. No gradient reaches the teacher.

    Args:
        logits: Of the student, floating, (..., K).
        teacher_logits: Of the teacher, floating, of the same shape.
        temperature: T > 0; higher ones show more of how the teacher ranks the wrong classes.

    Returns:
        Losses (...), float32, or float64 where an input is; not reduced.

    Raises:
        TypeError: If logits are not floating.
        ValueError: If shapes differ or `temperature` is not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxcnn.losses import distillation
        >>> print(distillation(jnp.zeros((1, 2)), jnp.log(jnp.array([[0.5, 0.5]]))))
        [0.]

    Reference:
        Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015, section 2.
    """
    logits, teacher_logits = jnp.asarray(logits), jnp.asarray(teacher_logits)
    report = Report("distillation", logits.shape)
    report.floating("logits", logits)
    report.floating("teacher_logits", teacher_logits)
    fits = logits.ndim > 0 and teacher_logits.shape == logits.shape
    fix = "give both networks the same images and classes"
    report.expect(fits, "teacher_logits", teacher_logits, "must have the student's shape", fix)
    ok = is_number(temperature) and temperature > 0
    report.expect(ok, "temperature", temperature, "must be a number > 0", "use 1 to 10")
    report.done()
    dtype = jnp.promote_types(jnp.result_type(logits, teacher_logits), jnp.float32)
    student = jax.nn.log_softmax(logits.astype(dtype) / temperature)
    teacher = jax.nn.log_softmax(jax.lax.stop_gradient(teacher_logits.astype(dtype)) / temperature)
    return temperature**2 * (jnp.exp(teacher) * (teacher - student)).sum(-1)
