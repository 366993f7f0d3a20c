"""`jaxcnn dream`: what a layer sees in an image, more of it."""

from pathlib import Path
from typing import Annotated

import tyro

from jaxcnn.checks import Report
from jaxcnn.cli.synthesis.film import Film
from jaxcnn.cli.synthesis.network import COMMON, Output, Shared
from jaxcnn.cli.synthesis.pictures import photograph, pixels_of, save
from jaxcnn.synthesis import dream, preset
from jaxcnn.taps import Channel


def command(
    image: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    at: Annotated[str | None, tyro.conf.arg(metavar="LAYER")] = None,
    channel: int | None = None,
    octaves: int = 4,
    ratio: float = 1.4,
    steps: int = 20,
    rate: float = 0.01,
    size: int | None = None,
    output: Output = Path("dream.png"),
    common: Shared = COMMON,
) -> str:
    """Dream of what a layer sees in an image (DeepDream).

    Args:
        image: File of any usual kind and size.
        at: Layer, as in jaxcnn summary MODEL; some models have one by default.
        channel: Dream of this channel of the layer alone.
        octaves: Sizes at which it is dreamt, the last the whole.
        ratio: Of two of them.
        steps: Steps in each octave.
        rate: Length of a step.
        size: Pixels of the shorter side; by default those of the image, at most 512.
        output: File for the image: .png, .jpg or .webp.
    """
    common.check(Report("dream"), output, steps, size)
    film = Film(output, common.film)
    seeing = common.load()
    at = preset(common.model).dream_at if at is None else at
    x = photograph(image, seeing.channels, size)
    target = at if channel is None else Channel(at, channel)
    options = common.options(seeing, film, steps)
    with film.running():
        found = dream(*seeing.given, x, target, octaves=octaves, ratio=ratio, rate=rate, **options)
    save(output, list(pixels_of(found.images)))
    film.write()
    return f"{image}: {at} of {common.model}, {octaves} octaves of {steps} steps\n  {output}"
