"""Cut a part off a set: by a seed, with every class in proportion."""

import numpy as np

from train.errors import UserError


def cut(
    labels: np.ndarray, fraction: float, seed: int, name: str, class_names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the rest and of the part, each int64.

    The same as scikit-learn's `train_test_split(test_size=fraction, stratify=labels)`, whose
    parts hold `ceil(fraction * n)` examples.
    """
    from sklearn.model_selection import train_test_split

    check(labels, fraction, name, class_names)
    rest, part = train_test_split(
        np.arange(len(labels)), test_size=fraction, stratify=labels, random_state=seed % 2**32
    )
    return np.asarray(rest), np.asarray(part)


def cut_freely(count: int, fraction: float, seed: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the same of examples that have no one class: without proportions to keep."""
    from sklearn.model_selection import train_test_split

    part_count = int(np.ceil(fraction * count))
    if not 0 < fraction < 1 or part_count >= count:
        raise UserError(
            f"data.{name}_fraction is {fraction}, which leaves {count - part_count} of {count} "
            f"examples for the rest; choose another --data.{name}_fraction in (0, 1), or give the "
            f"data a {name} split of its own"
        )
    rest, part = train_test_split(np.arange(count), test_size=fraction, random_state=seed % 2**32)
    return np.asarray(rest), np.asarray(part)


def check(labels: np.ndarray, fraction: float, name: str, class_names: tuple[str, ...]) -> None:
    """Raise where a stratified part cannot hold every class."""
    option = f"data.{name}_fraction"
    if not 0 < fraction < 1:
        raise UserError(f"{option} is {fraction}; it must be > 0 and < 1 here")
    present, counts = np.unique(labels, return_counts=True)
    rare = [class_names[c] for c, n in zip(present, counts, strict=True) if n < 2]
    if rare:
        raise UserError(
            f"a {name} split needs two examples of every class, and there is one of "
            f"{', '.join(rare)}; add examples or give the data a {name} split of its own"
        )
    count = int(np.ceil(fraction * len(labels)))
    if min(count, len(labels) - count) < len(present):
        raise UserError(
            f"{option} {fraction} of {len(labels)} examples leaves {count} for {name} and "
            f"{len(labels) - count} for the rest, and each must hold all {len(present)} classes; "
            f"choose another --{option}, or give the data a {name} split of its own"
        )
