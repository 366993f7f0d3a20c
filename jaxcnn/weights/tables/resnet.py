"""Names of residual networks: torchvision's, which timm shares."""

from typing import Any

from jaxcnn.weights.names import Rule, Table

BLOCK, THEIRS = r"stage(\d+)/block(\d+)/", "layer{1}.{2-1}."


def torchvision(model: Any) -> Table:
    """Return torchvision's names of a `ResNet`; timm's are the same.

    >>> torchvision(None).rule("stage2/block1/shortcut_norm")[1]
    'layer2.0.downsample.1'
    """
    return Table(
        (
            Rule("stem/conv", "conv1"),
            Rule("stem/norm", "bn1"),
            Rule(rf"{BLOCK}conv(\d)", f"{THEIRS}conv{{3}}"),
            Rule(rf"{BLOCK}norm(\d)", f"{THEIRS}bn{{3}}"),
            Rule(f"{BLOCK}shortcut_conv", f"{THEIRS}downsample.0"),
            Rule(f"{BLOCK}shortcut_norm", f"{THEIRS}downsample.1"),
            Rule("head", "fc"),
        )
    )
