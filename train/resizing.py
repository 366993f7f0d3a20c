"""Progressive resizing: which size the training images have at which step."""

import bisect
from dataclasses import dataclass

from train.config import Config, parse_size, to_steps
from train.errors import UserError


@dataclass(frozen=True)
class Sizes:
    """Sizes of the training images in pixels, and the steps after which they begin."""

    starts: tuple[int, ...] = (0,)
    pixels: tuple[int, ...] = (0,)
    """0 stands for the size of the data."""

    def at(self, step: int) -> int:
        """Return the size of step number `step`, which counts from 1.

        >>> sizes = Sizes((0, 10), (128, 160))
        >>> sizes.at(10), sizes.at(11)
        (128, 160)
        """
        return self.pixels[bisect.bisect_left(self.starts, step) - 1]


def make_sizes(config: Config, epoch: int, total: int) -> Sizes:
    """Return what `augment.sizes` asks for.

    Args:
        config: The run.
        epoch: Steps in an epoch.
        total: Steps of the run.
    """
    if not config.augment.sizes:
        return Sizes()
    parsed = [parse_size(text) for text in config.augment.sizes]
    starts = [to_steps(start, epoch, config.data.batch_size) for start, _ in parsed]
    if starts[0] != 0 or starts != sorted(set(starts)) or starts[-1] >= total:
        raise UserError(
            f"--augment.sizes begin at steps {starts} of {total}; the first must begin at "
            "'0 steps', each later than the one before, and the last before the end"
        )
    return Sizes(tuple(starts), tuple(pixels for _, pixels in parsed))
