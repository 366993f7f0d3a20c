"""Names of ConvNeXt's arrays."""

from typing import Any

from jaxcnn.weights.names import Rule, Table
from jaxcnn.weights.tables.units import unit


def torchvision(model: Any) -> Table:
    """Return torchvision's names: stages and the steps between them are numbered through."""
    rules = [*unit("stem", "features.0.0", "features.0.1")]
    rules += [Rule("head_norm", "classifier.0"), Rule("head", "classifier.2")]
    for stage in range(1, len(model.blocks) + 1):
        block, theirs = rf"stage{stage}/block(\d+)", f"features.{2 * stage - 1}.{{1-1}}"
        rules.append(Rule(block, theirs, trailing=2))
        for ours, k in (("depthwise", 0), ("norm", 2), ("expand/dense", 3), ("project", 5)):
            rules.append(Rule(f"{block}/{ours}", f"{theirs}.block.{k}"))
        rules.append(Rule(f"down{stage}/norm", f"features.{2 * stage - 2}.0"))
        rules.append(Rule(f"down{stage}/conv", f"features.{2 * stage - 2}.1"))
    return Table(tuple(rules))


def timm(model: Any) -> Table:
    """Return timm's names, in which the step before a stage is part of it.

    >>> timm(None).rule("stage2/block3/expand/dense")[1]
    'stages.1.blocks.2.mlp.fc1'
    """
    block, theirs = r"stage(\d+)/block(\d+)", "stages.{1-1}.blocks.{2-1}"
    return Table(
        (
            *unit("stem", "stem.0", "stem.1"),
            Rule(r"down(\d+)/norm", "stages.{1-1}.downsample.0"),
            Rule(r"down(\d+)/conv", "stages.{1-1}.downsample.1"),
            Rule(f"{block}/depthwise", f"{theirs}.conv_dw"),
            Rule(f"{block}/norm", f"{theirs}.norm"),
            Rule(f"{block}/expand/dense", f"{theirs}.mlp.fc1"),
            Rule(f"{block}/project", f"{theirs}.mlp.fc2"),
            Rule(block, theirs, leaf="gamma"),
            Rule("head_norm", "head.norm"),
            Rule("head", "head.fc"),
        )
    )
