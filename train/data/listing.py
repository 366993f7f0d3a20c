"""A CSV file that lists images: `path,label`, and if wanted `split`."""

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from train.data.files import FileExamples
from train.data.folder import SPLIT_NAMES
from train.data.stored import Stored
from train.errors import UserError

SHOWN = 5
"""Wrong lines that a message lists."""

SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}

FORM = (
    "the file needs a first line 'path,label' (or 'path,label,split'), then one image a line; "
    "paths are relative to the file, labels are names or integers from 0, splits are train, val "
    "or test"
)


@dataclass(frozen=True)
class Row:
    """One line."""

    line: int
    path: str
    label: str
    split: str


def open_list(path: str) -> Stored:
    """Return the splits that the file lists."""
    file = Path(path).expanduser()
    rows = parse(file)
    check_files(file, rows)
    check_repeats(file, rows)
    names, labels = number(file, rows)
    parts = {split: part(file.parent, rows, labels, split) for split in SPLIT_NAMES}
    train = parts["train"]
    if train is None:
        raise UserError(f"{file} lists no images with split 'train'; {FORM}")
    check_classes(file, train.labels, names)
    return Stored(
        train=train,
        val=parts["val"],
        test=parts["test"],
        class_names=names,
        identity={split: p.identity() for split, p in parts.items() if p is not None},
    )


def parse(file: Path) -> list[Row]:
    """Read the lines; all that are malformed are reported at once."""
    reader = csv.reader(read_text(file).splitlines(keepends=True), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        check_header(file, header)
        lines = [(reader.line_num, fields) for fields in reader if fields]
    except csv.Error as error:
        raise UserError(f"{file} line {reader.line_num}: {error}; {FORM}") from error
    if not lines:
        raise UserError(f"{file} lists no images; {FORM}")
    rows, wrong = [], []
    for line, fields in lines:
        row = make_row(header, line, [field.strip() for field in fields])
        (rows if isinstance(row, Row) else wrong).append(row)
    complain(file, wrong, FORM)
    return rows


def read_text(file: Path) -> str:
    """Return the file's text."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(
            f"{file} does not exist (seen from {Path.cwd()}); check the path after list:"
        ) from None
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}; give a CSV file") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text ({error}); save it as UTF-8") from error


def check_header(file: Path, header: Sequence[str]) -> None:
    """Raise unless the first line names the columns."""
    strange = set(header) - {"path", "label", "split"}
    if strange or len(set(header)) < len(header) or not {"path", "label"} <= set(header):
        raise UserError(f"{file} line 1 is {','.join(header)!r}; {FORM}")


def make_row(header: Sequence[str], line: int, fields: Sequence[str]) -> Row | str:
    """Return the line's row, or what is wrong with it."""
    if len(fields) != len(header):
        return f"line {line}: {len(fields)} fields, expected {len(header)}"
    values = dict(zip(header, fields, strict=True))
    for column in ("path", "label"):
        if not values[column]:
            return f"line {line}: empty {column}"
    split = values.get("split", "train")
    if split.lower() not in SPLIT_OF:
        return f"line {line}: split {split!r}, expected train, val or test"
    return Row(line, values["path"], values["label"], SPLIT_OF[split.lower()])


def complain(file: Path, wrong: Sequence[str], remedy: str) -> None:
    """Raise if anything is wrong, naming the first lines and the number of others."""
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise UserError(f"{file}: {'; '.join(wrong[:SHOWN])}{more}. {remedy}")


def check_files(file: Path, rows: Sequence[Row]) -> None:
    """Raise for listed images that do not exist."""
    complain(
        file,
        [
            f"line {row.line}: {row.path} is not a file"
            for row in rows
            if not (file.parent / row.path).is_file()
        ],
        f"Paths are relative to {file.parent.absolute()}; mend or remove these lines",
    )


def check_repeats(file: Path, rows: Sequence[Row]) -> None:
    """Raise for an image that is listed twice: it could be trained on and tested with."""
    first: dict[str, int] = {}
    wrong = []
    for row in rows:
        path = os.path.normpath(row.path)
        line = first.setdefault(path, row.line)
        if line != row.line:
            wrong.append(f"line {row.line}: {row.path} stands on line {line} already")
    complain(file, wrong, "An image has one label and one split; remove these lines")


def number(file: Path, rows: Sequence[Row]) -> tuple[tuple[str, ...], list[int]]:
    """Return the class names and each row's label: integers as they are, names in sorted order."""
    try:
        labels = [int(row.label) for row in rows]
    except ValueError:
        names = sorted({row.label for row in rows})
        index = {name: i for i, name in enumerate(names)}
        return tuple(names), [index[row.label] for row in rows]
    # More classes than images: surely not a class index, and far too long a list of names.
    complain(
        file,
        [
            f"line {row.line}: label {label} is out of range"
            for row, label in zip(rows, labels, strict=True)
            if not 0 <= label < max(2, len(rows))
        ],
        f"Integer labels count the classes from 0, fewer than the {len(rows)} images; use names "
        "for anything else",
    )
    return tuple(str(i) for i in range(max(labels) + 1)), labels


def check_classes(file: Path, labels: np.ndarray, names: Sequence[str]) -> None:
    """Raise for classes without a training image."""
    missing = sorted(set(range(len(names))) - set(labels.tolist()))
    if missing or len(names) < 2:
        what = (
            f"no training images of class {', '.join(names[i] for i in missing[:SHOWN])}"
            if missing
            else "only one class"
        )
        raise UserError(
            f"{file} has {what}; every class of a classification needs training images, and "
            "integer labels count from 0"
        )


def part(root: Path, rows: Sequence[Row], labels: Sequence[int], split: str) -> FileExamples | None:
    """Return the examples of one split; None if there are none."""
    chosen = [i for i, row in enumerate(rows) if row.split == split]
    if not chosen:
        return None
    values = np.array([labels[i] for i in chosen], np.int32)
    return FileExamples(root, [rows[i].path for i in chosen], values)
