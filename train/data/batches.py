"""Training batches: endless, shuffled, and each a function of its number."""

import sys
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grain
import numpy as np

from train.data.order import BatchOrder, Remainder, shard_slice
from train.data.source import Source
from train.data.workers import check_counts, check_shared_memory, prepare_flags, watch_parent
from train.errors import RESTART, UserError

Batch = dict[str, np.ndarray]
"""image uint8 (B, H, W, C), label int32 (B,) or (B, H, W), mask bool (B,), index int64 (B,).

`mask` is False for padding and for unreadable images: such rows count nowhere. `index` is the
example's position in its source, -1 for padding.
"""

FORMAT = 1


Weigh = Callable[[np.ndarray], np.ndarray]
"""From the classes of pixels (B, H, W) to their weights, which a batch then has as `weight`."""


def read_batch(source: Source, indices: np.ndarray, weigh: Weigh | None = None) -> dict[str, Any]:
    """Return the batch of these examples; `problems` tells what could not be read."""
    images, labels, readable, problems = source.gather(indices)
    return {
        "image": images,
        "label": labels,
        "mask": readable,
        "index": np.array(indices, np.int64),
        "problems": problems,
    } | ({"weight": weigh(labels)} if weigh else {})


@dataclass(frozen=True)
class BatchTable:
    """Training batches by number, as Grain reads them: element i is batch `start + i`."""

    source: Source
    order: BatchOrder
    rows: slice
    start: int
    weigh: Weigh | None = None

    def __len__(self) -> int:
        return sys.maxsize - self.start

    def __getitem__(self, index: int) -> dict[str, Any]:
        chosen = self.order.indices(self.start + index)[self.rows]
        return read_batch(self.source, chosen, self.weigh)


class TrainBatches(Iterator[Batch]):
    """The endless stream of training batches, which can be taken up at any batch.

    Every batch depends on nothing but the source, the seed and its own number, so the state is
    that number; the rest of the state guards against going on with other data or settings.
    """

    def __init__(
        self,
        source: Source,
        order: BatchOrder,
        *,
        threads: int,
        workers: int,
        prefetch: int,
        shard_index: int,
        shard_count: int,
        fingerprint: str,
        weigh: Weigh | None = None,
    ):
        check_counts(threads=threads, workers=workers, prefetch=prefetch)
        self.next_batch = 0
        self._source, self._order, self._fingerprint = source, order, fingerprint
        self._weigh = weigh
        self._rows = shard_slice(order.batch_size, shard_index, shard_count)
        self._threads, self._prefetch = threads, prefetch
        # A copy of a decoded set in every process would cost more than indexing it.
        self._workers = 0 if source.in_memory else workers
        self._streams: list[grain.DatasetIterator] = []  # One while it runs.
        # Also at exit, where Grain would leave processes and shared memory behind.
        weakref.finalize(self, shut, self._streams)
        if self._workers:
            rows = self._rows.stop - self._rows.start
            nbytes = rows * int(np.prod(source.shape))
            check_shared_memory(nbytes * (self._prefetch + 3 * self._workers))

    def __next__(self) -> Batch:
        if not self._streams:
            self._streams.append(self._open())
        try:
            batch = next(self._streams[0])
        except RuntimeError as error:
            self.close()
            if "terminated unexpectedly" not in str(error):
                raise
            raise UserError(
                f"a process that reads images died at batch {self.next_batch} ({error}); often "
                "the memory was full. Run the same command again to go on, with fewer processes "
                f"(--data.workers, now {self._workers}; 0 = threads) if it happens again",
                RESTART,
            ) from error
        except BaseException:
            self.close()
            raise
        self.next_batch += 1
        self._source.skipped.update(batch.pop("problems"))
        if self._workers:
            # Grain hands out shared memory that it unlinks, and device_put may alias it.
            batch = {key: np.array(value) for key, value in batch.items()}
        return batch

    def _open(self) -> grain.DatasetIterator:
        table = BatchTable(self._source, self._order, self._rows, self.next_batch, self._weigh)
        options = grain.ReadOptions(num_threads=self._threads, prefetch_buffer_size=self._prefetch)
        if not self._workers:
            return iter(grain.MapDataset.source(table).to_iter_dataset(options))
        prepare_flags()
        per_worker = -(-self._prefetch // self._workers)
        options = grain.ReadOptions(num_threads=self._threads, prefetch_buffer_size=self._threads)
        stream = grain.MapDataset.source(table).to_iter_dataset(options)
        return iter(
            stream.mp_prefetch(
                grain.MultiprocessingOptions(self._workers, per_worker),
                worker_init_fn=watch_parent,
            )
        )

    def _guard(self) -> dict[str, Any]:
        order = self._order
        return {
            "format": FORMAT,
            "data": self._fingerprint,
            "examples": order.examples,
            "batch_size": order.batch_size,
            "remainder": order.remainder,
            "seed": order.seed,
        }

    def get_state(self) -> dict[str, Any]:
        """Return what `set_state` needs to go on with the batch that `next` would return now."""
        return {"next_batch": self.next_batch, **self._guard()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on where another stream over the same data, with the same settings, was."""
        differing = [
            f"{key} was {state.get(key)!r} and is {value!r}"
            for key, value in self._guard().items()
            if state.get(key) != value
        ]
        if differing:
            raise UserError(
                "the data of this run differ from those it was begun with, so it cannot go on: "
                f"{'; '.join(differing)}. Restore them, or start anew with --fresh"
            )
        self.close()
        self.next_batch = int(state["next_batch"])

    def close(self) -> None:
        """Stop threads and processes; `next` starts them again."""
        shut(self._streams)


def shut(streams: list[grain.DatasetIterator]) -> None:
    """Close the streams and forget them."""
    while streams:
        streams.pop().close()


def train_batches(
    source: Source,
    *,
    batch_size: int,
    seed: int,
    remainder: Remainder = "drop",
    threads: int = 2,
    workers: int = 0,
    prefetch: int = 4,
    shard_index: int = 0,
    shard_count: int = 1,
    fingerprint: str = "",
    weigh: Weigh | None = None,
) -> TrainBatches:
    """Return the endless, shuffled stream of training batches.

    Host `shard_index` of `shard_count` gets its rows of every batch of `batch_size`;
    `fingerprint` names the data (`Splits.fingerprint`) in the state; `weigh` gives batches the
    weights of their pixels.
    """
    return TrainBatches(
        source,
        BatchOrder(len(source), batch_size, seed, remainder),
        threads=threads,
        workers=workers,
        prefetch=prefetch,
        shard_index=shard_index,
        shard_count=shard_count,
        fingerprint=fingerprint,
        weigh=weigh,
    )
