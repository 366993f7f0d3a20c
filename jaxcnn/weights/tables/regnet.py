"""Names of RegNets, in torchvision and in timm."""

from typing import Any

from jaxcnn.weights.names import Rule, Table
from jaxcnn.weights.tables.units import unit

BLOCK = r"stage(\d+)/block(\d+)/"


def torchvision(model: Any) -> Table:
    """Return torchvision's names of a `RegNet`.

    >>> torchvision(None).rule("stage2/block1/conv3")[1]
    'trunk_output.block2.block2-0.f.c.0'
    """
    block = "trunk_output.block{1}.block{1}-{2-1}."
    return Table(
        (
            *unit("stem", "stem.0", "stem.1"),
            *_branch(block + "f.{0}.0", block + "f.{0}.1", "abc"),
            *_shortcut(block + "proj.0", block + "proj.1"),
            *_squeeze(block + "f.se"),
            Rule("head", "fc"),
        )
    )


def timm(model: Any) -> Table:
    """Return timm's names of a `RegNet`.

    Its variants of the paper's widths end in three digits, such as `regnetx_032`; those of
    torchvision's widths, where they differ, in `_tv`.

    >>> timm(None).rule("stage2/block1/conv3")[1]
    's2.b1.conv3.conv'
    """
    block = "s{1}.b{2}."
    return Table(
        (
            *unit("stem", "stem.conv", "stem.bn"),
            *_branch(block + "conv{0}.conv", block + "conv{0}.bn", "123"),
            *_shortcut(block + "downsample.conv", block + "downsample.bn"),
            *_squeeze(block + "se"),
            Rule("head", "head.fc"),
        )
    )


def _branch(conv: str, norm: str, labels: str) -> list[Rule]:
    """Return the rules of three convolutions and norms; `{0}` is their label."""
    return [
        Rule(f"{BLOCK}{ours}{i}", theirs.replace("{0}", label))
        for i, label in enumerate(labels, 1)
        for ours, theirs in (("conv", conv), ("norm", norm))
    ]


def _shortcut(conv: str, norm: str) -> list[Rule]:
    return [Rule(f"{BLOCK}shortcut_conv", conv), Rule(f"{BLOCK}shortcut_norm", norm)]


def _squeeze(name: str) -> list[Rule]:
    return [
        Rule(f"{BLOCK}squeeze_excite/reduce", f"{name}.fc1"),
        Rule(f"{BLOCK}squeeze_excite/expand", f"{name}.fc2"),
    ]
