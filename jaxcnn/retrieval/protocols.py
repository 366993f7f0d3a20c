"""Which images are relevant to which: the files and names of published benchmarks."""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import NamedTuple

from jaxcnn.checks import Report


class Query(NamedTuple):
    """A query of a benchmark.

    Example:
      >>> Query("100000", None, ("100001",), ("100000",)).image
      '100000'
    """

    image: str
    """Name of its image, as the benchmark has it."""
    box: tuple[float, float, float, float] | None
    """Left, top, right, bottom in pixels of the part that is asked about; None for all."""
    positives: tuple[str, ...]
    """Names of the relevant images."""
    junk: tuple[str, ...]
    """Names of those that count neither way."""


def oxford_queries(folder: str | Path) -> list[Query]:
    """Return the queries of Oxford 5k or Paris 6k from the files of their authors.

    `NAME_query.txt` has an image and a box, `NAME_good.txt` and `NAME_ok.txt` have what is
    relevant, and `NAME_junk.txt` what counts neither way.

    Args:
      folder: Where the text files are.

    Returns:
      The queries; their images have no ending, and not the `oxc1_` that only these files have.

    Raises:
      ValueError: If there is no query, a file is missing or a line is not understood.

    Source: Philbin et al. 2007, and the README of their ground truth.

    Example:
      >>> import tempfile
      >>> place = Path(tempfile.mkdtemp())
      >>> texts = {"query": "oxc1_hall_1 1 2 30.5 40", "good": "hall_2", "ok": "", "junk": "b_1"}
      >>> for kind, text in texts.items():
      ...     _ = (place / f"hall_1_{kind}.txt").write_text(text)
      >>> oxford_queries(place)
      [Query(image='hall_1', box=(1.0, 2.0, 30.5, 40.0), positives=('hall_2',), junk=('b_1',))]
    """
    folder, found, wrong = Path(folder), [], []
    for path in sorted(folder.glob("*_query.txt")):
        words = path.read_text("utf-8").split()
        sides = [
            path.with_name(path.name.replace("_query", f"_{k}")) for k in ("good", "ok", "junk")
        ]
        missing = [side.name for side in sides if not side.is_file()]
        try:
            box = (float(words[1]), float(words[2]), float(words[3]), float(words[4]))
            good, ok, junk = (side.read_text("utf-8").split() for side in sides)
            found.append(Query(words[0].removeprefix("oxc1_"), box, (*good, *ok), tuple(junk)))
        except (IndexError, ValueError, OSError):
            wrong.append(f"{path.name}" + (f" without {', '.join(missing)}" if missing else ""))
    report = Report("oxford_queries")
    rule, fix = "holds no NAME_query.txt", "name the folder of the ground truth"
    report.expect(bool(found or wrong), "folder", str(folder), rule, fix)
    rule = f"has {len(wrong)} queries that cannot be read, such as {wrong[:1]}"
    report.expect(not wrong, "folder", str(folder), rule, "restore the files")
    report.done()
    return found


def holidays_queries(names: Iterable[str]) -> list[Query]:
    """Return the queries of INRIA Holidays, which lie in the names of its images.

    Images `100000.jpg`, `100001.jpg`, ... of the same hundred show one scene; the first is the
    query, and counts neither way itself.

    Args:
      names: Names or paths of all images.

    Returns:
      The queries, of names without folders and endings.

    Raises:
      ValueError: If a name is no number of six digits, or a scene has no query or one image.

    Source: Jégou et al. 2008, "Hamming embedding and weak geometric consistency for large scale
    image search", section 5.1.

    Example:
      >>> holidays_queries(["100001.jpg", "100000.jpg"])
      [Query(image='100000', box=None, positives=('100001',), junk=('100000',))]
    """
    scenes = by_number("holidays_queries", names, r"(\d{4})\d\d")
    report = Report("holidays_queries")
    alone = [f"{n}00" for n, own in scenes.items() if f"{n}00" not in own or len(own) < 2]
    rule = f"{len(alone)} scenes lack their query or have nothing else, such as {alone[:1]}"
    report.expect(not alone, "names", alone, rule, "index all images of the set")
    report.done()
    return [
        Query(own[0], None, tuple(own[1:]), (own[0],))
        for own in (sorted(own) for _, own in sorted(scenes.items()))
    ]


def ukbench_queries(names: Iterable[str]) -> list[Query]:
    """Return the queries of UKBench: every image asks for the four of its object, itself too.

    Args:
      names: Names or paths of all images, `ukbench00000.jpg` and so on.

    Returns:
      The queries, of names without folders and endings.

    Raises:
      ValueError: If a name is no number, or an object has not four images.

    Source: Nistér & Stewénius 2006, section 6.

    Example:
      >>> found = ukbench_queries(f"ukbench{i:05}.jpg" for i in range(8))
      >>> found[5].positives[0], len(found)
      ('ukbench00004', 8)
    """
    objects: dict[int, list[str]] = defaultdict(list)
    for number, own in by_number("ukbench_queries", names, r"ukbench(\d{5})").items():
        objects[int(number) // 4] += own
    report = Report("ukbench_queries")
    wrong = [n for n, own in objects.items() if len(own) != 4]
    rule = f"{len(wrong)} objects have not four images, such as number {wrong[:1]}"
    report.expect(not wrong, "names", wrong, rule, "index all images of the set")
    report.done()
    groups = [tuple(sorted(own)) for _, own in sorted(objects.items())]
    return [Query(name, None, own, ()) for own in groups for name in own]


def folder_queries(names: Iterable[str]) -> list[Query]:
    """Return queries for images in folders, of which each is a class.

    Every image asks for the others of its folder and counts neither way itself; an image that
    is alone in its folder asks for nothing, but may be found.

    Args:
      names: Paths of all images.

    Returns:
      The queries, with the paths as given.

    Raises:
      ValueError: If no folder has two images.

    Example:
      >>> found = folder_queries(["cat/1.jpg", "cat/2.jpg", "dog/1.jpg"])
      >>> [(query.image, query.positives) for query in found]
      [('cat/1.jpg', ('cat/2.jpg',)), ('cat/2.jpg', ('cat/1.jpg',))]
    """
    folders: dict[PurePath, list[str]] = defaultdict(list)
    for name in names:
        folders[PurePath(name).parent].append(name)
    found = [
        Query(name, None, tuple(other for other in own if other != name), (name,))
        for own in folders.values()
        if len(own) > 1
        for name in own
    ]
    report = Report("folder_queries")
    fix = "index FOLDER/CLASS/*.jpg"
    report.expect(bool(found), "names", list(folders), "no folder has two images", fix)
    report.done()
    return found


def stem(name: str) -> str:
    """Return the name of a file without folders and ending.

    >>> stem("a/b.c.jpg")
    'b.c'
    """
    return PurePath(name).stem


def by_number(function: str, names: Iterable[str], pattern: str) -> dict[str, list[str]]:
    """Return names without folders and endings, by the group of a pattern."""
    found: dict[str, list[str]] = defaultdict(list)
    wrong = []
    for name in map(stem, names):
        match = re.fullmatch(pattern, name)
        if match:
            found[match[1]].append(name)
        else:
            wrong.append(name)
    report = Report(function)
    rule = f"{len(wrong)} are not of this set, such as {wrong[:1]}"
    report.expect(not wrong, "names", wrong, rule, f"names must match {pattern}")
    report.expect(bool(found or wrong), "names", [], "there are none", "give at least one")
    report.done()
    return found
