"""What a torch file says of its tensors, and the arrays that these words stand for."""

import math
from dataclasses import dataclass

import numpy as np

from jaxcnn.weights.error import WeightsError
from jaxcnn.weights.files.views import MAX_RANK, check_shape, view


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """A run of numbers in the file; `dtype` is None where it counts bytes."""

    key: str
    dtype: np.dtype | None
    size: int
    whole: int
    """Elements of the run in the file, of which this is a part."""
    start: int = 0

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return 1 if self.dtype is None else self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of the whole run."""
        return self.whole * self.itemsize


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A view of a storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of a copy."""
        return math.prod(self.shape) * self.dtype.itemsize


def tensor(storage: Storage, offset: int, shape: tuple, strides: tuple, dtype: np.dtype) -> Tensor:
    """Return the tensor after checking that it lies inside its storage."""
    if len(shape) != len(strides) or len(shape) > MAX_RANK:
        raise WeightsError(f"describes a tensor by {len(shape)} sizes and {len(strides)} strides")
    if not all(type(size) is int and size >= 0 for size in (offset, *shape, *strides)):
        raise WeightsError("describes a tensor by sizes, strides or offset that are no counts")
    check_shape("a tensor", shape)
    last = offset + sum((size - 1) * step for size, step in zip(shape, strides, strict=True))
    room = storage.size * storage.itemsize // dtype.itemsize
    if 0 not in shape and last >= room:
        raise WeightsError(
            f"describes a tensor of shape {shape} with strides {strides} and offset {offset}: it "
            f"reaches element {last} of a storage that has {room}"
        )
    return Tensor(storage, offset, shape, strides, dtype)


def array(tensor: Tensor, data: memoryview, swapped: bool) -> np.ndarray:
    """Return the tensor as an array on the bytes of its storage.

    Args:
        tensor: A tensor that was checked against its storage.
        data: The bytes of the whole storage.
        swapped: Whether its numbers are in the byte order that this machine does not use; they
            are copied then.
    """
    storage, dtype, width = tensor.storage, tensor.dtype, tensor.dtype.itemsize
    start = storage.start * storage.itemsize
    part = data[start : start + storage.size * storage.itemsize]
    # Along an axis of size 1 torch writes any stride, also one that NumPy cannot hold.
    axes = zip(tensor.shape, tensor.strides, strict=True)
    strides = [step * width if size > 1 else 0 for size, step in axes]
    # NumPy swaps its own dtypes; those of other libraries (kind "V") are swapped as integers.
    native = np.dtype(f"u{width}") if dtype.kind == "V" else dtype
    stored = native.newbyteorder("S") if swapped else dtype
    found = view(part, tensor.shape, stored, offset=tensor.offset * width, strides=strides)
    return np.array(found, native, order="C").view(dtype) if swapped else found
