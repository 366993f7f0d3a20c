"""The command line: `python -m train [CONFIG] [--section.field value]`."""

import ast
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import tyro

from train.config import Config
from train.errors import UserError, unknown

DEFAULT = "digits"
TITLES = {"top1": "top-1", "top5": "top-5", "miou": "mIoU", "pixel_accuracy": "pixel accuracy"}
"""How people call the figures of the log."""

VERBS = {
    "evaluate": "a finished run on any of its splits, or on other data",
    "compare": "several runs side by side: figures, differences, curves",
    "explain": "what the network of a finished run sees: filters, mistakes, units, embeddings",
    "lesion": "accuracy of a finished run with each residual block removed",
}
"""What is done with runs that exist, and never the name of a config; `main(arguments)` of
`train.verbs.NAME` does it, and returns the exit code."""


@dataclass(frozen=True)
class Command:
    """What one call of the command line asks for."""

    workdir: str = ""
    """Folder of the run; empty takes runs/CONFIG-HASH. An unfinished run there goes on."""
    fresh: tyro.conf.FlagCreatePairsOff[bool] = False
    """Start anew: removes what an earlier run wrote there."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print the summary as JSON, alone on standard output."""
    dry_run: tyro.conf.FlagCreatePairsOff[bool] = False
    """Tell shapes, memory, steps and learning rates, and train nothing."""
    find_lr: tyro.conf.FlagCreatePairsOff[bool] = False
    """Raise the learning rate for 100 steps, draw the loss (find_lr.png), suggest a peak.
    The picture lies in the working directory, or in --workdir, which must exist."""
    config: Annotated[tyro.conf.FlagConversionOff[Config], tyro.conf.arg(name="")] = field(
        default_factory=Config
    )


def split_arguments(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return the name of the config and the other arguments.

    >>> split_arguments(["digits", "--seed", "3"]), split_arguments(["--seed", "3"])
    (('digits', ['--seed', '3']), ('digits', ['--seed', '3']))
    """
    if arguments and not arguments[0].startswith("-"):
        return arguments[0], list(arguments[1:])
    return DEFAULT, list(arguments)


def parse(name: str, config: Config, arguments: Sequence[str], listing: str) -> Command:
    """Return the command that the arguments describe; unknown ones end the process with 2."""
    return tyro.cli(
        Command,
        prog=f"python -m train {name}",
        description=(
            "Train a network on images, from the data to the report. An unfinished run goes on, "
            f"a finished one is shown.\n\nconfigs:\n{listing}\n\nverbs, instead of a config:\n"
            f"{describe_verbs()}\n\nThe defaults below are "
            f"those of {name!r}."
        ),
        default=Command(config=config),
        args=arguments,
    )


def describe_verbs() -> str:
    """Return a line for each verb."""
    return "\n".join(f"  {name:24}{text}" for name, text in VERBS.items())


def describe_configs(folder: Path) -> dict[str, str]:
    """Return the one-line description of every config, from the first line of its docstring."""
    found = {}
    for path in sorted(folder.glob("*.py")):
        if path.stem != "__init__":
            text = ast.get_docstring(ast.parse(path.read_text())) or ""
            found[path.stem] = text.splitlines()[0] if text else ""
    return found


def check_name(name: str, known: Sequence[str]) -> None:
    """Refuse a config that does not exist, naming the nearest ones."""
    if name not in known:
        raise unknown("config", name, known)


def show(summary: dict[str, Any], directory: Path, *, as_json: bool) -> None:
    """Print what came out."""
    if as_json:
        print(json.dumps(summary))
        return
    test = summary["test"]
    shares = [(name, test[name]) for name in test if name not in ("loss", "count")]
    figures = ", ".join(
        f"{TITLES.get(name, name)} {share:.2%}" for name, share in shares if share is not None
    )
    print(
        f"test {figures} of {test['count']:,} images; "
        f"{summary['parameters']:,} parameters, {summary['steps']:,} steps in "
        f"{summary['train_seconds']:.0f} s"
    )
    if summary["skipped"]:
        print(f"{len(summary['skipped'])} unreadable image(s) skipped: see summary.json for names")
    report = directory / "report.html"
    print(f"report: {report}" if report.exists() else f"figures: {directory / 'summary.json'}")


def show_dry_run(config: Config, *, as_json: bool) -> int:
    """Print what a run would do."""
    from train.dry_run import describe, dry_run

    found = dry_run(config)
    print(json.dumps(found) if as_json else describe(found))
    return 0


def show_find_lr(config: Config, folder: Path, *, as_json: bool) -> int:
    """Print which learning rate the range test suggests."""
    from train.find_rate import find_rate

    found = find_rate(config, folder / "find_lr.png")
    text = f"suggested: --optim.learning-rate {found['suggestion']:g} (see {found['picture']})"
    print(json.dumps(found) if as_json else text)
    return 0


def fail(error: UserError) -> int:
    """Print the message of an error and return its exit code."""
    sys.stderr.write(f"error: {error}\n" if error.exit_code < 128 else f"{error}\n")
    return error.exit_code
