"""`jaxcnn export`: a trained network as one file."""

from pathlib import Path
from typing import Annotated, Literal

import tyro

from jaxcnn.cli.answer import Answer
from jaxcnn.cli.options import ClassNames, Name, OwnWeights, Tag, load
from jaxcnn.inference import save


def command(
    name: Name,
    /,
    *,
    tag: Tag = None,
    weights: OwnWeights = None,
    classes: ClassNames = None,
    dtype: Literal["float32", "bfloat16"] = "float32",
    platforms: tuple[Literal["cpu", "cuda", "rocm", "tpu"], ...] = (),
    output: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
) -> Answer:
    """Write a network for inference as one file, which runs without its code.

    It holds a StableHLO program that takes bytes of any number of images, its batch norms folded
    into the convolutions, the weights, and how images are prepared. `jaxcnn predict --program`
    runs it, and so does `jaxcnn.inference.load`.

    Args:
        name: Name of the model; see jaxcnn list.
        dtype: Type of the computation.
        platforms: Which the program is for; by default that of this machine.
        output: The file; by default MODEL.jaxcnn.
    """
    model, variables, meta = load(name, tag, weights, classes)
    path = output or Path(f"{name}.jaxcnn")
    kind = None if dtype == "float32" else dtype
    save(path, model, variables, meta, dtype=kind, platforms=platforms)
    size = path.stat().st_size / 1e6
    return Answer(f"wrote {path}, {size:,.1f} MB: {meta.name}.{meta.tag} in {dtype}")
