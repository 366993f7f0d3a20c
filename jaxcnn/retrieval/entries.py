"""What may go into an index."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxcnn.checks import Report, is_floating
from jaxcnn.retrieval.normalize import l2_normalize


def unit_vectors(function: str, argument: str, vectors: Any, dim: int) -> np.ndarray:
    """Return vectors with length 1, float32, after what cannot be searched is refused.

    >>> unit_vectors("f", "queries", np.array([[3.0, 4.0]]), 2).round(1).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """
    report = Report(function, vectors)
    rule, fix = f"must be floating-point vectors (N, {dim})", "use vectors of the same origin"
    ok = is_floating(vectors) and vectors.ndim == 2 and vectors.shape[1] == dim
    report.expect(ok, argument, vectors, rule, fix)
    report.done()
    found = np.asarray(l2_normalize(jnp.asarray(vectors, jnp.float32)))
    empty = int((~(np.abs(found).max(-1, initial=0) > 0)).sum())  # also where there is NaN
    rule = f"{empty} of them are zero or not finite"
    report.expect(not empty, argument, vectors, rule, "leave these images out")
    report.done()
    return found


def check_names(
    taken: Iterable[str], count: int, names: Sequence[str], digests: Sequence[str] | None
) -> None:
    """Raise unless there is a new name for each vector.

    >>> check_names(["a"], 1, ["b"], None)
    """
    report = Report("Index.add")
    for argument, given in (("names", names), ("digests", digests)):
        if given is not None:
            fits = not isinstance(given, str) and len(given) == count
            fits = fits and all(isinstance(text, str) for text in given)
            report.expect(fits, argument, given, f"must be {count} strings", "one for each vector")
    if not report.problems:
        used = Counter(names)
        used.update(set(taken) & used.keys())
        twice = [name for name, times in used.items() if times > 1]
        rule = f"{len(twice)} names are taken or given twice, such as {twice[:1]}"
        report.expect(not twice, "names", list(names), rule, "delete what is there first")
    report.done()
