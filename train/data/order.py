"""Which examples batch number b holds: a pure function, so that any batch can be made again."""

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np

from train.errors import UserError

Remainder = Literal["drop", "wrap"]


def steps_per_epoch(examples: int, batch_size: int, remainder: Remainder = "drop") -> int:
    """Return the number of training batches in one pass over the data.

    >>> steps_per_epoch(10, 4, "drop"), steps_per_epoch(10, 4, "wrap")
    (2, 3)
    """
    if not 0 < batch_size <= examples:
        raise UserError(
            f"data.batch_size is {batch_size}, and there are {examples} training examples; "
            f"it must be between 1 and their number: use --data.batch_size {max(1, examples)} "
            "or less"
        )
    return examples // batch_size if remainder == "drop" else -(-examples // batch_size)


def check_batch_size(name: str, batch_size: int, devices: int) -> None:
    """Raise unless the batch can be dealt out evenly, with at least one example per device."""
    if batch_size >= devices and batch_size % devices == 0:
        return
    nearest = max(devices, batch_size // devices * devices)
    raise UserError(
        f"{name} is {batch_size}, and there are {devices} devices; it must be a positive multiple "
        f"of their number: use --{name} {nearest}, or fewer devices with --devices.count"
    )


@functools.lru_cache(maxsize=4)
def permutation(seed: int, epoch: int, examples: int) -> np.ndarray:
    """Return the order of one epoch, int64 (examples,): a function of its arguments alone.

    Random bits are sorted rather than drawn by `Generator.permutation`, because NumPy keeps
    only the raw streams of its bit generators the same from version to version (NEP 19).
    """
    bits = np.random.Philox(key=(epoch << 64) | seed).random_raw(examples)
    order = np.argsort(bits, kind="stable")
    order.flags.writeable = False
    return order


@dataclass(frozen=True)
class BatchOrder:
    """The endless sequence of training batches, every epoch in a new order."""

    examples: int
    batch_size: int
    seed: int
    remainder: Remainder = "drop"

    def __post_init__(self):
        steps_per_epoch(self.examples, self.batch_size, self.remainder)
        if not 0 <= self.seed < 2**64:
            raise UserError(f"seed is {self.seed}; it must be in [0, 2**64)")

    def indices(self, batch: int) -> np.ndarray:
        """Return the positions of the examples of one batch, int64 (batch_size,)."""
        steps = steps_per_epoch(self.examples, self.batch_size, self.remainder)
        epoch, position = divmod(batch, steps)
        order = permutation(self.seed, epoch, self.examples)
        start = position * self.batch_size
        return np.take(order, np.arange(start, start + self.batch_size), mode="wrap")


def shard_slice(batch_size: int, index: int, count: int) -> slice:
    """Return the rows of the whole batch that belong to one of `count` hosts."""
    if not 0 <= index < count:
        raise ValueError(f"shard_index is {index}; it must be in [0, shard_count), here {count}")
    if batch_size % count:
        raise UserError(
            f"data.batch_size is {batch_size}, and there are {count} hosts; it must be a multiple "
            "of their number"
        )
    rows = batch_size // count
    return slice(index * rows, (index + 1) * rows)
