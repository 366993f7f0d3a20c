"""Formats that are not read: how each is known, why it is refused, what to do."""

from collections.abc import Collection
from typing import NoReturn

from jaxcnn.weights.error import WeightsError

STATE_DICT = "torch.save(torch.load(old, weights_only=True, map_location='cpu'), new)"

REFUSED: tuple[tuple[int, bytes, str, str], ...] = (
    (257, b"ustar", "a tar archive, as torch.save wrote before 2017", STATE_DICT),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it with 7z first"),
    (0, b"Rar!", "a RAR archive", "unpack it first"),
    (0, b"\x1f\x8b", "compressed by gzip", "unpack it with gunzip first"),
    (0, b"BZh", "compressed by bzip2", "unpack it with bunzip2 first"),
    (0, b"\xfd7zXZ\0", "compressed by xz", "unpack it with unxz first"),
    (0, b"\x28\xb5\x2f\xfd", "compressed by zstd", "unpack it with unzstd first"),
    (0, b"\x89HDF\r\n", "an HDF5 file (Keras)", "numpy.savez('new.npz', **arrays) from h5py"),
    (0, b"\x93NUMPY", "a single array of NumPy", "numpy.savez('new.npz', name=array)"),
    (0, b"version https://git-lfs", "a pointer of Git LFS, not the file", "git lfs pull"),
    (0, b"<", "a page of a website, not the file", "download the file behind the link"),
    (0, b"PK\5\6", "an empty zip archive", "get it again"),
    (0, b"\x80\2", "a bare pickle, which could run any program", STATE_DICT),
    (0, b"\x80\3", "a bare pickle, which could run any program", STATE_DICT),
    (0, b"\x80\4", "a bare pickle, which could run any program", STATE_DICT),
    (0, b"\x80\5", "a bare pickle, which could run any program", STATE_DICT),
)
"""Position and bytes that a format is known by, what it is, and the fix."""

SCRIPT = (
    "model = torch.jit.load(old, map_location='cpu') where you trust it; "
    "torch.save(model.state_dict(), new)"
)


def refuse(data: memoryview) -> NoReturn:
    """Raise the error of a format that is not read."""
    for at, magic, kind, fix in REFUSED:
        if data[at : at + len(magic)] == magic:
            raise WeightsError(f"is {kind}; {fix}")
    raise WeightsError(
        "is in no known format: .pth and .pt of torch.save, .safetensors and .npz are read; "
        "get it again or save it as one of these"
    )


def refuse_archive(names: Collection[str]) -> None:
    """Raise the error of a zip archive that is neither of torch.save nor of numpy.savez."""
    parts = [name.rpartition("/")[2] for name in names]
    pickles = parts.count("data.pkl")
    if "constants.pkl" in parts:
        raise WeightsError(f"is a TorchScript archive, which holds a program; {SCRIPT}")
    if pickles > 1:
        raise WeightsError("holds two or more data.pkl; the file was tampered with: get it again")
    if not pickles and not (names and all(name.endswith(".npy") for name in names)):
        some = ", ".join(repr(name)[:40] for name, _ in zip(names, range(5), strict=False))
        raise WeightsError(
            f"is a zip archive of something else ({some or 'nothing'}): it has no data.pkl as "
            "torch.save writes; give the file of weights itself"
        )
