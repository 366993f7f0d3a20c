"""Batches for evaluation: in the source's order, every example once, the last batch padded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grain
import numpy as np

from train.data.batches import Batch, read_batch
from train.data.order import shard_slice
from train.data.source import Source
from train.data.workers import check_counts


@dataclass(frozen=True)
class PaddedBatches:
    """Evaluation batches by number, as Grain reads them."""

    source: Source
    batch_size: int
    rows: slice

    def __len__(self) -> int:
        return -(-len(self.source) // self.batch_size)

    def __getitem__(self, index: int) -> dict[str, Any]:
        positions = np.arange(self.batch_size)[self.rows] + index * self.batch_size
        real = positions < len(self.source)
        # Padding repeats pictures rather than zeros, so that nothing unusual enters a network; the
        # first ones, so that a last one that cannot be read does not fill a batch.
        batch = read_batch(self.source, positions % len(self.source))
        batch["mask"] &= real
        batch["index"][~real] = -1
        return batch


class EvalBatches:
    """A finite pass over a source, which may be iterated again and again."""

    def __init__(self, table: PaddedBatches, threads: int, prefetch: int):
        self._table = table
        check_counts(threads, prefetch)
        self._options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=prefetch)

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Batch]:
        stream = iter(grain.MapDataset.source(self._table).to_iter_dataset(self._options))
        try:
            for batch in stream:
                self._table.source.skipped.update(batch.pop("problems"))
                yield batch
        finally:
            stream.close()


def eval_batches(
    source: Source,
    *,
    batch_size: int,
    threads: int = 2,
    prefetch: int = 4,
    shard_index: int = 0,
    shard_count: int = 1,
) -> EvalBatches:
    """Return one pass over the source in its order; mask is False on the padding of the last batch.

    Every host of `shard_count` gets the same number of batches.
    """
    rows = shard_slice(batch_size, shard_index, shard_count)
    return EvalBatches(PaddedBatches(source, batch_size, rows), threads, prefetch)
