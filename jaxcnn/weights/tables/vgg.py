"""VGG's names."""

from typing import Any

from jaxcnn.weights.names import Rule, Table
from jaxcnn.weights.tables.units import classifier, unit


def torchvision(model: Any) -> Table:
    """Return torchvision's names; `features` counts norms, nonlinearities and pools too."""
    rules: list[Rule] = []
    n, step = 0, 2 if model.norm is None else 3
    for i, convs in enumerate(model.stages, 1):
        for j in range(1, convs + 1):
            rules += unit(f"stage{i}/conv{j}", f"features.{n}", f"features.{n + 1}")
            n += step
        n += 1
    return Table((*rules, *classifier(model, (0, 3, 6))))
