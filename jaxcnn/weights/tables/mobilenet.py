"""Names of MobileNet-v2, MobileNet-v3 and MNASNet elsewhere."""

from typing import Any

from jaxcnn.models.inverted import Row
from jaxcnn.models.mobilenet_v3 import Bneck
from jaxcnn.weights.names import Rule, Table
from jaxcnn.weights.tables.efficientnet import numbered, parts
from jaxcnn.weights.tables.units import plus, unit


def v2_torchvision(model: Any) -> Table:
    """Return torchvision's names of MobileNet-v2: all blocks are numbered through."""
    rules, before = [Rule("head", "classifier.1")], 1
    for i, row in enumerate(Row(*values) for values in model.stages):
        blocks, theirs = rf"stage{i + 1}/block(\d+)", f"features.{plus(before - 1)}.conv"
        *wide, last = parts(row)
        for k, part in enumerate(wide):
            rules += unit(f"{blocks}/{part}", f"{theirs}.{k}.0", f"{theirs}.{k}.1")
        rules += unit(f"{blocks}/{last}", f"{theirs}.{len(wide)}", f"{theirs}.{len(wide) + 1}")
        before += row.repeats
    return _ends(rules, "features.0.{}", f"features.{before}.{{}}", (0, 1), (0, 1))


def mnasnet_torchvision(model: Any) -> Table:
    """Return torchvision's names of MNASNet, whose first stage is not one of its blocks."""
    rules = [Rule("head", "classifier.1")]
    for k, part in ((3, "depthwise"), (6, "project")):
        rules += unit(f"stage1/block1/{part}", f"layers.{k}", f"layers.{k + 1}")
    for stage in range(2, len(model.stages) + 1):
        blocks, theirs = rf"stage{stage}/block(\d+)", f"layers.{stage + 6}.{{1-1}}.layers."
        for k, part in ((0, "expand"), (3, "depthwise"), (6, "project")):
            rules += unit(f"{blocks}/{part}", f"{theirs}{k}", f"{theirs}{k + 1}")
    last = len(model.stages) + 7
    return _ends(rules, "layers.{}", "layers.{}", (0, 1), (last, last + 1))


def v3_torchvision(model: Any) -> Table:
    """Return torchvision's names of MobileNet-v3: blocks and their parts are numbered."""
    rules = [Rule("fc/dense", "classifier.0"), Rule("head", "classifier.3")]
    number, channels = 1, model.stem
    for i, stage in enumerate(model.stages):
        for j, row in enumerate(Bneck(*values) for values in stage):
            has = parts(Row(row.hidden // channels, 3, 1, row.features, 1), float(row.excite))
            rules += numbered(f"stage{i + 1}/block{j + 1}", f"features.{number}.block", has)
            number, channels = number + 1, row.features
    return _ends(rules, "features.0.{}", f"features.{number}.{{}}", (0, 1), (0, 1))


def _ends(
    rules: list[Rule], stem: str, top: str, first: tuple[int, int], last: tuple[int, int]
) -> Table:
    """Add the stem and the top, whose convolutions and norms have these numbers."""
    ends = [*unit("stem", *map(stem.format, first)), *unit("top", *map(top.format, last))]
    return Table((*rules, *ends))
