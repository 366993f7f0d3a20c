"""The front door: any file of weights, or a mapping of arrays, becomes a dict of NumPy arrays."""

import mmap
import os
import stat
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxcnn.weights.error import WeightsError
from jaxcnn.weights.files import foreign, npz, safetensors_file
from jaxcnn.weights.files.archive import Archive
from jaxcnn.weights.files.formats import refuse, refuse_archive
from jaxcnn.weights.files.select import state_dict
from jaxcnn.weights.files.tensors import Tensor
from jaxcnn.weights.files.torch_legacy import MAGIC, LegacyFile
from jaxcnn.weights.files.torch_zip import ZipFile

Source = str | os.PathLike[str] | Mapping[str, Any]
"""A path, or arrays by name."""

MAX_REPEATS = 16
"""How often the tensors of a file may show the same bytes on average: tied weights show twice."""
SPARE = 32 * 2**20
"""Bytes by which tensors that must be copied may exceed the file."""


def read(source: Source, *, entry: str | None = None) -> dict[str, np.ndarray]:
    """Return the arrays of a file of weights by name, without torch and without trust.

    Read are `.pth` and `.pt` of `torch.save` (both of its formats, pickle protocols 2 to 5),
    `.safetensors` and `.npz`; the content decides, not the suffix. Nothing in a file is executed
    or imported, and no length in it is believed: memory stays below the file's size + 64 MB.

    A checkpoint may hold more than weights. The state dict is looked for under the keys that
    training scripts use, averaged weights first (`state_dict_ema`, `model_ema`, `state_dict`,
    `model`, ...), the prefixes `module.` and `_orig_mod.` are dropped, and values that are no
    arrays are left out.

    Args:
        source: A path, or a mapping of arrays (NumPy, JAX, PyTorch, or what else has `__array__`).
        entry: Where in the file the state dict is, such as `"model"` or `"ema/state_dict"`;
            None looks for it.

    Returns:
        Arrays in the file's shapes and dtypes (bfloat16 and float8 too). They are read-only views
        of the file, mapped into memory, unless it is compressed or big-endian: so replace a file
        (rename another over it), never rewrite it in place, while its arrays are in use.

    Raises:
        WeightsError: If there is no such file, or it is damaged, hostile or of another format:
            the message names the file, the reason and what to do.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "weights.npz")
    ...     np.savez(path, **{"module.fc.bias": np.zeros(3, np.float32)})
    ...     arrays = read(path)
    >>> {name: array.shape for name, array in arrays.items()}
    {'fc.bias': (3,)}
    >>> read({"model": {"fc.bias": np.zeros(3)}, "epoch": 7})
    {'fc.bias': array([0., 0., 0.])}
    """
    if isinstance(source, Mapping):
        found = state_dict(source, foreign.is_array, entry)
        return {name: foreign.to_numpy(name, value) for name, value in found.items()}
    path = os.fspath(source)
    try:
        return from_file(path, mapped(path), entry)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None


def mapped(path: str) -> memoryview:
    """Return the bytes of a file, of which the system loads what is used."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise WeightsError("is no file; give the path of a file of weights")
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise WeightsError("is empty; get it again")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        reason = error.strerror or error
        raise WeightsError(f"cannot be opened ({reason}); check the path") from None


def from_file(path: str, data: memoryview, entry: str | None) -> dict[str, np.ndarray]:
    """Return the arrays of a file in the format that its first bytes tell."""
    if data[:4] == b"PK\3\4":
        return from_archive(Archive(data), len(data), entry)
    if magic := MAGIC.match(data[:32]):
        return from_torch(LegacyFile(data, magic.end()), len(data), entry)
    if safetensors_file.looks_like(data):
        arrays = safetensors_file.read(path, data)
        return state_dict(arrays, foreign.is_array, entry)
    return refuse(data)


def from_archive(archive: Archive, size: int, entry: str | None) -> dict[str, np.ndarray]:
    """Return the arrays of a zip archive of torch or NumPy."""
    refuse_archive(archive.records)
    if all(name.endswith(".npy") for name in archive.records):
        return state_dict(npz.read(archive), foreign.is_array, entry)
    return from_torch(ZipFile(archive), size, entry)


def from_torch(file: ZipFile | LegacyFile, size: int, entry: str | None) -> dict[str, np.ndarray]:
    """Return the arrays of a file of torch, of which only those of the state dict are looked at."""
    found = state_dict(file.content(), lambda value: isinstance(value, Tensor), entry)
    total = sum(tensor.nbytes for tensor in found.values())
    limit = size + SPARE if file.swapped else MAX_REPEATS * size + 2**20
    if total > limit:
        raise WeightsError(
            f"its tensors show the same bytes again and again, {total:,} bytes in all; "
            "save x.contiguous() instead of expanded tensors"
        )
    return {name: file.array(tensor) for name, tensor in found.items()}
