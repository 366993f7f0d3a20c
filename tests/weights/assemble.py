"""Pickles and zip archives written by hand, right or wrong."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

MARK, STOP, REDUCE, NONE = b"(", b".", b"R", b"N"
PROTOCOL = b"\x80\x02"


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def tuple_of(*parts: bytes) -> bytes:
    return MARK + b"".join(parts) + b"t"


def named(name: str) -> bytes:
    module, _, name = name.rpartition(".")
    return f"c{module}\n{name}\n".encode()


def call(name: str, *arguments: bytes) -> bytes:
    return named(name) + tuple_of(*arguments) + REDUCE


def dict_of(*pairs: tuple[bytes, bytes]) -> bytes:
    return b"}" + MARK + b"".join(key + value for key, value in pairs) + b"u"


def storage(key: str = "0", size: int = 4, *more: bytes, kind: str = "torch.FloatStorage") -> bytes:
    return (
        tuple_of(text("storage"), named(kind), text(key), text("cpu"), number(size), *more) + b"Q"
    )


def tensor(
    where: bytes | None = None,
    offset: int = 0,
    shape: tuple[int, ...] = (4,),
    strides: tuple[int, ...] = (1,),
) -> bytes:
    return call(
        "torch._utils._rebuild_tensor_v2",
        storage() if where is None else where,
        number(offset),
        tuple_of(*map(number, shape)),
        tuple_of(*map(number, strides)),
        b"\x89",
        call("collections.OrderedDict"),
    )


def program(*parts: bytes) -> bytes:
    """A whole pickle; a right one where the parts leave one value."""
    return PROTOCOL + b"".join(parts) + STOP


def state(value: bytes) -> bytes:
    """The pickle of a state dict with one entry."""
    return program(dict_of((text("x"), value)))


def archive(records: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in records.items():
            file.writestr(zipfile.ZipInfo(name), data, method)
    return buffer.getvalue()


FLOATS = struct.pack("<4f", 0, 1, 2, 3)


def pth(pickle: bytes, data: bytes = FLOATS, **options: int) -> bytes:
    """A file of `torch.save` with one storage."""
    return archive({"a/data.pkl": pickle, "a/data/0": data, "a/version": b"3\n"}, **options)


ONE_KEY = b"](" + text("0") + b"e"


def legacy(pickle: bytes, keys: bytes = ONE_KEY, numbers: bytes | None = None) -> bytes:
    """A file of `torch.save` before PyTorch 1.6 with one storage."""
    magic = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
    system = program(dict_of((text("little_endian"), b"\x88")))
    numbers = struct.pack("<q", 4) + FLOATS if numbers is None else numbers
    return magic + program(b"M\xe9\x03") + system + pickle + program(keys) + numbers


def npy(header: str, data: bytes = FLOATS) -> bytes:
    header += "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + data


def npz(record: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    return archive({"x.npy": record}, method)


def safetensors(header: str, data: bytes = FLOATS, length: int | None = None) -> bytes:
    encoded = header.encode()
    return struct.pack("<Q", len(encoded) if length is None else length) + encoded + data


def repaired(data: bytes) -> bytes:
    """A zip archive whose checksums are right again after its stored records were changed."""
    content = bytearray(data)
    at = data.rfind(b"PK\5\6")
    count, size, start = struct.unpack_from("<HLL", data, at + 10)
    place = start
    for _ in range(count):
        (offset,) = struct.unpack_from("<L", content, place + 42)
        (length,) = struct.unpack_from("<L", content, place + 20)
        names = struct.unpack_from("<2H", content, offset + 26)
        first = offset + 30 + sum(names)
        checksum = zlib.crc32(content[first : first + length])
        struct.pack_into("<L", content, place + 16, checksum)
        if not content[offset + 6] & 8:
            struct.pack_into("<L", content, offset + 14, checksum)
        place += 46 + sum(struct.unpack_from("<3H", content, place + 28))
    return bytes(content)


def state_dict(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A file of `torch.save` with float32 arrays, each in a storage of its own."""
    entries, records = [], {}
    for index, (name, array) in enumerate(arrays.items()):
        strides = tuple(step // array.itemsize for step in array.strides)
        entries.append(
            (text(name), tensor(storage(str(index), array.size), 0, array.shape, strides))
        )
        records[f"a/data/{index}"] = array.tobytes()
    return archive({"a/data.pkl": program(dict_of(*entries)), **records})
