"""`python -m train explain RUN`: what the network of a finished run sees, on one page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console

from train.album import SplitAlbum
from train.errors import UserError
from train.evaluate import Evaluation
from train.finished import Finished, open_finished
from train.report.explained import write_explained
from train.tasks import Classification
from train.verbs.evaluate import evaluated

AGREEMENT = 0.005
"""How far the accuracy may lie from the one of the run: other devices round otherwise."""


@dataclass(frozen=True)
class Arguments:
    """Filters, feature maps, explained mistakes, units and embeddings of a finished run.

    Nothing is chosen by these images: neither the network nor a setting of the pictures.
    """

    run: Annotated[Path, tyro.conf.Positional]
    """Folder of a finished run; explain.html and explain/*.png are written there."""
    split: Literal["test", "val"] = "test"
    """Which examples are shown."""
    examples: int = 8
    """Mistakes that are explained, and as many right answers."""
    embedded: int = 2000
    """Images in the maps of the whole set, at equal distances in it where there are more."""


def main(words: Sequence[str]) -> int:
    """Write the page."""
    arguments = tyro.cli(Arguments, prog="python -m train explain", args=words)
    if arguments.examples < 1 or arguments.embedded < 4:
        raise UserError("--examples must be >= 1 and --embedded >= 4")
    finished = open_finished(arguments.run)
    if not isinstance(finished.setup.task, Classification):
        raise UserError("a segmentation shows its answers in report.html; it has nothing more here")
    result = evaluated(finished, arguments.split)
    check_same_data(finished, result, arguments.split)
    source: Any = getattr(finished.setup.splits, arguments.split)
    album = SplitAlbum(finished.setup.task, finished.variables, source)
    with Console(stderr=True).status("compiling") as status:
        page = write_explained(
            arguments.run,
            album,
            result,
            names=finished.setup.splits.class_names,
            title=str(finished.summary.get("config", arguments.run.name)),
            lead=f"{finished.setup.config.model.name}, {arguments.split} split, top-1 "
            f"{result.top1:.2%} of {result.count:,} images",
            examples=arguments.examples,
            embedded=arguments.embedded,
            tell=status.update,
        )
    print(f"page: {page}")
    return 0


def check_same_data(finished: Finished, result: Evaluation, split: str) -> None:
    """Refuse to explain on data that are not the run's, which a program may have handed over."""
    then = finished.summary.get("test", {})
    if split != "test" or "top1" not in then:
        return
    if then["count"] != result.count or abs(then["top1"] - result.top1) > AGREEMENT:
        raise UserError(
            f"the run was right about {then['top1']:.2%} of {then['count']:,} test images, and is "
            f"now about {result.top1:.2%} of {result.count:,}: {finished.directory}/config.json "
            "does not name its data; restore them"
        )
