"""Keep some of the parameters as they are."""

from collections.abc import Hashable
from typing import Any

import jax
import optax

from jaxcnn.checks import Report
from jaxcnn.finetune.patterns import Patterns, chosen, path_of, paths_of


def freeze(
    optimizer: optax.GradientTransformation, patterns: Patterns
) -> optax.GradientTransformation:
    """Let an optimizer leave some parameters exactly as they are.

    They get no update, not even weight decay, and the optimizer keeps no memory for them. Norms
    among them still use the batch in training: see `frozen_norms`; and their gradients are still
    computed: see `stop_gradients`.

    Args:
      optimizer: What moves the others.
      patterns: Which parameters stay: paths, `*`, `**`, and `!` for what moves nevertheless, as
        in `["**", "!head"]`.

    Returns:
      The optimizer for all parameters.

    Raises:
      ValueError: In `init`, if a pattern covers no parameter, or nothing is left to train.

    Example:
      >>> import jax.numpy as jnp
      >>> params = {"stem": jnp.ones(2), "head": jnp.ones(2)}
      >>> optimizer = freeze(optax.sgd(0.1), "stem")
      >>> optimizer.update(params, optimizer.init(params), params)[0]["stem"]
      Array([0., 0.], dtype=float32)
    """

    def labels(params: Any) -> Any:
        frozen = chosen("freeze", patterns, paths_of(params))
        report = Report("freeze")
        left, fix = len(paths_of(params)) > len(frozen), "take something back, such as '!head'"
        report.expect(left, "patterns", patterns, "leave no parameter to train", fix)
        report.done()
        return jax.tree_util.tree_map_with_path(
            lambda keys, _: "frozen" if path_of(keys) in frozen else "trained", params
        )

    parts: dict[Hashable, Any] = {"trained": optimizer, "frozen": optax.set_to_zero()}
    return optax.multi_transform(parts, labels)


def stop_gradients(params: Any, patterns: Patterns) -> Any:
    """Return the parameters of which those chosen have no gradient.

    With these inside of the loss, the backward pass ends where nothing below is trained, which
    for a frozen backbone saves most of a step.

    Args:
      params: The parameters.
      patterns: As in `freeze`.

    Returns:
      The same values.

    Raises:
      ValueError: If a pattern covers no parameter.

    Example:
      >>> import jax
      >>> loss = lambda p: sum(stop_gradients(p, "stem").values())
      >>> jax.grad(loss)({"stem": 1.0, "head": 1.0})["stem"].tolist()
      0.0
    """
    frozen = chosen("stop_gradients", patterns, paths_of(params))
    return jax.tree_util.tree_map_with_path(
        lambda keys, p: jax.lax.stop_gradient(p) if path_of(keys) in frozen else p, params
    )
