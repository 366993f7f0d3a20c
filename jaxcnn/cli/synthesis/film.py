"""An image in the making: how far it is, its frames, and the last of them when it is stopped."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from jaxcnn.cli.progress import cleared, tell
from jaxcnn.cli.synthesis.pictures import pixels_of, save
from jaxcnn.images import grid, resize
from jaxcnn.synthesis import Frame

FRAMES = 40
"""Frames of an optimisation, about."""
RATE = 12
"""Frames shown a second."""


class Film:
    """Called with each frame of an optimisation.

    Attributes:
        frames: Pictures so far, all of them where a film is asked for, else the last.
    """

    def __init__(self, output: Path, film: Path | None):
        """Make it ready.

        Args:
            output: Where the last picture goes when the work is interrupted.
            film: The GIF or MP4 of all frames, or None.
        """
        if film is not None and film.suffix.lower() == ".mp4":
            import cv2  # noqa: F401 # a missing extra is told before the work begins
        self.output, self.film, self.frames = output, film, list[list[np.ndarray]]()

    def __call__(self, frame: Frame) -> None:
        """Keep a frame, and tell how far it is."""
        images = list(pixels_of(frame.images))
        self.frames = [*self.frames, images] if self.film else [images]
        height, width, _ = images[0].shape
        loss = float(np.mean(frame.losses[-1]))
        tell(f"{frame.done:,} of {frame.steps:,} steps at {height}x{width}, loss {loss:.4g}")

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run the work; Ctrl-C keeps the last frame, and the film so far."""
        try:
            with cleared():
                yield
        except KeyboardInterrupt:
            if self.frames:
                save(self.output, self.frames[-1])
                self.write()
                sys.stderr.write(f"interrupted; the last frame is in {self.output}\n")
            raise

    def write(self) -> None:
        """Write the film, if one is asked for."""
        if self.film is None or not self.frames:
            return
        pictures = [f[0] if len(f) == 1 else grid(f, gap=4) for f in self.frames]
        height, width, _ = pictures[-1].shape
        same = [resize(picture, (height, width)) for picture in pictures]
        write = write_gif if self.film.suffix.lower() == ".gif" else write_mp4
        write(self.film, [np.repeat(p, 3, -1) if p.shape[-1] == 1 else p for p in same])


def every(steps: int) -> int:
    """Return after how many steps a frame is shown.

    >>> every(10), every(400)
    (1, 10)
    """
    return max(1, steps // FRAMES)


def write_gif(path: Path, pictures: list[np.ndarray]) -> None:
    """Write frames that repeat for ever."""
    first, *rest = map(Image.fromarray, pictures)
    first.save(path, save_all=True, append_images=rest, duration=1000 // RATE, loop=0)


def write_mp4(path: Path, pictures: list[np.ndarray]) -> None:
    """Write frames as a video; its sides are even numbers of pixels."""
    import cv2

    height, width = (side // 2 * 2 for side in pictures[0].shape[:2])
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (width, height))
    if not video.isOpened():
        raise OSError(f"{path} cannot be written as MP4; use {path.with_suffix('.gif')}")
    for picture in pictures:
        video.write(np.ascontiguousarray(picture[:height, :width, ::-1]))
    video.release()
