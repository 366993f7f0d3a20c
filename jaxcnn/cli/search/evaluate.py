"""`jaxcnn search eval`: how good an index is, by the protocols of published benchmarks."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from jaxcnn.checks import Report
from jaxcnn.cli import html
from jaxcnn.cli.options import Json
from jaxcnn.cli.progress import cleared, tell
from jaxcnn.cli.search.describer import DEFAULT, Describer, describer_of, projection_of, shown_name
from jaxcnn.cli.search.query import asked
from jaxcnn.images import read
from jaxcnn.models.inspect.table import aligned
from jaxcnn.retrieval import (
    Evaluation,
    Index,
    Query,
    folder_queries,
    holidays_queries,
    oxford_queries,
    ukbench_queries,
)
from jaxcnn.retrieval import evaluate as measured
from jaxcnn.retrieval.protocols import stem

AT_ONCE = 64
"""Queries whose rankings are in memory at once."""
WORST = 20
"""Queries that are named."""

READERS: dict[str, Callable[..., list[Query]]] = {
    "folders": folder_queries,
    "holidays": holidays_queries,
    "ukbench": ukbench_queries,
}
"""Those that need nothing but the names of the images."""


def evaluate(
    *,
    index: Annotated[Path, tyro.conf.arg(metavar="DIR")] = DEFAULT,
    protocol: Literal["folders", "holidays", "ukbench", "oxford"] = "folders",
    truth: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None,
    at: tuple[int, ...] = (1, 5, 10),
    expand: int = 0,
    alpha: float = 3.0,
    page: Annotated[Path | None, tyro.conf.arg(metavar="FILE.html")] = None,
    as_json: Json = False,
) -> str:
    """Rank the whole index for each query of a benchmark, and tell mAP, precision and recall.

    Folders: the images of one folder are relevant to each other. Holidays and UKBench: by the
    names of the images. Oxford, also Paris: by the authors' text files; queries are cut out and
    described, junk counts neither way.

    Args:
        index: Folder of the index, which holds all images of the benchmark.
        protocol: Who is relevant to whom.
        truth: Folder of the text files, for oxford.
        at: Where precision and recall are told.
        expand: Ask a second time with the first so many answers (query expansion).
        alpha: Power of their cosines, by which they weigh.
        page: File for a report.
        as_json: Print JSON.
    """
    check(protocol, truth, at, expand)
    at = tuple(sorted({*at, 4})) if protocol == "ukbench" else at  # its score is that at four
    began, opened = time.monotonic(), Index.open(index)
    names = opened.names if protocol == "folders" else list(map(stem, opened.names))
    queries = oxford_queries(truth or ".") if protocol == "oxford" else READERS[protocol](names)
    known(queries, names)
    with cleared():
        vectors = query_vectors(opened, queries, names)
        found = ranked(opened, queries, vectors, np.array(names), at, expand, alpha)
    data = as_data(opened, protocol, queries, found, time.monotonic() - began)
    if page is not None:
        page.write_text(report_page(data), "utf-8")
    return json.dumps(data, indent=1) if as_json else as_text(data)


def check(protocol: str, truth: Path | None, at: Sequence[int], expand: int) -> None:
    """Raise where the words mean nothing."""
    report = Report("search eval")
    both = (protocol == "oxford") == (truth is not None)
    rule, fix = "--protocol oxford and --truth go together", "name the folder of its text files"
    report.expect(both, "--truth", truth and str(truth), rule, fix)
    report.expect(bool(at), "--at", at, "must hold a number", "use --at 1 5 10")
    for k in at:
        report.count("--at", k)
    report.count("--expand", expand, low=0)
    report.done()


def known(queries: Sequence[Query], names: Sequence[str]) -> None:
    """Raise unless all images that queries speak of are in the index."""
    asked_for = {name for q in queries for name in (q.image, *q.positives)}
    missing = sorted(asked_for - set(names))
    report = Report("search eval")
    rule = f"{len(missing)} images of the benchmark are not in the index, such as {missing[:1]}"
    report.expect(not missing, "--index", "names", rule, "build it from all of them")
    report.done()


def query_vectors(index: Index, queries: Sequence[Query], names: Sequence[str]) -> np.ndarray:
    """Return the queries' vectors: of the index, or of what their boxes cut out."""
    places = {name: i for i, name in enumerate(names)}
    describer, found = None, index.vectors(index.ids[[places[q.image] for q in queries]])
    for row, query in enumerate(queries):
        if query.box is not None:
            describer = describer or describer_of(index)
            tell(f"describing query {row + 1} of {len(queries)}")
            found[row] = described_box(
                index, describer, index.names[places[query.image]], query.box
            )
    return found


def described_box(
    index: Index, describer: Describer, file: str, box: Sequence[float]
) -> np.ndarray:
    """Return the vector of a part of an image."""
    image = read(file)
    left, top, right, bottom = (max(0, round(side)) for side in box)
    part = np.ascontiguousarray(image[top : max(bottom, top + 1), left : max(right, left + 1)])
    pixels = describer.meta.transforms.pixels(part)
    return describer.vectors(pixels, projection_of(index))[0]


def ranked(
    index: Index,
    queries: Sequence[Query],
    vectors: np.ndarray,
    names: np.ndarray,
    at: Sequence[int],
    expand: int,
    alpha: float,
) -> Evaluation:
    """Return the measures of all queries."""
    found, ids = None, index.ids
    for start in range(0, len(queries), AT_ONCE):
        tell(f"{start:,} of {len(queries):,} queries")
        part = queries[start : start + AT_ONCE]
        matches = asked(index, vectors[start : start + AT_ONCE], len(index), expand, alpha)
        order = names[np.searchsorted(ids, matches.ids)]
        positives, junk = [q.positives for q in part], [q.junk for q in part]
        one = measured(list(order), positives, junk=junk, ks=tuple(at))
        found = one if found is None else found + one
    assert found is not None
    return found


def as_data(
    index: Index, protocol: str, queries: Sequence[Query], found: Evaluation, seconds: float
) -> dict[str, Any]:
    """Return the figures."""
    worst = np.argsort(found.average_precision, kind="stable")[:WORST]
    data = {
        "index": str(index.folder),
        "model": index.notes.get("model", ""),
        "count": len(index),
        "dims": index.dim,
        "protocol": protocol,
        "queries": len(queries),
        **{name: round(value, 6) for name, value in found.as_dict().items()},
    }
    if protocol == "ukbench":
        data["ukbench"] = round(4 * float(found.precision[4].mean()), 4)
    names = [
        {"query": shown_name(queries[i].image), "average_precision": round(area, 6)}
        for i, area in zip(worst.tolist(), found.average_precision[worst].tolist(), strict=True)
    ]
    return {**data, "worst": names, "seconds": round(seconds, 3)}


def lead(data: dict[str, Any]) -> str:
    """Return what was evaluated."""
    return (
        f"{data['queries']:,} queries by {data['protocol']} in {data['count']:,} images of "
        f"{data['index']}, {data['dims']} coordinates"
    )


def rows(data: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the measures with their names."""
    names = [n for n in data if n == "mAP" or "@" in n]
    found = [(name, f"{data[name]:.2%}") for name in names]
    return found + ([("UKBench", f"{data['ukbench']:.3f} of 4")] if "ukbench" in data else [])


def as_text(data: dict[str, Any]) -> str:
    """Return the figures in a table."""
    table = aligned(("measure", "mean"), rows(data), right=(1,))
    return "\n".join([f"{lead(data)} ({data['seconds']:.1f} s)", "", *table])


def report_page(data: dict[str, Any]) -> str:
    """Return the figures and the queries that went worst as a page."""
    cards = "".join(html.card(name, value) for name, value in rows(data))
    worst = [(one["query"], html.percent(one["average_precision"])) for one in data["worst"]]
    head = f'<h1>How good the search is</h1><p class="lead">{html.escape(lead(data))}</p>'
    table = html.table(("query", "average precision"), worst, numbers=" n")
    body = f'<div class="cards">{cards}</div>' + html.section("The worst queries", table)
    return html.page("How good the search is", head + body)
