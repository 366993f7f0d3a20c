"""AlexNet's names."""

from typing import Any

from jaxcnn.models.alexnet import ConvRow
from jaxcnn.weights.names import Rule, Table
from jaxcnn.weights.tables.units import classifier


def torchvision(model: Any) -> Table:
    """Return torchvision's names; `features` counts nonlinearities, norms and pools too.

    The paper's network and ZFNet, which torchvision lacks, are named as it would name them.
    """
    rules, n = [], 0
    for i, row in enumerate(model.convs, 1):
        rules.append(Rule(f"conv{i}/conv", f"features.{n}"))
        n += 2 + len(ConvRow(*row).after)
    return Table((*rules, *classifier(model, (1, 4, 6))))
