"""Scenes composed of real digits, with the class of every pixel: segmentation without a network.

On an uneven, noisy ground lie digits of any size, turned and sheared, lighter or darker than what
is around them, among strokes that are none. The digits are those of a source of classes (`digits`,
`tfds:mnist`, `tfds:fashion_mnist`), split before they are composed: no digit of a test scene
occurs in a training scene.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from train.data.draws import Draws
from train.data.source import Source
from train.data.stored import Stored
from train.errors import UserError

SIZE = 64
"""Height and width of a scene, in pixels, where the config gives none."""

DIGITS = (3, 7)
STROKES = (2, 5)
"""How many there are, at least and at most."""

HEIGHT = (0.25, 0.5)
"""Of a digit, as a share of the scene's."""

ANGLE, SHEAR = 25.0, 0.2
"""Largest turn in degrees, and largest slant, to either side."""

CONTRAST = (0.3, 0.7)
"""Between a digit and the ground, of 1 between black and white."""

TOUCHED = 0.1
"""Share of a digit's ink that may lie on others: what would cover more is tried elsewhere."""

TRIES = 12

FORMAT = 1
"""Changes where the same arguments no longer give the same scene."""


@dataclass(frozen=True, eq=False)
class Scenes:
    """As many scenes as there are digits; each a function of the seed, the split and its number."""

    digits: Source = field(repr=False)
    split: str
    seed: int
    size: int = SIZE

    @cached_property
    def glyphs(self) -> tuple[np.ndarray, np.ndarray]:
        """All digits, uint8 (n, h, w), and their classes."""
        gathered = self.digits.gather(np.arange(len(self.digits)))
        return gathered.images[..., 0], gathered.labels

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, i: int) -> dict[str, Any]:
        draws = Draws("scene", FORMAT, self.seed, self.split, i)
        image = ground(draws, self.size)
        image = with_strokes(draws, image)
        classes = np.zeros((self.size, self.size), np.uint8)
        for _ in range(draws.integer(*DIGITS)):
            number = draws.integer(0, len(self) - 1)
            ink = self._placed(draws, number, classes > 0)
            image = painted(draws, image, ink)
            classes[ink > 0.5] = 1 + self.glyphs[1][number]
        noise = 0.04 * (draws.array(self.size, self.size) - 0.5)
        image = np.rint(255 * (image + noise).clip(0, 1)).astype(np.uint8)
        return {"image": image[..., None], "label": classes}

    def name(self, i: int) -> str:
        """Return a name for the scene."""
        return f"{self.split} scene {i}"

    def _placed(self, draws: Draws, number: int, taken: np.ndarray) -> np.ndarray:
        """Return the ink of a digit in [0, 1], (size, size), nothing where it finds no room."""
        for _ in range(TRIES):
            ink = turned(draws, self.glyphs[0][number], self.size)
            marked = ink > 0.5
            if marked.any() and (marked & taken).sum() <= TOUCHED * marked.sum():
                return ink
        return np.zeros((self.size, self.size))


def open_scenes(splits: Any, size: int, seed: int) -> Stored:
    """Return the scenes of the splits of a source of classes."""
    if splits.image_shape[2] != 1 or splits.num_classes > 254:
        raise UserError(
            f"scenes are composed of grey images of at most 254 classes, and these have shape "
            f"{splits.image_shape} and {splits.num_classes} classes; use scenes:digits"
        )
    parts = {"train": splits.train, "val": splits.val, "test": splits.test}
    scenes = {
        name: Scenes(part, name, seed, size) for name, part in parts.items() if part is not None
    }
    return Stored(
        train=scenes["train"],
        val=scenes.get("val"),
        test=scenes["test"],
        class_names=("background", *splits.class_names),
        identity={"scenes": FORMAT, "of": splits.fingerprint, "seed": seed, "size": size},
        pixels=True,
    )


def ground(draws: Draws, size: int) -> np.ndarray:
    """Return an uneven grey, float (size, size): a ramp and a few soft spots."""
    axis = (np.arange(size) + 0.5) / size
    turn = draws.uniform(0, 2 * math.pi)
    across = math.cos(turn) * axis[None, :] + math.sin(turn) * axis[:, None]
    grey = draws.uniform(0.25, 0.75) + draws.uniform(0, 0.25) * (across - across.mean())
    for _ in range(3):
        y, x, width = (draws.uniform(0, 1), draws.uniform(0, 1), draws.uniform(0.1, 0.4))
        apart = (axis[:, None] - y) ** 2 + (axis[None, :] - x) ** 2
        grey = grey + draws.uniform(-0.15, 0.15) * np.exp(-apart / (2 * width**2))
    return grey


def with_strokes(draws: Draws, image: np.ndarray) -> np.ndarray:
    """Return the image with lines and arcs on it, which belong to the background."""
    size = len(image)
    for _ in range(draws.integer(*STROKES)):
        canvas = Image.new("L", (size, size))
        pen, width = ImageDraw.Draw(canvas), draws.integer(1, max(1, size // 20))
        x, y, length = draws.uniform(0, size), draws.uniform(0, size), draws.uniform(0.1, 0.4)
        turn = draws.uniform(0, 360)
        if draws.integer(0, 1):
            angle = math.radians(turn)
            end = (x + length * size * math.cos(angle), y + length * size * math.sin(angle))
            pen.line([(x, y), end], 255, width)
        else:
            box = [(x, y), (x + length * size, y + length * size)]
            pen.arc(box, turn, turn + draws.uniform(40, 160), 255, width)
        image = painted(draws, image, np.asarray(canvas) / 255)
    return image


def turned(draws: Draws, glyph: np.ndarray, size: int) -> np.ndarray:
    """Return the ink of a digit in [0, 1], turned and moved to a random place, (size, size)."""
    glyph = np.pad(glyph, 1)  # so that ink at the rim fades
    scale = draws.uniform(*HEIGHT) * size / (len(glyph) - 2)
    angle, slant = math.radians(draws.uniform(-ANGLE, ANGLE)), draws.uniform(-SHEAR, SHEAR)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    inverse = np.array([[1, slant], [0, 1]]) @ turn / scale
    place = np.array([draws.uniform(0.12, 0.88) * size for _ in range(2)])
    shift = np.array(glyph.shape[::-1]) / 2 - inverse @ place  # its middle comes to the place
    matrix = np.column_stack([inverse, shift]).ravel().tolist()
    picture = Image.fromarray(glyph)
    moved = picture.transform(
        (size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC
    )
    # Grey strokes of thin digits are ink too.
    return (np.asarray(moved) / 255 * 1.2).clip(0, 1)


def painted(draws: Draws, image: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Return the image with ink on it that is lighter or darker than what it covers."""
    if not ink.any():
        return image
    under = float((image * ink).sum() / ink.sum())
    room = {1: 1 - under, -1: under}
    sign = 1 if draws.uniform(0, 1) < room[1] else -1
    level = under + sign * min(draws.uniform(*CONTRAST), room[sign])
    return image + ink * (level - image)
