"""The page that grows, and the pictures beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxcnn.checks import Report
from jaxcnn.cli.explain.page import Explained, document, image_section, picture_section
from jaxcnn.cli.explain.pictures import Picture, method_grid

PAGE = "index.html"


class Book:
    """Writes pictures as they come, and the page at the end.

    Attributes:
        images: What was found of each image, for JSON.
        pictures: Title, file and normalisation of the picture of each other part, for JSON.
    """

    def __init__(self, folder: Path, inputs: Sequence[Path]):
        """Make the folder ready; it must not be one of the images'.

        Args:
            folder: Where everything is written.
            inputs: The images.
        """
        report = Report("explain")
        own = [path for path in inputs if path.resolve().parent == folder.resolve()]
        fix = f"use --output {folder / 'explained'}"
        report.expect(not own, "--output", str(folder), "holds images that are explained", fix)
        is_free = not folder.exists() or folder.is_dir()
        report.expect(is_free, "--output", str(folder), "is a file", "name a folder")
        report.done()
        folder.mkdir(parents=True, exist_ok=True)
        self.images: list[dict[str, Any]] = []
        self.pictures: list[dict[str, str]] = []
        self._folder, self._sections, self._names = folder, list[str](), list[str]()

    def add_image(self, one: Explained) -> None:
        """Add the maps of an image."""
        path = self._save(one.file.stem, method_grid(one.pixels, one.heading, one.shown))
        self._sections.append(image_section(one))
        self.images.append({**as_data(one), "picture": path})

    def add_picture(self, title: str, name: str, picture: Picture) -> None:
        """Add a part of the chapter."""
        path = self._save(name, picture.image)
        self.pictures.append({"title": title, "picture": path, "normalisation": picture.note})
        self._sections.append(picture_section(title, picture))

    def write(self, title: str, lead: str) -> Path:
        """Write the page and return its path."""
        path = self._folder / PAGE
        path.write_text(document(title, lead, self._sections), "utf-8")
        return path

    def _save(self, name: str, image: np.ndarray) -> str:
        """Write a picture and return its path; a name that was used gets a number."""
        self._names.append(name)
        count = self._names.count(name)
        path = self._folder / f"{name}{f'-{count}' if count > 1 else ''}.png"
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(path)
        return str(path)


def as_data(one: Explained) -> dict[str, Any]:
    """Return what is printed of an image as JSON."""
    return {
        "file": str(one.file),
        "top": [
            {"class": g.label, "name": g.name, "probability": round(g.probability, 6)}
            for g in one.guesses
        ],
        "target": one.question.words,
        "score": one.question.score.__name__.lower(),
        "methods": [
            {"method": s.method.name, "source": s.method.source}
            | (
                {"normalisation": s.picture.note, "seconds": round(s.seconds, 3)}
                if s.picture
                else {"refused": s.refused}
            )
            for s in one.shown
        ],
    }
