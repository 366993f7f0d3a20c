"""`jaxcnn style`: the content of one image in the style of another."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from jaxcnn.checks import Report
from jaxcnn.cli.synthesis.film import Film
from jaxcnn.cli.synthesis.network import COMMON, Output, Shared
from jaxcnn.cli.synthesis.pictures import photograph, pixels_of, save
from jaxcnn.synthesis import Fourier, preset, style_transfer
from jaxcnn.synthesis.presets import Preset

Layers = Annotated[tuple[str, ...], tyro.conf.arg(metavar="LAYER...")]


def command(
    content: Annotated[Path, tyro.conf.Positional],
    style: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    content_at: Layers = (),
    style_at: Layers = (),
    content_weight: float | None = None,
    style_weight: float | None = None,
    variation: float = 1e-4,
    preserve_color: Literal["no", "luminance", "match"] = "no",
    octaves: int = 2,
    steps: int = 200,
    rate: float = 0.05,
    size: int | None = None,
    style_size: int | None = None,
    output: Output = Path("style.png"),
    common: Shared = COMMON,
) -> str:
    """Paint the content of one image in the style of another.

    The image is a spectrum, with which also networks other than VGG transfer style.

    Args:
        content: File of any usual kind and size.
        style: File of any usual kind and size.
        content_at: Layers whose features are kept; some models have them by default.
        style_at: Layers whose Gram matrices are taken over.
        content_weight: How much content counts.
        style_weight: How much style counts.
        variation: How smooth the image shall be; 0 as it comes.
        preserve_color: Whether the content keeps its colours: by `luminance`, or by a style of
            which mean and covariance of the colours `match`.
        octaves: Sizes, each twice the one before; more for large images.
        steps: Steps in each octave.
        rate: Length of a step.
        size: Pixels of the shorter side; by default those of the content, at most 512.
        style_size: The same of the style; by default that of the content.
        output: File for the image: .png, .jpg or .webp.
    """
    common.check(Report("style"), output, steps, size)
    film = Film(output, common.film)
    seeing, layers = common.load(), layers_of(common.model, content_at, style_at)
    x = photograph(content, seeing.channels, size)
    y = photograph(style, seeing.channels, style_size or min(x.shape[1:3]))
    with film.running():
        found = style_transfer(
            *seeing.given, x, y, content_at=layers.content_at, style_at=layers.style_at,
            content_weight=layers.content_weight if content_weight is None else content_weight,
            style_weight=layers.style_weight if style_weight is None else style_weight,
            variation=variation, relative=layers.relative, octaves=octaves, rate=rate,
            preserve_color=None if preserve_color == "no" else preserve_color,
            parametrisation=Fourier(),
            **common.options(seeing, film, steps),
        )  # fmt: skip
    save(output, list(pixels_of(found.images)))
    film.write()
    return f"{content} in the style of {style}, by {common.model}\n  {output}"


def layers_of(model: str, content_at: tuple[str, ...], style_at: tuple[str, ...]) -> Preset:
    """Return the layers that are named, the others as they are known for the model."""
    if content_at and style_at:
        return Preset(content_at, style_at, "", True, 1.0, 100.0)
    known = preset(model)
    return known._replace(
        content_at=content_at or known.content_at, style_at=style_at or known.style_at
    )
