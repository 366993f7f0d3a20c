"""Summaries as text."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from jaxcnn.checks import Report
from jaxcnn.models.inspect.rows import Row

if TYPE_CHECKING:
    from jaxcnn.models.inspect.summary import Summary

HEADER = ("layer", "type", "output", "kernel", "stride", "params", "mult-adds", "field", "jump")
NUMBERS = (5, 6, 7, 8)  # columns that end at the right


def text(summary: "Summary", depth: int | None = None) -> str:
    """Return a summary as an aligned table with its totals below."""
    rows = [cells(row) for row in folded(summary.rows, depth)]
    lines = aligned(HEADER, rows, NUMBERS)
    title = f"{summary.name} on {times(summary.input_shape)}"
    return "\n".join([title, "", *lines, "", *totals(summary)])


def totals(summary: "Summary") -> list[str]:
    """Return the lines below the table."""
    kept = summary.training_bytes
    idle = summary.idle_params
    unused = f", {idle:,} of them only in training" if idle else ""
    lines = [
        f"parameters   {summary.total_params:,} ({amount(summary.params_bytes)}){unused}",
        f"statistics   {summary.state_size:,} ({amount(summary.state_bytes)})",
        f"mult-adds    {summary.total_macs:,} ({short(summary.total_macs)})",
        f"activations  {amount(summary.activation_bytes)} at most at once in evaluation, "
        f"{'?' if kept is None else amount(kept)} kept for the backward pass in training",
        f"optimizer    {amount(summary.optimizer_bytes('sgd_momentum'))} with momentum, "
        f"{amount(summary.optimizer_bytes('adam'))} with Adam; "
        f"gradients {amount(summary.params_bytes)}",
    ]
    if any(not row.runs for row in summary.rows):
        lines.append("note: layers without output run only in training; their multiply-adds "
                     "are not counted")  # fmt: skip
    return lines + [f"note: {note}" for note in summary.notes]


def cells(row: Row) -> tuple[str, ...]:
    """Return the texts of one row."""
    kernel = times(row.kernel) + (f" g{row.groups}" if row.groups > 1 else "")
    return (
        (row.path or "(whole)") + (f" (x{row.times})" if row.times > 1 else ""),
        row.kind,
        times(row.output_shape),
        kernel,
        same(row.stride),
        f"{row.params:,}" if row.params else "",
        f"{row.macs:,}" if row.macs else "",
        same(row.field),
        same(row.jump),
    )


def folded(rows: Sequence[Row], depth: int | None) -> list[Row]:
    """Add up the rows whose paths agree in their first `depth` names.

    Raises:
      ValueError: If the depth is not positive.

    >>> one, two = Row("a/b", "Conv", params=1), Row("a/c", "Conv", params=2)
    >>> [(row.path, row.kind, row.params) for row in folded([one, two], 1)]
    [('a', '2 layers', 3)]
    """
    report = Report("summary")
    if depth is not None:
        depth = report.count("depth", depth)
    report.done()
    groups: dict[str, list[Row]] = {}
    for row in rows:
        names = row.path.split("/")
        path = row.path if depth is None else "/".join(names[:depth])
        groups.setdefault(path, []).append(row)
    return [together(path, group) for path, group in groups.items()]


def together(path: str, group: list[Row]) -> Row:
    """Return one row for a group: what the last one that runs gives out, and the sums."""
    if len(group) == 1 and group[0].path == path:
        return group[0]
    last = ([row for row in group if row.runs] or group)[-1]
    return replace(
        last,
        path=path,
        kind=f"{len(group)} layers" if len(group) > 1 else last.kind,
        kernel=None if len(group) > 1 else last.kernel,
        stride=None if len(group) > 1 else last.stride,
        groups=1 if len(group) > 1 else last.groups,
        params=sum(row.params for row in group),
        macs=sum(row.macs for row in group),
        times=1,
    )


def aligned(
    header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()
) -> list[str]:
    """Return the lines of a table, its columns as wide as need be.

    >>> aligned(("name", "size"), [("a", "10"), ("bcdef", "5")], right=(1,))
    ['name   size', '-----  ----', 'a        10', 'bcdef     5']
    """
    cells = [tuple(header), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, tuple("-" * width for width in widths))
    lines = []
    for row in cells:
        padded = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return lines


def times(sizes: Sequence[int] | None) -> str:
    """Return sizes as they are spoken: `3x3`; nothing for none."""
    return "x".join(map(str, sizes or ()))


def same(values: Sequence[int | float | str] | None) -> str:
    """Return one value for all axes where they agree."""
    shown = [f"{v:g}" if isinstance(v, float) else str(v) for v in values or ()]
    return shown[0] if len(set(shown)) == 1 else "x".join(shown)


def short(count: int | float) -> str:
    """Return a number in thousands, millions or (American) billions.

    >>> short(999), short(61706), short(4089184256)
    ('999', '61.7 k', '4.09 G')
    """
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:g}"


def amount(count: int) -> str:
    """Return a number of bytes.

    >>> amount(246824), amount(3)
    ('241 KiB', '3 B')
    """
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} B"
