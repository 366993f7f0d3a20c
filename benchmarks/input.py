"""The input pipeline alone: images/s and host memory, every row in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from train.config import Data
from train.data import load_splits, train_batches
from train.errors import UserError
from train.memory import peak_mb

ROOT = Path(__file__).parent.parent
SECONDS = 5.0
PHOTOS = 600
FASHION = Data("tfds:fashion_mnist", batch_size=128)

ROWS: dict[str, Data] = {
    "digits": Data(),
    "fashion_mnist, decoded once": FASHION,
    "fashion_mnist, read on demand": Data(FASHION.source, batch_size=128, cache_mb=0),
    "JPEG 224 x 224, decoded once": Data("folder:", batch_size=64),
    "JPEG 224 x 224, 2 threads": Data("folder:", batch_size=64, cache_mb=0),
    "JPEG 224 x 224, 2 processes": Data("folder:", batch_size=64, cache_mb=0, workers=2, threads=1),
    "JPEG 500 x 375 resized to 224, 2 threads": Data(
        "folder:", batch_size=64, cache_mb=0, image_size=224
    ),
}


def run(count: int = 0) -> dict[str, Any]:
    """Measure the first `count` rows (0 = all) and print them as a table."""
    rows = []
    with tempfile.TemporaryDirectory() as root:
        for name in list(ROWS)[: count or None]:
            command = [sys.executable, "-m", "benchmarks.input", name, root]
            done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
            rows.append({"name": name, **json.loads(done.stdout.splitlines()[-1])})
            print(json.dumps(rows[-1]), flush=True)
    return {"rows": rows}


def measure(name: str, root: Path) -> dict[str, Any]:
    """Return the figures of one row: preparation, rate, memory over that of the imports."""
    data = ROWS[name]
    if data.source == "folder:":
        data = with_photos(data, name, root)
    before = resident()
    begin = time.perf_counter()
    try:
        splits = load_splits(data, seed=0)
    except UserError as error:
        return {"skipped": str(error).splitlines()[0]}
    opened = time.perf_counter() - begin
    batches = train_batches(
        splits.train,
        batch_size=data.batch_size,
        seed=0,
        threads=data.threads,
        workers=data.workers,
        prefetch=data.prefetch,
    )
    for _ in range(3 + 2 * data.prefetch):
        next(batches)
    steps, begin = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < SECONDS:
        next(batches)
        steps += 1
    workers = 0
    if data.workers:
        workers = sum(map(resident, children()))
    batches.close()
    return {
        "images_per_second": round(steps * data.batch_size / elapsed),
        "seconds_to_open": round(opened, 2),
        "mb_imports": round(before),
        "mb_added": round(peak_mb() - before),
        "mb_workers": round(workers),
        "mb_train_images": round(len(splits.train) * int(np.prod(splits.image_shape)) / 2**20, 1),
        "batch_size": data.batch_size,
        "shape": splits.image_shape,
    }


def resident(pid: int | str = "self") -> float:
    """Return the resident memory of a process in MB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def children() -> Iterator[str]:
    """Yield the ids of this process's children."""
    for task in Path("/proc/self/task").iterdir():
        yield from (task / "children").read_text().split()


def with_photos(data: Data, name: str, root: Path) -> Data:
    """Return the config with a folder of JPEG files as detailed as photographs."""
    size = (500, 375) if "500" in name else (224, 224)
    folder = root / f"{size[0]}x{size[1]}"
    if not folder.exists():
        draw_photos(folder, size)
    return Data(**{**vars(data), "source": f"folder:{folder}"})


def draw_photos(folder: Path, size: tuple[int, int]) -> None:
    """Write pictures with detail at all scales: noise whose amplitude falls with its fineness."""
    rng = np.random.default_rng(0)
    for i in range(PHOTOS):
        picture = np.zeros((size[1], size[0], 3), np.float32)
        for octave in range(8):
            side = 2 ** (octave + 1)
            noise = rng.integers(0, 256, (side, side, 3), np.uint8)
            layer = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
            picture += (np.asarray(layer, np.float32) - 128) * 0.7**octave
        path = folder / f"class{i % 4}" / f"{i}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = (picture / 2.2 + 128).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=90)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]))))
