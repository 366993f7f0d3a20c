"""A strict reader of zip archives in memory: nothing is extracted, only one reading is possible.

Python's `zipfile` accepts archives that other programs read differently (several directories, data
before the first entry, overlapping entries); here all descriptions of an entry must agree.
Format: PKWARE's APPNOTE.TXT, sections 4.3 and 4.5.3 (zip64).
"""

import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise

from jaxcnn.weights.error import WeightsError

END = struct.Struct("<4s4H2LH")
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR64 = struct.Struct("<4sLQL")
CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
STORED, DEFLATED = 0, 8
ENCRYPTED, SIZES_FOLLOW = 1, 8
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF
"""A field with all bits set has its value in the zip64 record."""
MAX_RECORDS = 50_000
SPARE = 32 * 2**20
"""Bytes by which inflated records may exceed the file."""
DAMAGED = "the file is damaged or was not written by the usual programs; get it or save it again"


@dataclass(frozen=True, slots=True)
class Record:
    """One entry: where its bytes are, and how they are stored."""

    start: int
    end: int
    size: int
    method: int
    checksum: int


class Archive:
    """The records of a zip archive by name."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.records: dict[str, Record] = {}
        count, start, end = directory(data)
        if count > min(MAX_RECORDS, (end - start) // CENTRAL.size):
            raise WeightsError(f"its zip directory announces {count} records; {DAMAGED}")
        spans = [(0, 0)]
        at = start
        for _ in range(count):
            name, record, first, at = central(data, at, end)
            if name in self.records:
                raise WeightsError(f"holds two records named {name!r}; {DAMAGED}")
            self.records[name] = record
            spans.append((first, record.end))
        spans = [*sorted(spans), (start, start)]
        is_first = spans[1][0] == 0 or not count
        if at != end or not is_first or any(a[1] > b[0] for a, b in pairwise(spans)):
            raise WeightsError(f"has records that overlap or lie outside; {DAMAGED}")
        # Torch writes zeros for all where its checksums were switched off.
        self.has_checksums = any(record.checksum for record in self.records.values())
        self.spare = len(data) + SPARE

    def read(self, name: str) -> memoryview:
        """Return the bytes of a record: a view of the file, or a copy where it was compressed."""
        record = self.records[name]
        content = self.data[record.start : record.end]
        if record.method == DEFLATED:
            content = self._inflated(name, record, content)
        if self.has_checksums and zlib.crc32(content) != record.checksum:
            raise WeightsError(f"the checksum of {name!r} is wrong: {DAMAGED}")
        return content

    def _inflated(self, name: str, record: Record, packed: memoryview) -> memoryview:
        self.spare -= record.size
        if self.spare < 0:
            raise WeightsError(f"{name!r} inflates to much more than the file; use numpy.savez")
        stream = zlib.decompressobj(-15)
        try:
            content = stream.decompress(packed, record.size + 1)
        except zlib.error as error:
            raise WeightsError(f"{name!r} cannot be inflated ({error}); {DAMAGED}") from None
        if len(content) != record.size:
            raise WeightsError(f"{name!r} inflates to another size than announced; {DAMAGED}")
        return memoryview(content)


def directory(data: memoryview) -> tuple[int, int, int]:
    """Return the number of records, and where the central directory starts and ends."""
    end = len(data) - END.size
    if end < 0 or data[end : end + 4] != b"PK\5\6":
        raise WeightsError(
            "is a zip archive whose end is missing, or followed by something: the file is "
            "truncated or was tampered with; get it again"
        )
    _, disk, first, here, count, size, start, comment = END.unpack(data[end:])
    if disk or first or here != count or comment:
        raise WeightsError(f"is a zip archive in several parts or with a comment; {DAMAGED}")
    locator = end - LOCATOR64.size
    if locator >= END64.size and data[locator : locator + 4] == b"PK\6\7":
        end = locator - END64.size
        count, size, start = directory64(data, end, locator, (count, size, start))
    if start + size != end:
        raise WeightsError(f"has a zip directory at another place than announced; {DAMAGED}")
    return count, start, end


def directory64(
    data: memoryview, at: int, locator: int, small: tuple[int, int, int]
) -> tuple[int, int, int]:
    """Return count, size and start of the directory in the zip64 record, which must agree."""
    signature, length, _, _, disk, first, here, *large = END64.unpack(data[at:locator])
    _, other, where, disks = LOCATOR64.unpack(data[locator : locator + LOCATOR64.size])
    fine = signature == b"PK\6\6" and length == END64.size - 12 and where == at and here == large[0]
    fine &= disk == first == other == 0 and disks == 1
    for value, full, wide in zip(small, (FULL16, FULL32, FULL32), large, strict=True):
        fine &= value in (wide, full)
    if not fine:
        raise WeightsError(f"has two zip directories that disagree; {DAMAGED}")
    return large[0], large[1], large[2]


def central(data: memoryview, at: int, end: int) -> tuple[str, Record, int, int]:
    """Return name, record and first byte of an entry, and where the next one is described."""
    if at + CENTRAL.size > end or data[at : at + 4] != b"PK\1\2":
        raise WeightsError(f"has a damaged zip directory; {DAMAGED}")
    fields = CENTRAL.unpack(data[at : at + CENTRAL.size])
    flags, method, checksum, packed, size = fields[3], fields[4], *fields[7:10]
    long_name, long_extra, long_comment, disk, offset = *fields[10:14], fields[16]
    at += CENTRAL.size
    extra = at + long_name
    stop = extra + long_extra + long_comment
    if stop > end or disk:
        raise WeightsError(f"has a damaged zip directory; {DAMAGED}")
    raw_name = bytes(data[at:extra])
    name = checked_name(raw_name)
    size, packed, offset = wide(bytes(data[extra : extra + long_extra]), size, packed, offset)
    if flags & ENCRYPTED:
        raise WeightsError(f"{name!r} is encrypted; decrypt it and save it again")
    if method not in (STORED, DEFLATED) or (method == STORED and packed != size):
        raise WeightsError(f"{name!r} is stored by zip method {method}; {DAMAGED}")
    start = local(data, offset, raw_name, (flags, method, checksum, packed, size))
    record = Record(start, start + packed, size, method, checksum)
    if record.end > len(data):
        raise WeightsError(f"{name!r} reaches beyond the file: it is truncated; get it again")
    return name, record, offset, stop


def local(data: memoryview, at: int, name: bytes, stated: tuple[int, ...]) -> int:
    """Return where the data start, after the header before them was found to agree."""
    flags, method, checksum, packed, size = stated
    header = data[at : at + LOCAL.size]
    if len(header) == LOCAL.size and header[:4] == b"PK\3\4":
        fields = LOCAL.unpack(header)
        long_name, long_extra = fields[9:]
        extra = at + LOCAL.size + long_name
        start = extra + long_extra
        fine = (flags, method) == (fields[2], fields[3]) and data[extra - long_name : extra] == name
        if not flags & SIZES_FOLLOW:
            sizes = wide(bytes(data[extra:start]), fields[8], fields[7])
            fine = fine and (checksum, size, packed) == (fields[6], *sizes)
        if fine:
            return start
    raise WeightsError(f"{bytes(name)[:80]!r} is described in two ways that disagree; {DAMAGED}")


def wide(extra: bytes, *values: int) -> tuple[int, ...]:
    """Return sizes and offset, those with all bits set taken from the zip64 field."""
    if FULL32 not in values:
        return values
    fields = extra
    while len(fields) >= 4:
        kind, length = struct.unpack("<2H", fields[:4])
        body, fields = fields[4 : 4 + length], fields[4 + length :]
        if kind == 1 and len(body) >= 8 * values.count(FULL32):
            numbers = iter(struct.unpack(f"<{len(body) // 8}Q", body[: len(body) // 8 * 8]))
            return tuple(next(numbers) if value == FULL32 else value for value in values)
    raise WeightsError(f"lacks the sizes of a large record; {DAMAGED}")


def checked_name(raw: bytes) -> str:
    """Return the name of a record, if it is a plain relative path."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        name = ""
    if (
        not name
        or any(part in ("", ".", "..") for part in name.split("/"))
        or not name.isprintable()
    ):
        raise WeightsError(f"has a record with the unusual name {raw[:80]!r}; {DAMAGED}")
    if "\\" in name or ":" in name:
        raise WeightsError(f"has a record with the unusual name {raw[:80]!r}; {DAMAGED}")
    return name
