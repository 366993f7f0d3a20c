"""`jaxcnn evaluate`: published accuracies, checked."""

import json
import time
from pathlib import Path
from typing import Annotated, Any

import tyro

from jaxcnn.checks import Report
from jaxcnn.cli.answer import Answer, skipped_lines, some_read
from jaxcnn.cli.options import ClassNames, Json, Name, OwnWeights, Tag, load
from jaxcnn.cli.progress import shown
from jaxcnn.models.inspect.table import aligned
from jaxcnn.weights.evaluate import Accuracy, count, interval
from jaxcnn.weights.labelled import class_folders, label_file
from jaxcnn.weights.predict import batches


def command(
    name: Name,
    folder: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    tag: Tag = None,
    weights: OwnWeights = None,
    classes: ClassNames = None,
    labels: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    batch_size: int = 32,
    as_json: Json = False,
) -> Answer:
    """Count how often a model is right, with its weights' own preparation of images.

    For ImageNet's validation set the result is to be compared with the published one.

    Args:
        name: Name of the model; see jaxcnn list.
        folder: Holds FOLDER/CLASS/*.jpg, where CLASS is a WordNet id (n01440764), an index (0)
            or a name (tench); or, with --labels, images.
        labels: A text file: in each line the name of an image and its class.
        batch_size: Images that are computed at once.
        as_json: Print JSON.
    """
    report = Report("evaluate")
    report.count("--batch-size", batch_size)
    report.done()
    model, variables, meta = load(name, tag, weights, classes)
    if labels is None:
        files, truth = class_folders(folder, meta.categories)
    else:
        files, truth = label_file(folder, labels, meta.categories)
    began = time.monotonic()
    found = batches(model, variables, meta, files, batch_size=batch_size)
    accuracy = count(shown(found, len(files)), truth)
    seconds = time.monotonic() - began
    errors = {files[i]: error for i, error in accuracy.errors.items()}
    some_read(accuracy.count, errors)
    data = as_data(meta, accuracy, len(set(truth)), seconds)
    if as_json:
        told = [{"file": str(file), "reason": str(error)} for file, error in errors.items()]
        return Answer(json.dumps({**data, "skipped": told}, indent=1), skipped_lines(errors))
    return Answer(as_text(data), skipped_lines(errors))


def as_data(meta: Any, accuracy: Accuracy, classes: int, seconds: float) -> dict[str, Any]:
    """Return the figures."""
    return {
        "model": meta.name,
        "weights": meta.tag,
        "count": accuracy.count,
        "classes": classes,
        "hits1": accuracy.hits1,
        "hits5": accuracy.hits5,
        "top1": accuracy.top1,
        "top5": accuracy.top5,
        "published": {"top1": meta.top1, "top5": meta.top5},
        "seconds": round(seconds, 3),
    }


def as_text(data: dict[str, Any]) -> str:
    """Return the figures beside those that were published, and how sure a sample makes them."""
    rows = []
    for key in ("top1", "top5"):
        hits, published = data[f"hits{key[-1]}"], data["published"][key]
        low, high = interval(hits, data["count"])
        rows.append(
            (
                f"top-{key[-1]}",
                f"{hits:,}",
                f"{data[key]:.3%}",
                f"{low:.1%} to {high:.1%}",
                "unknown" if published is None else f"{published:.3%}",
            )
        )
    header = ("", "right", "share", "95 % interval", "published")
    head = f"{data['model']}.{data['weights']} on {data['count']:,} images of {data['classes']:,}"
    rate = f"{data['seconds']:.1f} s, {data['count'] / data['seconds']:.1f} images/s"
    return "\n".join([f"{head} classes ({rate})", "", *aligned(header, rows, right=(1, 2, 3, 4))])
