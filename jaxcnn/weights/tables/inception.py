"""Names of GoogLeNet and Inception-v3 elsewhere."""

from typing import Any

from jaxcnn.weights.names import Rule, Table
from jaxcnn.weights.tables.units import unit


def torchvision(model: Any) -> Table:
    """Return torchvision's names, timm's for Inception-v3; heads that we lack are ignored.

    Its weights expect images normalised by 0.5 and 0.5, which torchvision makes of those
    normalised by ImageNet's mean and deviation (`transform_input`): that belongs to the
    preparation of the images, not to these names.
    """
    has_heads = model.aux_heads and model.num_classes > 0
    ignored = () if has_heads else (r"aux[12]\..*", r"AuxLogits\..*")
    return Table((*googlenet(), *inception_v3(), Rule("head", "fc")), ignored)


def googlenet() -> tuple[Rule, ...]:
    """Return the rules of GoogLeNet; its auxiliary heads flatten maps of 4x4."""
    block, place = r"inception(\d\w)/", "inception{1}"
    return (
        *named(r"conv(\d)", "conv{1}"),
        *named(f"{block}branch1x1", f"{place}.branch1"),
        *named(rf"{block}branch3x3_(\d)", f"{place}.branch2.{{2-1}}"),
        *named(rf"{block}branch5x5_(\d)", f"{place}.branch3.{{2-1}}"),
        *named(f"{block}branch_pool", f"{place}.branch4.1"),
        *named(r"aux(\d)/conv", "aux{1}.conv"),
        Rule(r"aux(\d)/fc1", "aux{1}.fc1", flatten=(4, 4)),
        Rule(r"aux(\d)/fc2", "aux{1}.fc2"),
    )


def inception_v3() -> tuple[Rule, ...]:
    """Return the rules of Inception-v3, whose names there hold the sizes of the first kernels."""
    return (
        *named("conv(1a|2a|2b|4a)", "Conv2d_{1}_3x3"),
        *named("conv(3b)", "Conv2d_{1}_1x1"),
        *named(r"mixed(\d\w)/(\w+)", "Mixed_{1}.{2}"),
        *named(r"aux/conv(\d)", "AuxLogits.conv{1}"),
        Rule("aux/fc", "AuxLogits.fc"),
    )


def named(ours: str, theirs: str) -> tuple[Rule, Rule]:
    """Return the rules of a unit whose convolution and norm are called `conv` and `bn` there."""
    return unit(ours, f"{theirs}.conv", f"{theirs}.bn")
