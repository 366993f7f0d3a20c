"""`jaxcnn invert`: what layers still know of an image."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from jaxcnn.checks import Report
from jaxcnn.cli.synthesis.film import Film
from jaxcnn.cli.synthesis.network import COMMON, Output, Shared
from jaxcnn.cli.synthesis.pictures import pixels_of, save, values
from jaxcnn.synthesis import Fourier, caricature, invert


def command(
    image: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    at: Annotated[tuple[str, ...], tyro.conf.arg(metavar="LAYER...")],
    exaggerate: tyro.conf.FlagCreatePairsOff[bool] = False,
    variation: float = 1.0,
    beta: float = 2.0,
    steps: int = 200,
    rate: float = 0.05,
    output: Output = Path("inverted.png"),
    common: Shared = COMMON,
) -> str:
    """Make images from noise that have the same features at a layer as a photograph.

    The picture shows the photograph as the network sees it, then one image for each layer.

    Args:
        image: File of any usual kind and size.
        at: Layers, as in jaxcnn summary MODEL.
        exaggerate: Make caricatures instead: features farther in the same direction.
        variation: How smooth the images shall be.
        beta: Exponent of the total variation; 1 for sharp edges.
        steps: Steps for each layer.
        rate: Length of a step.
        output: File for the strip of images: .png, .jpg or .webp.
    """
    common.check(Report("invert"), output, steps)
    film = Film(output, common.film)
    seeing = common.load()
    x = values(seeing.meta.transforms.pixels([image]))
    technique = caricature if exaggerate else invert
    how: dict[str, Any] = {"parametrisation": Fourier(), "rate": rate}
    how |= {} if exaggerate else {"variation": variation, "beta": beta}
    made, lines = [x[0]], []
    for layer in at:
        with film.running():
            options = common.options(seeing, film, steps)
            found = technique(*seeing.given, x, layer, **how, **options)
        made.append(found.images[0])
        error = float(np.sqrt(np.mean((np.asarray(found.images) - np.asarray(x)) ** 2)))
        lines.append(f"  {layer}: differs from the image by {error:.3f} (root mean square)")
    save(output, [pixels_of(one) for one in made])
    film.write()
    return "\n".join([f"{image}: {common.model}", *lines, f"  {output}"])
