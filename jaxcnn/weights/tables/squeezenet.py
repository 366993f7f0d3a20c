"""SqueezeNet's names."""

from typing import Any

from jaxcnn.weights.names import Rule, Table


def torchvision(model: Any) -> Table:
    """Return torchvision's names; `features` counts the stem's nonlinearity and pools too."""
    rules, n = [Rule("stem/conv", "features.0"), Rule("head", "classifier.1")], 2
    for i in range(1, len(model.squeeze) + 2):
        if i > 1:
            rules.append(Rule(rf"fire{i}/(\w+)/conv", f"features.{n}.{{1}}"))
            n += 1
        n += i in model.pools
    return Table(tuple(rules))
