"""Which class a person means by a WordNet id, an index or a name."""

import difflib
import functools
import re
from collections import Counter
from collections.abc import Iterable

from jaxcnn.weights.catalogue import DATA

SHOWN = 10
"""Unknown classes that a message names."""


def class_indices(names: Iterable[str], categories: tuple[str, ...]) -> dict[str, int]:
    """Return the index of each class.

    ImageNet's classes may be called by their WordNet ids, which are in the order of the logits
    when they are sorted. An index counts from 0. In names, `_` and `-` stand for spaces and case
    does not matter, except where it alone tells classes apart (a Cardigan is a dog).

    Args:
        names: How the classes are called, such as `n01440764`, `0`, `tench` or `great_white_shark`.
        categories: Names of the classes, in the order of the logits.

    Raises:
        ValueError: If some are unknown: all of them at once.

    >>> class_indices(["0", "Light_Grey"], ("dark", "light grey"))
    {'0': 0, 'Light_Grey': 1}
    >>> class_indices(["drak"], ("dark", "light grey"))
    Traceback (most recent call last):
    ValueError: classes that the weights do not know: 'drak' (did you mean 'dark'?). Fix: call a
    class by an index in 0..1 or by a name of the weights' categories
    """
    known, loose = known_classes(categories), loose_names(categories)
    found, unknown = {}, []
    for name in names:
        if re.fullmatch(r"[0-9]{1,9}", name):
            index = int(name)
        else:
            index = known.get(name, loose.get(plain(name), -1))
        if 0 <= index < len(categories):
            found[name] = index
        else:
            unknown.append(name)
    if unknown:
        raise ValueError(
            f"classes that the weights do not know: {described(unknown, known)}. Fix: call a class "
            f"by {'a WordNet id (n01440764), ' if 'n01440764' in known else ''}an index in "
            f"0..{len(categories) - 1} or by a name of the weights' categories"
        )
    return found


@functools.cache
def known_classes(categories: tuple[str, ...]) -> dict[str, int]:
    """Return the index by name, and by WordNet id if the categories are ImageNet's."""
    known = {name: index for index, name in enumerate(categories)}
    if "\n".join(categories) == (DATA / "imagenet1k.txt").read_text("utf-8").strip():
        wnids = (DATA / "imagenet1k_wnids.txt").read_text("utf-8").split()
        known |= {wnid: index for index, wnid in enumerate(wnids)}
    return known


@functools.cache
def loose_names(categories: tuple[str, ...]) -> dict[str, int]:
    """Return the index by plain name, without those that two classes share."""
    common = Counter(map(plain, categories))
    return {plain(name): i for i, name in enumerate(categories) if common[plain(name)] == 1}


def plain(name: str) -> str:
    """Return a name without what people write differently.

    >>> plain("Great_White-Shark")
    'great white shark'
    """
    return " ".join(re.split(r"[\s_-]+", name.strip().lower()))


def described(unknown: list[str], known: dict[str, int]) -> str:
    """Return the unknown names, each with the nearest one that is known."""
    told = []
    for name in unknown[:SHOWN]:
        near = difflib.get_close_matches(plain(name), known, n=1)
        told.append(f"{name!r}" + (f" (did you mean {near[0]!r}?)" if near else ""))
    more = f" and {len(unknown) - SHOWN:,} more" if len(unknown) > SHOWN else ""
    return ", ".join(told) + more
