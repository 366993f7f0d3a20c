"""`jaxcnn predict`: what is in some images."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import tyro
from PIL import Image

from jaxcnn.checks import Report
from jaxcnn.cli.answer import Answer, skipped_lines, some_read
from jaxcnn.cli.options import ClassNames, Json, OwnWeights, Tag, load
from jaxcnn.cli.progress import shown
from jaxcnn.images import ImageError, read
from jaxcnn.images.bars import bars
from jaxcnn.images.draw import fit
from jaxcnn.images.files import image_files
from jaxcnn.inference import Batch
from jaxcnn.inference import load as load_program
from jaxcnn.weights.predict import Guess, batches, check_top, guesses

PICTURED = 40
"""Images that a picture shows."""
TOP_PICTURED = 8


class Found(NamedTuple):
    """An image and its most probable classes."""

    file: Path
    top: list[Guess]


def command(
    images: Annotated[list[str], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGES")],
    /,
    *,
    model: str = "efficientnet_lite0",
    tag: Tag = None,
    weights: OwnWeights = None,
    classes: ClassNames = None,
    program: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    top: int = 5,
    batch_size: int = 32,
    picture: Annotated[Path | None, tyro.conf.arg(metavar="FILE.png")] = None,
    as_json: Json = False,
) -> Answer:
    """Tell what is in images, by a network with published weights.

    Args:
        images: Files, folders (searched at any depth) and patterns such as 'photos/*.jpg'.
        model: Name of the model; see jaxcnn list.
        program: A network that `jaxcnn export` wrote, instead of --model.
        top: Number of classes to tell.
        batch_size: Images that are computed at once.
        picture: File to draw the images and the bars of their probabilities into.
        as_json: Print JSON.
    """
    check(top, batch_size, picture)
    files = image_files(images)
    meta, computed = network_on(files, program, model, tag, weights, classes, batch_size)
    check_top(top, len(meta.categories))
    found, errors = [], {}
    for batch in shown(computed, len(files)):
        named = guesses(batch.logits, meta, top) if batch.indices else []
        found += [Found(files[i], best) for i, best in zip(batch.indices, named, strict=True)]
        errors |= {files[i]: error for i, error in batch.errors.items()}
    some_read(len(found), errors)
    if picture is not None:
        draw(picture, found[:PICTURED])
    text = as_text(found) if not as_json else json.dumps(as_data(meta, found, errors), indent=1)
    if picture is not None and not as_json:
        text += f"\n\nwrote {picture}" + (
            f", the first {PICTURED} of {len(found)} images" if len(found) > PICTURED else ""
        )
    return Answer(text, skipped_lines(errors))


def network_on(
    files: list[Path], program: Path | None, model: str, *given: Any
) -> tuple[Any, Iterator[Batch]]:
    """Return what is known of the network, and its logits for the files, batch by batch."""
    *named, batch_size = given
    if program is None:
        network, variables, meta = load(model, *named)
        return meta, batches(network, variables, meta, files, batch_size=batch_size)
    if any(value is not None for value in named):
        raise ValueError(
            "--program holds a network with its weights and classes; --tag, --weights and "
            "--classes choose others. Fix: leave them out"
        )
    predictor = load_program(program, batch_size=min(batch_size, len(files)))
    return predictor, predictor.batches(files)


def check(top: int, batch_size: int, picture: Path | None) -> None:
    """Raise where an option means nothing, before anything is loaded."""
    report = Report("predict")
    report.count("--top", top)
    report.count("--batch-size", batch_size)
    if picture is not None:
        known = picture.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp")
        report.expect(known, "--picture", str(picture), "must end in .png, .jpg or .webp",
                      f"use {picture.with_suffix('.png')}")  # fmt: skip
        report.expect(picture.parent.is_dir(), "--picture", str(picture),
                      "must be in a folder that exists", f"mkdir -p {picture.parent}")  # fmt: skip
        rule = f"a picture has room for {TOP_PICTURED} bars an image"
        report.expect(top <= TOP_PICTURED, "--top", top, rule, f"use --top {TOP_PICTURED}")
    report.done()


def as_text(found: list[Found]) -> str:
    """Return each file's name and below it its classes in columns."""
    width = max(len(guess.name) for _, top in found for guess in top)
    blocks = [
        "\n".join(
            [str(file), *(f"  {g.probability:7.2%}  {g.name:{width}}  {g.label}" for g in top)]
        )
        for file, top in found
    ]
    return "\n\n".join(blocks)


def as_data(meta: Any, found: list[Found], errors: dict[Path, ImageError]) -> dict[str, Any]:
    """Return what is printed as JSON."""
    return {
        "model": meta.name,
        "weights": getattr(meta, "tag", "exported"),
        "images": [
            {
                "file": str(file),
                "top": [
                    {"class": g.label, "name": g.name, "probability": round(g.probability, 6)}
                    for g in top
                ],
            }
            for file, top in found
        ],
        "skipped": [{"file": str(file), "reason": str(error)} for file, error in errors.items()],
    }


def draw(path: Path, found: list[Found]) -> None:
    """Write a picture of the images and their bars."""
    images = [fit(read(file), 224) for file, _ in found]
    titles = [file.name for file, _ in found]
    shares = [[(guess.name, guess.probability) for guess in top] for _, top in found]
    picture = bars(images, titles, shares, columns=1 if len(found) < 4 else 2)
    Image.fromarray(picture).save(path)
