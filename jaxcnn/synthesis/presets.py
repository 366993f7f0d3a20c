"""Which layers of known networks hold content and style."""

from typing import NamedTuple

from jaxcnn.checks import Report


class Preset(NamedTuple):
    """Layers and weights for `style_transfer`.

    Example:
      >>> preset("vgg19").content_at
      ('stage4/conv2',)
    """

    content_at: tuple[str, ...]
    style_at: tuple[str, ...]
    dream_at: str
    """A layer to dream of."""
    relative: bool = False
    """Whether distances are shares of those from nothing; Gatys' weights are for VGG-19."""
    content_weight: float = 1.0
    style_weight: float = 1e3


def _vgg(depths: tuple[int, ...]) -> Preset:
    style = tuple(f"stage{stage}/conv1" for stage in range(1, 6))
    return Preset(("stage4/conv2",), style, f"stage4/conv{depths[3]}")


PRESETS = {
    # Gatys et al. 2016, section 3: content conv4_2, style conv1_1 to conv5_1, ratio 1e-3.
    "vgg16": _vgg((2, 2, 3, 3, 3)),
    "vgg19": _vgg((2, 2, 4, 4, 4)),
    "alexnet": Preset(
        ("conv3",), ("conv1", "conv2", "conv3", "conv4", "conv5"), "conv4", True, 1.0, 10.0
    ),
    "efficientnet_lite0": Preset(
        ("stage3/block2/expand",),
        (
            "stem",
            "stage2/block1/expand",
            "stage2/block2/expand",
            "stage3/block2/expand",
            "stage4/block2/expand",
        ),
        "stage5/block3/expand",
        True,
        1.0,
        100.0,
    ),
}


def preset(name: str) -> Preset:
    """Return the layers that hold content and style in a network of the zoo.

    Args:
      name: Name of the model: `vgg16`, `vgg19`, `alexnet` or `efficientnet_lite0`.

    Returns:
      Layers and weights, by the names of `style_transfer`, and a layer for `dream`.

    Raises:
      ValueError: If there is none for the model.

    Example:
      >>> preset("vgg19").style_at
      ('stage1/conv1', 'stage2/conv1', 'stage3/conv1', 'stage4/conv1', 'stage5/conv1')
    """
    report = Report("preset")
    rule = f"has no preset; those that have: {', '.join(PRESETS)}"
    fix = "name layers yourself, as in jaxcnn summary MODEL"
    report.expect(name in PRESETS, "name", name, rule, fix)
    report.done()
    return PRESETS[name]
