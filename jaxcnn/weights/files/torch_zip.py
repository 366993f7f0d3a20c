"""The format of `torch.save` since PyTorch 1.6: a zip archive of a pickle and raw storages."""

import sys
from typing import Any

import numpy as np

from jaxcnn.weights.error import WeightsError
from jaxcnn.weights.files.archive import STORED, Archive
from jaxcnn.weights.files.machine import Machine
from jaxcnn.weights.files.tensors import Storage, Tensor, array


class ZipFile:
    """A file of `torch.save` since PyTorch 1.6."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        names = (name for name in archive.records if name.split("/")[-1] == "data.pkl")
        self.prefix = next(names).removesuffix("data.pkl")
        self.swapped = self._is_swapped()
        self.opened: dict[str, memoryview] = {}

    def content(self) -> Any:
        """Return the object that was saved, with `Tensor` in place of tensors."""
        program = self._record("data.pkl")
        machine = Machine(program)
        value = machine.run()
        if machine.at != len(program):
            raise WeightsError("its pickle is followed by something; get the file again")
        return value

    def array(self, tensor: Tensor) -> np.ndarray:
        """Return a tensor as an array on the file's memory."""
        return array(tensor, self._data(tensor.storage), self.swapped)

    def _data(self, storage: Storage) -> memoryview:
        if storage.key not in self.opened:
            self.opened[storage.key] = self._record(f"data/{storage.key}")
        data = self.opened[storage.key]
        if len(data) != storage.nbytes:
            raise WeightsError(
                f"storage {storage.key[:80]!r} has {len(data)} bytes in the archive and "
                f"{storage.nbytes} in the pickle; get the file again"
            )
        return data

    def _record(self, name: str) -> memoryview:
        name = self.prefix + name
        if name not in self.archive.records:
            raise WeightsError(f"has no record {name[:80]!r}; the file is incomplete, get it again")
        if self.archive.records[name].method != STORED:
            raise WeightsError(
                f"{name!r} is compressed, and torch.save never compresses; write the archive anew "
                "without compression (zip -0), or torch.save the state dict again"
            )
        return self.archive.read(name)

    def _is_swapped(self) -> bool:
        if f"{self.prefix}byteorder" not in self.archive.records:
            return sys.byteorder != "little"
        order = bytes(self._record("byteorder")[:16]).decode("latin-1")
        if order not in ("little", "big"):
            raise WeightsError(f"has the unknown byte order {order!r}; get the file again")
        return order != sys.byteorder
