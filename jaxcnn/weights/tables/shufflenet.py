"""Names of ShuffleNet-v2's arrays."""

from typing import Any

from jaxcnn.weights.names import Rule, Table
from jaxcnn.weights.tables.units import unit

UNITS = {
    "shortcut_depthwise": ("branch1", 0),
    "shortcut_conv": ("branch1", 2),
    "conv1": ("branch2", 0),
    "depthwise": ("branch2", 3),
    "conv2": ("branch2", 5),
}
"""Our unit -> its branch there, and the number of its convolution, which its norm follows."""


def torchvision(model: Any) -> Table:
    """Return torchvision's names: the two branches of a unit are rows of layers.

    >>> torchvision(None).rule("stage2/block1/depthwise/norm")[1]
    'stage2.0.branch2.4'
    """
    rules = [*unit("stem", "conv1.0", "conv1.1"), *unit("conv5", "conv5.0", "conv5.1")]
    for ours, (branch, number) in UNITS.items():
        place = f"stage{{1}}.{{2-1}}.{branch}"
        rules += unit(
            rf"stage(\d+)/block(\d+)/{ours}", f"{place}.{number}", f"{place}.{number + 1}"
        )
    return Table((*rules, Rule("head", "fc")))
