"""Decode a small set once, so that every later epoch only indexes an array."""

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from train.data.lazy import LazySource, reason
from train.data.source import ArraySource, Progress

CHUNK = 256


def fits(lazies: list[LazySource], cache_mb: int) -> bool:
    """Return whether the decoded sets together are small enough to be kept."""
    return sum(len(lazy) * example_bytes(lazy) for lazy in lazies) <= cache_mb * 2**20


def example_bytes(lazy: LazySource) -> int:
    """Return the size of one decoded example."""
    height, width, channels = lazy.shape
    return height * width * (channels + lazy.pixels)


def decode_all(lazy: LazySource, threads: int, progress: Progress | None = None) -> ArraySource:
    """Return the decoded set without its unreadable images, which `skipped` then names."""
    total = len(lazy)
    images = np.empty((total, *lazy.shape), np.uint8)
    each = lazy.shape[:2] if lazy.pixels else ()
    labels = np.zeros((total, *each), np.uint8 if lazy.pixels else np.int32)
    good = np.ones(total, bool)

    def fill(start: int) -> int:
        indices = np.arange(start, min(start + CHUNK, total))
        for i, example in zip(indices, lazy.read(indices), strict=True):
            if isinstance(example, Exception):
                good[i] = False
                lazy.skipped[lazy.name(int(i))] = reason(lazy.name(int(i)), example)
            else:
                images[i], labels[i] = example["image"], example["label"]
        return len(indices)

    # Readers of many examples at once hold the interpreter's lock: threads only slow them down.
    batched = hasattr(lazy.examples, "__getitems__")
    with ThreadPoolExecutor(1 if batched else max(1, threads)) as pool:
        done = 0
        try:
            for count in pool.map(fill, range(0, total, CHUNK)):
                done += count
                if progress is not None:
                    progress(done, total)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if good.all():
        return ArraySource(images, labels, lazy.name, lazy.skipped)
    kept = np.flatnonzero(good)
    names = functools.partial(kept_name, lazy, kept)
    return ArraySource(images[kept], labels[kept], names, lazy.skipped)


def kept_name(lazy: LazySource, kept: np.ndarray, i: int) -> str:
    """Return the name of the i-th example that was kept."""
    return lazy.name(int(kept[i]))
