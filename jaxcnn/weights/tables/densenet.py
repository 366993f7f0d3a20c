"""Names of the dense networks elsewhere."""

from typing import Any

from jaxcnn.weights.names import Rule, Table


def torchvision(model: Any) -> Table:
    """Return torchvision's names, which are also timm's.

    The files on torchvision's host are older than its networks and call the parts of a layer
    `norm.1` and `conv.1`; both forms are read.
    """
    layer = r"stage(\d+)/layer(\d+)/"
    return Table(
        (
            Rule("stem/conv", "features.conv0"),
            Rule("stem/norm", "features.norm0"),
            Rule(rf"{layer}(conv|norm)(\d)", "features.denseblock{1}.denselayer{2}.{3}{4}"),
            Rule(r"transition(\d+)/(conv|norm)", "features.transition{1}.{2}"),
            Rule("last/norm", f"features.norm{len(model.blocks) + 1}"),
            Rule("head", "classifier"),
        ),
        renamed=((r"(.*\.denselayer\d+\.(?:norm|conv))\.(\d\..*)", r"\1\2"),),
    )
