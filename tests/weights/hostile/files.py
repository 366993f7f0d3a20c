"""Archives and files of other formats: what each is, its bytes, and a part of the message."""

import pickle
import struct
import zipfile

from tests.weights.assemble import (
    FLOATS,
    archive,
    dict_of,
    legacy,
    npy,
    npz,
    program,
    pth,
    safetensors,
    state,
    storage,
    tensor,
    text,
)
from tests.weights.hostile.pickles import GOOD, SHELL, UNKNOWN


def patched(data: bytes, find: bytes, at: int, value: bytes) -> bytes:
    """The bytes with a field overwritten, `at` bytes after the last occurrence of a signature."""
    place = data.rindex(find) + at
    return data[:place] + value + data[place + len(value) :]


FILE = pth(GOOD)
CENTRAL, LOCAL, END = b"PK\1\2", b"PK\3\4", b"PK\5\6"
RECORDS = {"a/data.pkl": GOOD, "a/data/0": FLOATS}


def twice() -> bytes:
    """An archive in which two records have one name."""
    data = archive({**RECORDS, "a/data/1": FLOATS})
    return data.replace(b"a/data/1", b"a/data/0")


def overlapping() -> bytes:
    """An archive in which both headers of the first record stretch it over the second."""
    data = archive({"a/data/0": FLOATS, "a/data.pkl": GOOD})
    for signature, at in ((LOCAL, 18), (CENTRAL, 20)):
        place = data.index(signature) + at
        data = data[:place] + struct.pack("<2L", 24, 24) + data[place + 8 :]
    return data


ARCHIVES = {
    "a path that climbs": (archive({**RECORDS, "../../evil": b""}), "unusual name"),
    "an absolute path": (archive({**RECORDS, "/etc/evil": b""}), "unusual name"),
    "a path of Windows": (archive({**RECORDS, "C:evil": b""}), "unusual name"),
    "a control character": (archive({**RECORDS, "a/\x07": b""}), "unusual name"),
    "no data.pkl": (archive({"a/data/0": FLOATS}), "zip archive of something else"),
    "two data.pkl": (archive({**RECORDS, "b/data.pkl": GOOD}), "two or more data.pkl"),
    "TorchScript": (archive({**RECORDS, "a/constants.pkl": GOOD}), "TorchScript"),
    "a compressed pickle": (pth(GOOD, method=zipfile.ZIP_DEFLATED), "is compressed"),
    "a zip bomb": (
        pth(GOOD, bytes(50 * 2**20), method=zipfile.ZIP_DEFLATED),
        "is compressed",
    ),
    "bzip2": (pth(GOOD, method=zipfile.ZIP_BZIP2), "zip method 12"),
    "a record missing": (archive({"a/data.pkl": GOOD}), "has no record 'a/data/0'"),
    "two records of one name": (twice(), "two records named"),
    "records that overlap": (overlapping(), "overlap"),
    "truncated by a byte": (FILE[:-1], "end is missing"),
    "the first half": (FILE[: len(FILE) // 2], "end is missing"),
    "something after the archive": (FILE + b"x", "end is missing"),
    "an archive after an archive": (FILE + FILE, "at another place than announced"),
    "a comment": (patched(FILE, END, 20, b"\1\0") + b"x", "end is missing"),
    "65,535 records": (patched(FILE, END, 8, b"\xff" * 4), "announces 65535 records"),
    "more records than there are": (patched(FILE, END, 8, b"\4\0\4\0"), "announces 4 records"),
    "fewer records than there are": (patched(FILE, END, 8, b"\2\0\2\0"), "overlap or lie outside"),
    "a directory elsewhere": (patched(FILE, END, 16, b"\0" * 4), "at another place"),
    "an encrypted record": (patched(FILE, CENTRAL, 8, b"\1"), "is encrypted"),
    "a record beyond the file": (
        patched(FILE, CENTRAL, 20, b"\xf0\xff\xff\0" * 2),
        "in two ways that disagree",
    ),
    "a size that differs in the headers": (patched(FILE, LOCAL, 22, b"\1"), "two ways"),
    "a name that differs in the headers": (patched(FILE, LOCAL, 30, b"b"), "two ways"),
    "an offset into nowhere": (patched(FILE, CENTRAL, 42, b"\xff\xff\xff\x7f"), "two ways"),
    "zip64 sizes that are missing": (patched(FILE, CENTRAL, 24, b"\xff" * 4), "lacks the sizes"),
    "a flipped bit": (FILE.replace(FLOATS, FLOATS[:-1] + b"\x41"), "checksum"),
    "a big-endian file, shown again and again": (
        archive(
            {
                "a/data.pkl": program(
                    dict_of(
                        *[
                            (text(f"x{i}"), tensor(storage(size=2**18), shape=(2**18,)))
                            for i in range(40)
                        ]
                    )
                ),
                "a/data/0": bytes(2**20),
                "a/byteorder": b"big",
            }
        ),
        "again and again",
    ),
    "an unknown byte order": (archive({**RECORDS, "a/byteorder": b"middle"}), "byte order"),
}

OTHERS = {
    "os.system in the old format": (legacy(state(SHELL)), UNKNOWN),
    "an old file cut": (legacy(GOOD)[:-1], "is truncated"),
    "an old file that goes on": (legacy(GOOD) + b"x", "goes on"),
    "old counts that differ": (legacy(GOOD, numbers=b"\5" + bytes(7) + FLOATS), "before its"),
    "negative old counts": (legacy(GOOD, numbers=b"\xff" * 8 + FLOATS), "before its numbers"),
    "an old storage twice": (legacy(GOOD, b"](" + text("0") * 2 + b"e"), "twice or needlessly"),
    "an old storage not listed": (legacy(GOOD, b"]", b""), "lacks storage"),
    "old keys that are no list": (legacy(GOOD, b"N"), "does not list its storages"),
    "a bare pickle": (pickle.dumps({"x": [1.0]}), "a bare pickle"),
    "a bare pickle of os.system": (program(SHELL), "a bare pickle"),
    "tar": (bytes(257) + b"ustar\x0000" + bytes(300), "a tar archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(30), "a 7z archive"),
    "gzip": (b"\x1f\x8b\x08" + bytes(30), "gunzip"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(30), "HDF5"),
    "a page of a website": (b"<!DOCTYPE html><html></html>", "a page of a website"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "an empty zip archive": (archive({}), "empty zip archive"),
    "nothing": (b"", "is empty"),
    "noise": (bytes(range(100, 200)), "no known format"),
    "objects in an npz": (
        npz(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", GOOD)),
        "would need pickle",
    ),
    "a program as an npz header": (npz(npy("__import__('os').system('id')")), "would need pickle"),
    "records in an npz": (
        npz(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }")),
        "would need pickle",
    ),
    "bfloat16 in an npz": (
        npz(npy("{'descr': '|V2', 'fortran_order': False, 'shape': (8,), }")),
        "does not keep bfloat16",
    ),
    "a big-endian npz": (
        npz(npy("{'descr': '>f4', 'fortran_order': False, 'shape': (4,), }")),
        "order of other machines",
    ),
    "text in an npz": (
        npz(npy("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }")),
        "no number",
    ),
    "an absurd npz shape": (
        npz(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (0, 999999999999999999), }")),
        "absurd shape",
    ),
    "an npz shape beyond its bytes": (
        npz(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }")),
        "has 16 bytes for an array",
    ),
    "an npz bomb": (
        npz(
            npy(
                "{'descr': '|u1', 'fortran_order': False, 'shape': (104857600,), }",
                bytes(100 * 2**20),
            ),
            zipfile.ZIP_DEFLATED,
        ),
        "inflates to much more",
    ),
    "an npy of no array": (npz(b"hello"), "no array of NumPy"),
    "a safetensors header of 2^63 bytes": (safetensors("{}", length=2**63), "announces a header"),
    "a safetensors header of 5 MB": (
        safetensors("{" + " " * 5 * 2**20 + "}"),
        "announces a header",
    ),
    "safetensors offsets beyond the file": (
        safetensors('{"x":{"dtype":"F32","shape":[8],"data_offsets":[0,32]}}'),
        "refused by safetensors",
    ),
    "safetensors that overlap": (
        safetensors(
            '{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},'
            '"y":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'
        ),
        "refused by safetensors",
    ),
    "safetensors with a hole": (
        safetensors('{"x":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}}'),
        "refused by safetensors",
    ),
    "an unknown dtype of safetensors": (
        safetensors('{"x":{"dtype":"F99","shape":[4],"data_offsets":[0,16]}}'),
        "refused by safetensors",
    ),
    "safetensors of one name": (
        safetensors(
            '{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
            '"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'
        ),
        "get it again",
    ),
    "safetensors nested 100,000 deep": (safetensors("{" + '"x":{' * 100_000), "refused"),
    "no safetensors": (safetensors("{}", b""), "holds no arrays"),
}
