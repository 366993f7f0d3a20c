"""Our own plain values and functions, in place of those that a torch file mentions.

A file may call them as often as it likes, each time with the same long list: so each of them takes
time and memory of the order of the operations that the file spent on its arguments.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxcnn.weights.error import WeightsError
from jaxcnn.weights.files.tensors import Storage, Tensor, tensor

MAX_ARGUMENTS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Opaque:
    """A class that is no weight, or an object of it: only its name is kept, and never used."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class StorageType:
    """The class of a storage; `dtype` is None where it counts bytes."""

    dtype: np.dtype | None


@dataclass(frozen=True, slots=True, eq=False)
class Builder:
    """One of our functions, in place of the function that a file names."""

    name: str
    build: Callable[[tuple], Any]

    def __call__(self, arguments: tuple) -> Any:
        """Return the value that the named function would have made."""
        if len(arguments) > MAX_ARGUMENTS:
            raise WeightsError(f"calls {self.name} with {len(arguments)} arguments")
        return self.build(arguments)


def is_key(value: Any) -> bool:
    """Whether a value may be a key: hashing nested tuples can take for ever, these cannot."""
    plain = (str, int, float, bytes, type(None), Opaque)
    if type(value) is not tuple:
        return isinstance(value, plain)
    return len(value) <= MAX_ARGUMENTS and all(isinstance(item, plain) for item in value)


def set_items(target: Any, keys: list, values: list) -> None:
    """Put items into a dict; those of an opaque object are dropped."""
    if isinstance(target, Opaque):
        return
    if type(target) is not dict or not all(map(is_key, keys)):
        raise WeightsError("puts items where none can be, or under keys that are no plain values")
    target.update(zip(keys, values, strict=True))


def mapping(arguments: tuple) -> dict:
    """Stand for OrderedDict() and its kin, whose items follow or are given.

    Items that are given are moved, not copied: a call costs no more than what it was given.
    """
    match arguments:
        case [] | [None | Opaque()]:  # the factory of a defaultdict
            return {}
        case [dict() as items] | [None | Opaque(), dict() as items]:
            return items
        # Python 2 wrote a list of pairs.
        case [list() as pairs] if all(type(p) in (list, tuple) and len(p) == 2 for p in pairs):
            result: dict = {}
            set_items(result, [pair[0] for pair in pairs], [pair[1] for pair in pairs])
            pairs.clear()
            return result
    raise WeightsError("makes a dict of something that is none")


def rebuild_tensor(arguments: tuple) -> Tensor:
    """Stand for torch._utils._rebuild_tensor and its versions 2 and 3."""
    match arguments:
        case [Storage() as storage, int(offset), tuple(shape), tuple(strides), *rest]:
            extra = rest[2:]  # after requires_grad and hooks: in version 3 the dtype, then flags
            is_version_3 = extra and not isinstance(extra[0], dict | None)
            dtype = extra[0] if is_version_3 else storage.dtype
            if not isinstance(dtype, np.dtype):
                name = getattr(dtype, "name", "nothing")
                raise WeightsError(
                    f"holds a tensor of {name}, for which there are no arrays; "
                    "convert it with x.to(torch.float32)"
                )
            flags = extra[-1] if extra else None
            if isinstance(flags, dict) and (flags.get("conj") or flags.get("neg")):
                raise WeightsError(
                    "holds a tensor to be conjugated; save x.resolve_conj().resolve_neg()"
                )
            return tensor(storage, offset, shape, strides, dtype)
    raise WeightsError("describes a tensor by other values than torch.save writes")


def rebuild_parameter(arguments: tuple) -> Tensor:
    """Stand for torch._utils._rebuild_parameter: the tensor itself."""
    if not arguments or not isinstance(arguments[0], Tensor):
        raise WeightsError("makes a parameter of something that is no tensor")
    return arguments[0]


def rebuild_from_type(arguments: tuple) -> Any:
    """Stand for torch._tensor._rebuild_from_type_v2: a tensor that carries attributes."""
    match arguments:
        case [Builder() as build, Opaque(), tuple(inner), *_] if (
            build.build is not rebuild_from_type
        ):
            return build(inner)
    raise WeightsError("describes a tensor with attributes as torch never does")


def storage(identifier: Any) -> Storage:
    """Return the storage that a persistent identifier means."""
    match identifier:
        case ("storage", StorageType(dtype), str(key), str(), int(size)) | (
            "storage",
            StorageType(dtype),
            str(key),
            str(),
            int(size),
            None,
        ) if size >= 0:
            return Storage(key, dtype, size, size)
        case ("storage", StorageType(dtype), str(key), str(), int(size), part):
            # Torch before 0.4 saved views of storages.
            match part:
                case (_, int(start), int(count)) if 0 <= start <= start + count <= size:
                    return Storage(key, dtype, count, size, start)
    raise WeightsError("refers to something outside its pickle that is no storage of tensors")
