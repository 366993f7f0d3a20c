"""Train the head first, and what lies before it step by step later."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax.numpy as jnp
import optax

from jaxcnn.checks import Report, is_int
from jaxcnn.finetune.labels import label_params
from jaxcnn.finetune.norms import frozen_norms
from jaxcnn.finetune.patterns import Patterns, as_patterns
from jaxcnn.typing import Array

NEVER = "never"


def unfreeze(
    optimizer: optax.GradientTransformation, stages: Sequence[Patterns], starts: Sequence[int]
) -> optax.GradientTransformation:
    """Let groups of parameters begin to train one after the other, from the head back.

    A group that has not begun gets no update, and its part of the optimizer's state rests: when
    it begins, Adam corrects its first averages as at the first step of all. So the optimizer
    counts the steps of each group; a schedule of the whole run belongs behind it:

        optax.chain(unfreeze(optax.scale_by_adam(), ...), optax.scale_by_learning_rate(schedule))

    Which groups train is read off a counter: nothing is compiled anew.

    Args:
      optimizer: What moves a group.
      stages: The groups, as patterns; a parameter belongs to the first one that covers it, and
        `"**"` as the last covers all the others. What none covers stays frozen.
      starts: For each group, the number of updates before it begins, >= 0, not decreasing.

    Returns:
      The optimizer for all parameters.

    Raises:
      ValueError: If the numbers do not fit; in `init`, if a pattern adds nothing to its group.

    Reference:
      Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", 2018,
      section 3.3 (gradual unfreezing).

    Example:
      >>> import jax.numpy as jnp
      >>> params = {"stem": jnp.ones(1), "head": jnp.ones(1)}
      >>> optimizer = unfreeze(optax.sgd(0.1), ["head", "**"], [0, 1])
      >>> state = optimizer.init(params)
      >>> for _ in range(2):
      ...     updates, state = optimizer.update(params, state, params)
      ...     print({name: float(u[0].round(3)) for name, u in updates.items()})
      {'head': -0.1..., 'stem': 0.0}
      {'head': -0.1..., 'stem': -0.1...}
    """
    _check(stages, starts)

    def labels(params: Any) -> Any:
        return label_params(params, rules(stages), default=NEVER)

    # Updates of groups with pending starts are zero whatever the gradients are, NaN included.
    groups: dict[Hashable, Any] = {
        str(i): _from(optimizer, start) for i, start in enumerate(starts)
    }
    return optax.multi_transform({**groups, NEVER: optax.set_to_zero()}, labels)


def unfreezing_norms(
    apply: Callable[..., Any],
    stages: Sequence[Patterns],
    starts: Sequence[int],
    step: Array | int,
) -> Callable[..., Any]:
    """Let the batch norms of each group behave as in inference until the group begins to train.

    The companion of `unfreeze`, with the same groups; see `frozen_norms`.

    Args:
      apply: `model.apply` of any Linen model.
      stages: The groups, as patterns.
      starts: For each group, the number of updates before it begins.
      step: Number of updates so far; usually traced.

    Returns:
      `apply(variables, ...)` with the same arguments, variables and results.

    Raises:
      ValueError: If the numbers do not fit; when called, if a pattern covers no variable.

    Example:
      >>> import jax
      >>> from jaxcnn.models import create_model
      >>> model = create_model("resnet20", blocks=1)
      >>> x = jax.ShapeDtypeStruct((2, 8, 8, 3), "float32")
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> def train(variables, x, step):
      ...     apply = unfreezing_norms(model.apply, ["head", "stage3", "**"], [0, 100, 200], step)
      ...     return apply(variables, x, train=True, mutable=["batch_stats"])
      >>> jax.eval_shape(train, variables, x, jax.ShapeDtypeStruct((), "int32"))[0].shape
      (2, 10)
    """
    _check(stages, starts)
    earlier: list[str] = []
    for patterns, start in zip(stages, starts, strict=True):
        if start > 0:
            apply = frozen_norms(apply, [*as_patterns(patterns), *earlier], step < start)
        earlier += [f"!{pattern}" for pattern in as_patterns(patterns)]
    return frozen_norms(apply, ["**", *earlier])


def rules(stages: Sequence[Patterns]) -> dict[str, str]:
    """Return pattern -> number of its group."""
    return {p: str(i) for i, patterns in enumerate(stages) for p in as_patterns(patterns)}


def _from(optimizer: optax.GradientTransformation, start: int) -> optax.GradientTransformation:
    if start == 0:
        return optimizer
    return optax.transforms.conditionally_mask(
        optimizer, lambda step, **_: jnp.asarray(step) >= start
    )


def _check(stages: Sequence[Patterns], starts: Sequence[int]) -> None:
    report = Report("unfreeze")
    ok = len(stages) == len(starts) > 0
    rule = f"must have one entry for each of the {len(stages)} stages"
    report.expect(ok, "starts", starts, rule, "give the first stage 0")
    ok = all(is_int(start) and start >= 0 for start in starts) and list(starts) == sorted(starts)
    rule = "must be numbers of steps >= 0 that do not decrease"
    report.expect(ok, "starts", starts, rule, "list the stages from the head back")
    plain = [p for patterns in stages for p in as_patterns(patterns)]
    ok = not any(p.startswith("!") for p in plain) and len(set(plain)) == len(plain)
    rule = "must name each pattern once, without '!'"
    fix = "rely on the order: a parameter belongs to the first stage that covers it"
    report.expect(ok, "stages", stages, rule, fix)
    report.done()
