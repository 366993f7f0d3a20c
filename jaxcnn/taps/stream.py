"""A set of images in batches, of which a program sees one shape only."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from jaxcnn.checks import Report, is_floating


def padded(function: str, batches: Iterable[Any]) -> Iterator[tuple[Any, int]]:
    """Yield batches of the first one's size, and how many of their images are real.

    >>> [(x.shape, n) for x, n in padded("f", [np.ones((2, 4, 4, 1)), np.ones((1, 4, 4, 1))])]
    [((2, 4, 4, 1), 2), ((2, 4, 4, 1), 1)]
    """
    size: int | None = None
    shape = None
    for x in batches:
        report = Report(function, x)
        fix = "give images as the network takes them, e.g. meta.transforms(files)"
        ok = is_floating(x) and x.ndim >= 2 and len(x) > 0
        report.expect(ok, "batches", x, "must be floating-point batches (N, ...)", fix, kind=True)
        report.done()
        size, shape = (len(x), x.shape[1:]) if size is None else (size, shape)
        rule = f"must be {shape} as in the first, at most {size} of them"
        report.expect(x.shape[1:] == shape and len(x) <= size, "batches", x, rule,
                      "give batches of one shape, the smaller one last")  # fmt: skip
        report.done()
        real = len(x)
        if real < size:
            # Repeated rather than zero, so that nothing unusual enters the network.
            x = np.concatenate([np.asarray(x), np.repeat(np.asarray(x[-1:]), size - real, 0)])
        yield x, real
    report = Report(function)
    report.expect(size is not None, "batches", batches, "holds no image", "give at least one")
    report.done()
