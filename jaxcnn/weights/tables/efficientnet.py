"""Names of EfficientNet's arrays."""

from collections.abc import Iterator, Sequence
from typing import Any

from jaxcnn.models.inverted import Row
from jaxcnn.weights.names import Rule, Table
from jaxcnn.weights.tables.units import plus, unit


def torchvision(model: Any) -> Table:
    """Return torchvision's names: the parts of a block are numbered."""
    rules = [*unit("stem", "features.0.0", "features.0.1"), Rule("head", "classifier.1")]
    last = f"features.{len(model.stages) + 1}"
    rules += unit("top", f"{last}.0", f"{last}.1")
    for stage, blocks, row, _ in _stages(model):
        theirs = f"features.{stage}.{{1-1}}.block"
        rules += numbered(blocks, theirs, parts(row, model.squeeze_ratio))
    return Table(tuple(rules))


def lite_pytorch(model: Any) -> Table:
    """Return the names in `efficientnet_lite_pytorch`: all blocks are numbered through."""
    rules = [*unit("stem", "_conv_stem", "_bn0"), *unit("top", "_conv_head", "_bn1")]
    rules.append(Rule("head", "_fc"))
    for _, blocks, row, before in _stages(model):
        theirs = f"_blocks.{plus(before - 1)}"
        norms = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
        for part in parts(row, model.squeeze_ratio):
            if part == "squeeze_excite":
                rules.append(Rule(f"{blocks}/{part}/reduce", f"{theirs}._se_reduce"))
                rules.append(Rule(f"{blocks}/{part}/expand", f"{theirs}._se_expand"))
            else:
                names = f"{theirs}._{part}_conv", f"{theirs}.{norms[part]}"
                rules += unit(f"{blocks}/{part}", *names)
    return Table(tuple(rules))


def timm(model: Any) -> Table:
    """Return timm's names, also of MobileNet-v2 and MNASNet: they differ with a block's kind."""
    rules = [*unit("stem", "conv_stem", "bn1"), *unit("top", "conv_head", "bn2")]
    rules.append(Rule("head", "classifier"))
    for stage, blocks, row, _ in _stages(model):
        theirs, norm = f"blocks.{stage - 1}.{{1-1}}", 0
        for part in parts(row, getattr(model, "squeeze_ratio", 0.0)):
            if part == "squeeze_excite":
                rules.append(Rule(f"{blocks}/{part}/reduce", f"{theirs}.se.conv_reduce"))
                rules.append(Rule(f"{blocks}/{part}/expand", f"{theirs}.se.conv_expand"))
            else:
                norm += 1
                conv = TIMM[row.fused, row.expansion > 1][part]
                rules += unit(f"{blocks}/{part}", f"{theirs}.{conv}", f"{theirs}.bn{norm}")
    return Table(tuple(rules))


TIMM = {
    (False, True): {"expand": "conv_pw", "depthwise": "conv_dw", "project": "conv_pwl"},
    (False, False): {"depthwise": "conv_dw", "project": "conv_pw"},
    (True, True): {"expand": "conv_exp", "project": "conv_pwl"},
    (True, False): {"expand": "conv"},
}
"""(fused, expands) -> what timm calls the convolutions."""


def parts(row: Row, squeeze_ratio: float = 0.0) -> list[str]:
    """Return the parts of a row's blocks in order.

    >>> parts(Row(1, 3, 1, 16, 1), 0.25)
    ['depthwise', 'squeeze_excite', 'project']
    """
    wide = row.expansion > 1
    if row.fused:
        return ["expand", "project"] if wide else ["expand"]
    first = ["expand"] if wide else []
    excite = ["squeeze_excite"] if squeeze_ratio else []
    return [*first, "depthwise", *excite, "project"]


def numbered(ours: str, theirs: str, has: Sequence[str]) -> list[Rule]:
    """Return torchvision's rules of a block that has these parts."""
    rules = []
    for k, part in enumerate(has):
        if part == "squeeze_excite":
            rules.append(Rule(f"{ours}/{part}/reduce", f"{theirs}.{k}.fc1"))
            rules.append(Rule(f"{ours}/{part}/expand", f"{theirs}.{k}.fc2"))
        else:
            rules += unit(f"{ours}/{part}", f"{theirs}.{k}.0", f"{theirs}.{k}.1")
    return rules


def _stages(model: Any) -> Iterator[tuple[int, str, Row, int]]:
    """Yield each stage's number, the pattern of its blocks, its row, and the blocks before it."""
    before = 0
    for i, values in enumerate(model.stages):
        row = Row(*values)
        yield i + 1, rf"stage{i + 1}/block(\d+)", row, before
        before += row.repeats
