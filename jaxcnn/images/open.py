"""Open an image file without decoding it: formats, size limit, one kind of error."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from jaxcnn.images.error import ImageError

File = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]
"""A path, the bytes of a file, or a file opened for reading bytes."""

MAX_PIXELS = 50_000_000

# An allow-list: Pillow also opens formats that run other programs (EPS runs Ghostscript).
# Importing a plugin is what makes its format known to Pillow.
FORMATS = {
    "JPEG": JpegImagePlugin,
    "PNG": PngImagePlugin,
    "WEBP": WebPImagePlugin,
    "TIFF": TiffImagePlugin,
    "BMP": BmpImagePlugin,
    "GIF": GifImagePlugin,
    "PPM": PpmImagePlugin,
}


def name_of(file: File) -> str:
    """Return what a message calls the file."""
    if isinstance(file, str | os.PathLike):
        return os.fspath(file)
    if isinstance(file, bytes | bytearray | memoryview):
        return f"image of {len(file)} bytes"
    return str(getattr(file, "name", "image"))


@contextmanager
def opened(file: File, max_pixels: int) -> Iterator[Image.Image]:
    """Give the image, its pixels not yet decoded; every failure inside becomes an `ImageError`."""
    name = name_of(file)
    source = io.BytesIO(file) if isinstance(file, bytes | bytearray | memoryview) else file
    try:
        with Image.open(source, formats=tuple(FORMATS)) as image:
            check_pixels(image, max_pixels)
            yield image
    except MemoryError:
        raise
    # Damaged files make Pillow raise nearly anything: OSError, ValueError, SyntaxError,
    # TypeError, RuntimeError, struct.error and others.
    except Exception as error:
        raise ImageError(f"{name} {explain(error, name)}") from error


def check_pixels(image: Image.Image, max_pixels: int) -> None:
    """Refuse an image that would decode to more pixels than allowed: some 10 kB can hold 80 Mpx."""
    width, height = image.size
    if width * height > max_pixels:
        raise ImageError(
            f"has {width} x {height} pixels, more than max_pixels = {max_pixels}; make it smaller, "
            "or raise max_pixels if you trust the file"
        )


def explain(error: Exception, name: str) -> str:
    """Return the reason and the remedy."""
    match error:
        case ImageError():
            return str(error)
        case FileNotFoundError():
            return "does not exist; check the path"
        case IsADirectoryError():
            return "is a folder; give a file in it"
        case PermissionError():
            return "may not be read; change its permissions"
        case UnidentifiedImageError():
            return (
                f"is not an image in a known format ({', '.join(FORMATS)}); convert or replace it"
            )
        case Image.DecompressionBombError() | Image.DecompressionBombWarning():
            return f"has too many pixels ({error}); make it smaller"
    if "truncated" in str(error).lower():
        return "is truncated: its end is missing; copy or download it again"
    reason = str(error).replace(name, "").strip() or "no reason given"
    return f"is damaged ({type(error).__name__}: {reason}); replace it or save it anew"
