"""`jaxcnn attack`: a small change of an image after which the network errs."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from jaxcnn.checks import Report
from jaxcnn.cli.answer import Answer
from jaxcnn.cli.synthesis.film import Film
from jaxcnn.cli.synthesis.network import COMMON, Output, Seeing, Shared
from jaxcnn.cli.synthesis.pictures import STILLS, expect_file, pixels_of, save, values
from jaxcnn.images import around_grey, sheet
from jaxcnn.synthesis import fgsm, fool, nearest_adversary, pgd
from jaxcnn.typing import Array

Method = Literal["pgd", "fgsm", "lbfgs", "fool"]


def command(
    image: Annotated[Path, tyro.conf.Positional],
    /,
    *,
    target: Annotated[str | None, tyro.conf.arg(metavar="CLASS")] = None,
    eps: Annotated[str, tyro.conf.arg(metavar="N/255")] = "4/255",
    method: Method = "pgd",
    norm: Literal["linf", "l2"] = "linf",
    steps: int = 40,
    picture: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None,
    output: Output = Path("attacked.png"),
    common: Shared = COMMON,
) -> Answer:
    """Change an image a little, so that the network takes it for something else.

    The result has the size that the network takes. It is rounded to bytes, and what the network
    makes of the file is told.

    Args:
        image: File of any usual kind and size.
        target: Class to get to, by index, name or WordNet id; by default any other than now.
        eps: Largest change of a value (linf), or Euclidean length of the change (l2), of values
            in [0, 1]. Not for lbfgs and fool, which look for a small change themselves.
        method: pgd; fgsm, one step; lbfgs, the nearest image (Szegedy 2013); fool, until it is
            sure. The last two need a target.
        norm: How the change is measured by pgd.
        steps: Number of steps.
        picture: File for the image before, the change enlarged, and the image after.
        output: File for the changed image, which must not be compressed with loss: .png.
    """
    report = Report("attack")
    radius = number(report, eps)
    needs = method in ("lbfgs", "fool") and target is None
    report.expect(not needs, "--target", target, f"is needed by {method}", "use --target CLASS")
    expect_file(report, "--output", output, (".png",))
    expect_file(report, "--picture", picture, STILLS)
    common.check(report, output, steps)
    film = Film(output, common.film)
    seeing = common.load()
    x = values(pixels := seeing.meta.transforms.pixels([image]))
    label = None if target is None else seeing.classes("--target", (target,))[0]
    with film.running():
        found = attack(seeing, x, label, method, radius, norm, common.options(seeing, film, steps))
    after = pixels_of(found.images)
    save(output, list(after))
    film.write()
    before, now = seeing.guess(pixels), seeing.guess(after)
    change = (after.astype(np.float32) - pixels)[0] / 255
    if picture is not None:
        images = [pixels[0], around_grey(change), after[0]]
        words = [said(before), ("change", f"largest {largest(change)}"), said(now)]
        save(picture, [sheet(images, words, columns=3, cell=seeing.side)])
    length = f"largest change {largest(change)}, Euclidean {np.linalg.norm(change):.3f}"
    text = f"{image}: {' '.join(said(before))}\n  {output}: {' '.join(said(now))}; {length}"
    reached = now.label != before.label if label is None else now.label == label
    return Answer(text, "" if reached else "the attack did not succeed; try a larger --eps")


def attack(
    seeing: Seeing, x: Array, label: int | None, method: Method, eps: float, norm: str,
    options: dict[str, Any],
) -> Any:  # fmt: skip
    """Run the attack."""
    targeted = label is not None
    if method == "pgd":
        how = {"eps": eps, "norm": norm, "targeted": targeted}
        return pgd(*seeing.given, x, label, **how, **options)
    if method == "fgsm":
        transform = options["transform"]
        return fgsm(*seeing.given, x, label, eps=eps, targeted=targeted, transform=transform)
    technique = nearest_adversary if method == "lbfgs" else fool
    return technique(*seeing.given, x, label or 0, **options)


def number(report: Report, text: str) -> float:
    """Return a number such as `8/255`, and note what is none, or negative."""
    try:
        value = float(Fraction(text.replace(" ", "")))
    except (ValueError, ZeroDivisionError):
        report.expect(False, "--eps", text, "must be a number", "use e.g. --eps 8/255")
        return 0.0
    report.expect(value >= 0, "--eps", text, "must be >= 0", "use e.g. --eps 8/255")
    return value


def largest(change: np.ndarray) -> str:
    """Return the largest change of a byte."""
    return f"{np.abs(change).max() * 255:.0f}/255"


def said(guess: Any) -> tuple[str, str]:
    """Return a guess in words."""
    return guess.name, f"{guess.probability:.1%}"
