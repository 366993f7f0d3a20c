"""Rules for what most families have: a convolution with its norm."""

from typing import Any

from jaxcnn.weights.names import Rule


def unit(ours: str, conv: str, norm: str) -> tuple[Rule, Rule]:
    """Return the rules of a `ConvNormAct`.

    >>> [rule.theirs for rule in unit("stem", "features.0.0", "features.0.1")]
    ['features.0.0', 'features.0.1']
    """
    return Rule(f"{ours}/conv", conv), Rule(f"{ours}/norm", norm)


def plus(number: int) -> str:
    """Return the expression for the first group plus a number.

    >>> plus(3), plus(-1)
    ('{1+3}', '{1-1}')
    """
    return f"{{1{number:+d}}}"


def classifier(model: Any, numbers: tuple[int, ...]) -> list[Rule]:
    """Return the rules of fully connected layers on a flattened map, numbered as `classifier.N`.

    Args:
      model: A model with the fields `hidden` and `grid`.
      numbers: Place of each layer in torchvision's `classifier`, the head's last.
    """
    ours = [f"fc{6 + i}/dense" for i in range(len(model.hidden))] + ["head"]
    grids = [(model.grid, model.grid)] + [None] * len(model.hidden)
    places = zip(ours, numbers, grids, strict=True)
    return [Rule(name, f"classifier.{n}", flatten=grid) for name, n, grid in places]
