"""How accuracy falls as images may be changed more."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.synthesis.attacks import Attacked, asked, decided, expect_eps, pgd
from jaxcnn.typing import Array, Variables


def robust_accuracy(
    model: nn.Module,
    variables: Variables,
    x: Array,
    classes: int | Array,
    epsilons: Sequence[float] | np.ndarray,
    *,
    attack: Callable[..., Attacked] = pgd,
    transform: Any = None,
    **options: Any,
) -> np.ndarray:
    """Return the share of images that the network has right, whatever is done within eps.

    An image counts for a radius if the network is right about it without any change, and no
    attack with this radius or a smaller one, which lies in the larger ball, makes it err. So the
    curve never rises.

    Args:
      model: A classifier.
      variables: Its variables.
      x: Images (N, H, W, C) in [0, 1].
      classes: The true class, or classes (N,).
      epsilons: Radii, >= 0, rising.
      attack: `fgsm`, `iterative`, `pgd`, or a function that is called as they are.
      transform: As in `optimize`.
      **options: Of the attack.

    Returns:
      Shares in [0, 1], float64 (len(epsilons),): upper bounds, for a stronger attack may find more.

    Raises:
      ValueError: If epsilons are negative or do not rise, or as the attack.

    Source: Madry et al. 2017, figure 6; Carlini et al. 2019, "On evaluating adversarial
    robustness", section 5.

    Example:
      >>> from jaxcnn import load_pretrained
      >>> model, variables, meta = load_pretrained("efficientnet_lite0")  # doctest: +SKIP
      >>> x = meta.transforms.pixels(files).astype("float32") / 255  # doctest: +SKIP
      >>> how = {"steps": 10, "transform": meta.transforms}  # doctest: +SKIP
      >>> robust_accuracy(model, variables, x, classes, [0, 1 / 255], **how)  # doctest: +SKIP
      array([0.9 , 0.05])
    """
    report = Report("robust_accuracy", x)
    radii = np.asarray(epsilons, float)
    ok = radii.ndim == 1 and radii.size > 0 and bool(np.all(np.diff(radii) >= 0))
    rule, fix = "must be radii that rise", "use e.g. [0, 1 / 255, 2 / 255]"
    report.expect(ok, "epsilons", epsilons, rule, fix)
    expect_eps(report, float(radii.min()) if radii.size else 0.0, x)
    network, x, classes = asked(report, model, variables, x, classes, False, transform)
    right, shares = decided(network, x) == classes, []
    for eps in radii:
        found = attack(model, variables, x, classes, eps=eps, transform=transform, **options)
        right = right & ~found.success
        shares.append(float(jnp.mean(right)))
    return np.array(shares)
