"""`jaxcnn visualize`: what a class or a unit looks like."""

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from jaxcnn.checks import Report
from jaxcnn.cli.synthesis.film import Film
from jaxcnn.cli.synthesis.network import COMMON, Output, Seeing, Shared
from jaxcnn.cli.synthesis.pictures import pixels_of, save
from jaxcnn.synthesis import class_model, visualize
from jaxcnn.taps import Channel


def command(
    *,
    classes: Annotated[tuple[str, ...], tyro.conf.arg(name="class", metavar="CLASS...")] = (),
    at: Annotated[str | None, tyro.conf.arg(metavar="LAYER")] = None,
    channels: Annotated[tuple[int, ...], tyro.conf.arg(metavar="N...")] = (),
    method: Literal["natural", "simonyan"] = "natural",
    variation: float = 4e-3,
    steps: int = 192,
    rate: float = 0.05,
    size: int | None = None,
    output: Output = Path("visualized.png"),
    common: Shared = COMMON,
) -> str:
    """Make the images that excite classes, or channels of a layer, most.

    Args:
        classes: Classes by index, name or WordNet id; several make several images.
        at: Layer of the channels, as in jaxcnn summary MODEL.
        channels: Channels of the layer instead of classes.
        method: `natural` makes spectra with the colours of photographs, seen from many sides;
            `simonyan` is the formula of the paper on free pixels.
        variation: How smooth the images shall be.
        steps: Number of steps.
        rate: Length of a step.
        size: Pixels of each side; by default those that the network takes.
        output: File for the images: .png, .jpg or .webp.
    """
    report = Report("visualize")
    fix = "give --class CLASS..., or --at LAYER --channels N..."
    one = bool(classes) != bool(at is not None and channels)
    report.expect(one, "--class", classes, "give either classes or channels of a layer", fix)
    common.check(report, output, steps, size)
    film = Film(output, common.film)
    seeing = common.load()
    target, names = wanted(seeing, classes, at, channels)
    side = seeing.side if size is None else size
    shape = (len(names), side, side, seeing.channels)
    technique = visualize if method == "natural" else class_model
    with film.running():
        options = common.options(seeing, film, steps)
        found = technique(*seeing.given, target, shape, rate=rate, variation=variation, **options)
    save(output, list(pixels_of(found.images)))
    film.write()
    lines = [f"  {name}: {-loss:.1f}" for name, loss in zip(names, found.losses[-1], strict=True)]
    return "\n".join([f"{common.model}, the score at the last look:", *lines, f"  {output}"])


def wanted(
    seeing: Seeing, classes: tuple[str, ...], at: str | None, channels: tuple[int, ...]
) -> tuple[Any, list[str]]:
    """Return the target, an entry for each image, and their names."""
    if at is not None:
        return Channel(at, np.array(channels)), [f"{at}, channel {n}" for n in channels]
    found = seeing.classes("--class", classes)
    return np.array(found), [seeing.named(label) for label in found]
