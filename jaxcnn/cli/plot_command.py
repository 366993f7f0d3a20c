"""`jaxcnn plot`: a diagram of a model's blocks."""

from pathlib import Path
from typing import Annotated

import tyro

from jaxcnn.cli.options import Name, model_and_shape
from jaxcnn.models import plot


def command(
    name: Name,
    /,
    *,
    out: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None,
    depth: int | None = None,
    size: int | None = None,
    channels: int | None = None,
    num_classes: int | None = None,
) -> str:
    """Draw a model's blocks as SVG.

    Args:
        name: Name of the model; see jaxcnn list.
        out: File to write; by default the text is printed.
        depth: How deep to go in the tree of modules; by default as deep as stays readable.
        size: Height and width of the image; by default the model's usual ones.
        channels: Channels of the image.
        num_classes: Classes of the head; 0 for none.
    """
    model, shape = model_and_shape(name, size, channels, num_classes)
    image = plot(model, shape, depth=depth)
    if out is None:
        return image
    out.write_text(image, encoding="utf-8")
    return f"wrote {out}"
