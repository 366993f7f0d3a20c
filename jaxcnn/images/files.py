"""Which image files a person means by paths, folders and patterns."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from jaxcnn.images.error import ImageError

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm")
)


def image_files(places: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the image files of some places, each once, those of a folder sorted.

    Args:
        places: Files, whatever they are called; folders, in which images are looked for at any
            depth; and shell patterns with `*`, `?`, `[...]` and `**`.

    Raises:
        ImageError: If a place does not exist or holds no image: all of them at once.

    >>> image_files(["/no/such/file.jpg", "/no/such/*.png"])
    Traceback (most recent call last):
    jaxcnn.images.error.ImageError: 2 of the places hold no images
      /no/such/file.jpg: does not exist
      /no/such/*.png: no file matches
    """
    found: dict[Path, None] = {}
    problems = []
    places = [os.fspath(place) for place in places]
    if not places:
        raise ImageError("no image is given; give files, folders or patterns such as 'photos/*'")
    for place in places:
        files = _files(place)
        found |= dict.fromkeys(files)
        if not files:
            problems.append(f"{place}: {_reason(place)}")
    if len(problems) == 1:
        raise ImageError(problems[0])
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise ImageError(f"{len(problems)} of the places hold no images{lines}")
    return list(found)


def walk(folder: Path) -> Iterator[Path]:
    """Yield the image files below a folder, sorted; links are followed, hidden files left out."""
    seen: set[str] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES:
                yield Path(parent, name)


def _files(place: str) -> list[Path]:
    path = Path(place).expanduser()
    if path.is_dir():
        return list(walk(path))
    if path.exists():  # before patterns: a file may be called photo[1].jpg
        return [path]
    matches = map(Path, sorted(glob.glob(str(path), recursive=True)))
    images = (path for path in matches if path.suffix.lower() in SUFFIXES and path.is_file())
    return list(images)


def _reason(place: str) -> str:
    if Path(place).expanduser().is_dir():
        return f"holds no images ({', '.join(sorted(SUFFIXES))})"
    return "no file matches" if glob.has_magic(place) else "does not exist"
