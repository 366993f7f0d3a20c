"""`jaxcnn explain`: what a network sees in images, as pictures and a page."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from jaxcnn.checks import Report
from jaxcnn.cli.answer import Answer, skipped_lines
from jaxcnn.cli.explain.book import Book
from jaxcnn.cli.explain.methods import DEFAULT, chosen, with_options
from jaxcnn.cli.explain.parts import Parts, drawn, projections
from jaxcnn.cli.explain.photographs import Loaded, Photographs
from jaxcnn.cli.explain.run import explained
from jaxcnn.cli.explain.targets import asked
from jaxcnn.cli.options import ClassNames, Json, OwnWeights, Tag, load
from jaxcnn.cli.progress import cleared
from jaxcnn.images.files import image_files

Layer = Annotated[str | None, tyro.conf.arg(metavar="LAYER")]


def command(
    images: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IMAGES")] = (),
    /,
    *,
    model: str = "efficientnet_lite0",
    tag: Tag = None,
    weights: OwnWeights = None,
    classes: ClassNames = None,
    method: Annotated[str | None, tyro.conf.arg(metavar="M,M,...|all")] = None,
    target: str = "top1",
    score: Literal["logit", "probability"] = "logit",
    at: Layer = None,
    options: Annotated[tuple[str, ...], tyro.conf.arg(metavar="M.OPTION=VALUE")] = (),
    filters: tyro.conf.FlagCreatePairsOff[bool] = False,
    feature_maps: Layer = None,
    units: Layer = None,
    channels: tuple[int, ...] = (),
    directions: Layer = None,
    embedding: Layer = None,
    batch_size: int = 32,
    output: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("explained"),
    as_json: Json = False,
) -> Answer:
    """Show what a network sees: a picture for each image, and one page of everything.

    Without --method and without one of the other parts (--filters, --feature-maps, --units,
    --directions, --embedding) it shows Grad-CAM, integrated gradients and occlusion. Layers are
    called as in `jaxcnn summary MODEL`.

    Args:
        images: Files, folders (searched at any depth) and patterns such as 'photos/*.jpg'.
        model: Name of the model; see jaxcnn list.
        method: Maps of the pixels that matter, such as grad_cam,ig,occlusion.
        target: What is explained: top1 (top2, ...), a class by index or name, or A-B for why A
            rather than B.
        score: Whether the logit of a class is explained or its probability.
        at: Layer that Grad-CAM and its relatives look at; by default the last one with maps.
        options: Options of methods, such as occlusion.window=48 lime.segments=superpixels.
        filters: Show the weights of the first layer; needs no image.
        feature_maps: Show what the channels of this layer make of each image.
        units: Show the images that excite channels of this layer most, cropped to what they see.
        channels: Which channels; by default eight at equal distances.
        directions: The same for random combinations of the channels of this layer.
        embedding: Show all images as points by their features at this layer, by PCA and t-SNE;
            `last` means what the last layer is given.
        batch_size: Images that are computed at once.
        output: Folder for index.html and the pictures, which replace those of an earlier call.
        as_json: Print JSON.
    """
    parts = Parts(filters, feature_maps, units, channels, directions, embedding)
    wanted = [] if method is None and parts.any else chosen(method or ",".join(DEFAULT))
    check(images, bool(wanted) or parts.of_images, batch_size)
    if parts.embedding:
        projections()  # a missing extra is told before the work begins
    found = image_files(images) if images else []
    book = Book(output, found)
    network = Loaded(*load(model, tag, weights, classes))
    question = asked(target, score, tuple(network.meta.categories))
    told = with_options(options, wanted, at, network.side)
    photographs = Photographs(network, found, batch_size) if found else None
    with cleared():
        if photographs and wanted:
            for one in explained(photographs, question, wanted, told, skip=method == "all"):
                book.add_image(one)
        for made in drawn(parts, network, photographs):
            book.add_picture(*made)
    page = book.write(f"What {model} sees", lead(network.meta, photographs))
    told_errors = photographs.errors if photographs else {}
    skipped = [{"file": str(file), "reason": str(e)} for file, e in told_errors.items()]
    facts = {"model": network.meta.name, "weights": network.meta.tag, "page": str(page)}
    data = {**facts, "images": book.images, "pictures": book.pictures, "skipped": skipped}
    text = json.dumps(data, indent=1) if as_json else as_text(data)
    return Answer(text, skipped_lines(told_errors))


def check(images: Sequence[str], needed: bool, batch_size: int) -> None:
    """Raise where the words mean nothing, before anything is loaded."""
    report = Report("explain")
    report.count("--batch-size", batch_size)
    fix = "give files, folders or patterns; only --filters needs none"
    report.expect(bool(images) or not needed, "IMAGES", images, "no image is given", fix)
    report.done()


def lead(meta: Any, photographs: Photographs | None) -> str:
    """Return what the page is about."""
    count = len(photographs) if photographs else 0
    return f"{meta.name}, weights {meta.tag}" + (f", {count:,} images" if count else "")


def as_text(data: dict[str, Any]) -> str:
    """Return what was made, in lines."""
    lines = []
    for image in data["images"]:
        top = image["top"][0]
        seconds = sum(method.get("seconds", 0) for method in image["methods"])
        lines.append(
            f"{image['file']}: {top['name']} ({top['probability']:.1%}); explained: "
            f"{image['target']} ({len(image['methods'])} methods, {seconds:.1f} s)\n"
            f"  {image['picture']}"
        )
        lines += [f"  {m['method']}: {m['refused']}" for m in image["methods"] if "refused" in m]
    lines += [f"{made['title']}\n  {made['picture']}" for made in data["pictures"]]
    return "\n".join([*lines, f"page: {data['page']}"])
