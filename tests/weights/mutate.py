"""Right files of every format, and random damage to them."""

import io
import json
import random
import struct
import zipfile
from pathlib import Path

import numpy as np

from tests.golden.weights_cases import views
from tests.weights.assemble import repaired, safetensors

GOLDEN = Path(__file__).parent.parent / "golden" / "weights"
EXTREMES = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
    2**64 - 1,
)
ZIP = b"PK\3\4"


def seeds() -> dict[str, list[bytes]]:
    """Return right files by format."""
    names = "views", "dtypes", "checkpoint", "no_checksums", "views_protocol4"
    old = "views_legacy2", "views_legacy4", "dtypes_legacy"
    return {
        "pth": [(GOLDEN / f"{name}.pth").read_bytes() for name in names],
        "legacy pth": [(GOLDEN / f"{name}.pth").read_bytes() for name in old],
        "safetensors": [safetensors_file()],
        "npz": [npz_file(np.savez), npz_file(np.savez_compressed)],
    }


def safetensors_file() -> bytes:
    """Return a file of safetensors with several dtypes, bfloat16 among them."""
    sizes = {"F32": 4, "BF16": 2, "I64": 8, "BOOL": 1, "F8_E4M3": 1}
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for kind, size in sizes.items():
        start, end = end, end + 6 * size
        header[kind] = {"dtype": kind, "shape": [2, 3], "data_offsets": [start, end]}
    return safetensors(json.dumps(header), bytes(i % 2 for i in range(end)))


def npz_file(save: object) -> bytes:
    """Return an archive of NumPy."""
    buffer = io.BytesIO()
    save(buffer, flags=np.array([True, False]), **views())
    return buffer.getvalue()


def mutant(rng: random.Random, files: list[bytes]) -> bytes:
    """Return one of the files with damage.

    Half of the archives are damaged within one record and get right checksums again: else the
    checksums alone would find nearly all damage, and nothing behind them would be tested.
    """
    data = rng.choice(files)
    if data.startswith(ZIP) and rng.random() < 0.5:
        first, last = span(rng, data)
        return repaired(data[:first] + overwritten(rng, data[first:last]) + data[last:])
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice((overwritten, overwritten, resized))(rng, data)
    return data


def span(rng: random.Random, data: bytes) -> tuple[int, int]:
    """Return where a record's bytes lie: in archives of torch mostly those of the pickle."""
    records = [
        record for record in zipfile.ZipFile(io.BytesIO(data)).infolist() if record.file_size
    ]
    pickles = [record for record in records if record.filename.endswith("data.pkl")]
    record = rng.choice(pickles if pickles and rng.random() < 0.8 else records)
    lengths = struct.unpack_from("<2H", data, record.header_offset + 26)
    first = record.header_offset + 30 + sum(lengths)
    return first, first + record.compress_size


def overwritten(rng: random.Random, data: bytes) -> bytes:
    """Return the bytes with some of them changed; their number stays."""
    content = bytearray(data)
    if not content:
        return data
    kind = rng.choice(("bits", "bytes", "field", "copy"))
    at = rng.randrange(len(content))
    if kind == "bits":
        for _ in range(rng.choice((1, 1, 2, 8))):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif kind == "bytes":
        count = rng.choice((1, 1, 2, 4, 16))
        content[at : at + count] = rng.randbytes(count)
    elif kind == "field":
        width = rng.choice((1, 2, 4, 8))
        value = rng.choice(EXTREMES) & (256**width - 1)
        content[at : at + width] = value.to_bytes(width, "little")
    else:
        source = rng.randrange(len(content))
        count = rng.randrange(1, 64)
        content[at : at + count] = content[source : source + count]
    return bytes(content[: len(data)]).ljust(len(data), b"\0")


def resized(rng: random.Random, data: bytes) -> bytes:
    """Return the bytes without a part, or with one more."""
    at, other = rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)
    count = rng.choice((1, 1, 2, 8, 64, 500))
    return rng.choice(
        (
            data[:at],
            data[:at] + data[at + count :],
            data[:at] + rng.randbytes(count) + data[at:],
            data[:at] + data[other : other + count] + data[at:],
        )
    )
