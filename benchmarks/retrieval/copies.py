"""Real photographs among which copies hide: turned, cut, compressed, darker, smaller, mirrored."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance

from benchmarks.photographs import photographs
from jaxcnn.cli.search.build import build
from jaxcnn.retrieval import Index

Picture = Image.Image


def cut(image: Picture) -> Picture:
    """Return the middle, 80 % of each side."""
    width, height = image.size
    box = (width // 10, height // 10, width - width // 10, height - height // 10)
    return image.crop(box)


def compressed(image: Picture) -> Picture:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=15)
    return Image.open(file)


COPIES: dict[str, Callable[[Picture], Picture]] = {
    "rotated by 10 degrees": lambda image: image.rotate(10, Image.Resampling.BICUBIC, expand=False),
    "cropped to 80 %": cut,
    "JPEG of quality 15": compressed,
    "half as large": lambda image: image.resize((image.width // 2, image.height // 2)),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
}


def run(folder: Path | None = None) -> dict[str, Any]:
    """Index all photographs and their copies; ask with each photograph."""
    with tempfile.TemporaryDirectory() as temporary:
        root = folder or Path(temporary)
        originals = make(root)
        data = build((str(root / "images"),), index=root / "index", batch_size=20, as_json=True)
        print(data.text, flush=True)
        rows, failures = asked(root, originals)
    means = {name: round(float(np.mean([r["ranks"][name] for r in rows])), 2) for name in COPIES}
    return {
        "photographs": len(originals),
        "images": len(originals) * (1 + len(COPIES)),
        "pool": "gem",
        "mAP": round(float(np.mean([row["average_precision"] for row in rows])), 4),
        "copies_among_the_first": round(float(np.mean([row["share"] for row in rows])), 4),
        "mean_rank_from_0": means,
        "rows": rows,
        "failures": failures,
    }


def make(root: Path) -> list[Path]:
    """Write the photographs and their copies into `root/images`; return the photographs."""
    folder = root / "images"
    folder.mkdir(parents=True)
    found = []
    for path in photographs():
        with Image.open(path) as file:
            image = file.convert("RGB")
        image.thumbnail((500, 500))
        found.append(folder / f"{path.stem}.png")
        image.save(found[-1])
        for number, change in enumerate(COPIES.values()):
            change(image).save(folder / f"{path.stem}-copy{number}.png")
    return found


def asked(root: Path, originals: list[Path]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return for each photograph where its copies come; what is not first of others fails."""
    index = Index.open(root / "index")
    places = {name: number for number, name in zip(index.ids.tolist(), index.names, strict=True)}
    vectors = index.vectors([places[str(path)] for path in originals])
    matches, rows, failures = index.search(vectors, len(index)), [], []
    for path, ids in zip(originals, matches.ids, strict=True):
        rest = [index.name(number) for number in ids if index.name(number) != str(path)]
        names = [str(path.with_name(f"{path.stem}-copy{i}.png")) for i in range(len(COPIES))]
        ranks = dict(zip(COPIES, map(rest.index, names), strict=True))
        order = np.sort(list(ranks.values()))
        area = float(((np.arange(len(order)) + 1) / (order + 1)).mean())
        share = float((order < len(order)).mean())
        rows.append({"file": path.name, "average_precision": round(area, 4),
                     "share": round(share, 4), "ranks": ranks})  # fmt: skip
        if order[0] != 0:
            failures.append(f"{path.name}: no copy comes first")
    return rows, failures
