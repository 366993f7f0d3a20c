"""The residual networks for ImageNet, as figures (He et al. 2015, table 1)."""

BLOCKS = {
    "resnet18": ((2, 2, 2, 2), False),
    "resnet34": ((3, 4, 6, 3), False),
    "resnet50": ((3, 4, 6, 3), True),
    "resnet101": ((3, 4, 23, 3), True),
}


def plan(width: int, stride: int, bottleneck: bool) -> list[tuple[int, int, int]]:
    """Return features, window and stride of a block's convolutions."""
    if bottleneck:
        return [(width // 4, 1, 1), (width // 4, 3, stride), (width, 1, 1)]
    return [(width, 3, stride), (width, 3, 1)]
