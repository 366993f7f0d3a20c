"""What is asked of the network: a class, or one class rather than another."""

import contextlib
import re
from typing import Any, NamedTuple

import numpy as np

from jaxcnn.taps import Difference, Logit, Probability
from jaxcnn.weights.classes import class_indices

SCORES = {"logit": Logit, "probability": Probability}


class Question(NamedTuple):
    """A target for one image, in numbers and in words.

    >>> Question(Logit, 3, None, ("a", "b", "c", "d")).words
    'd'
    """

    score: type
    first: int
    second: int | None
    categories: tuple[str, ...]

    @property
    def words(self) -> str:
        """The class, or both."""
        name = self.categories[self.first]
        return name if self.second is None else f"{name} rather than {self.categories[self.second]}"

    @property
    def target(self) -> Any:
        """The target of the library."""
        # Arrays, not ints: another class is then no other program.
        sides = [self.score(np.array([i])) for i in (self.first, self.second) if i is not None]
        return sides[0] if len(sides) == 1 else Difference(*sides)


class Asked(NamedTuple):
    """A target as the command line has it: each side a class, or a rank among the guesses."""

    score: type
    sides: tuple[int | str, ...]
    categories: tuple[str, ...]

    def of(self, logits: np.ndarray) -> Question:
        """Return the question for an image with these logits (classes,)."""
        order = np.argsort(-logits, kind="stable")
        sides = [int(order[int(s[3:]) - 1]) if isinstance(s, str) else s for s in self.sides]
        return Question(self.score, sides[0], sides[1] if sides[1:] else None, self.categories)


def asked(text: str, score: str, categories: tuple[str, ...]) -> Asked:
    """Return the target that a text means.

    Args:
        text: `top1` (`top2`, ...), a class (index, name or WordNet id), or two of these joined by
            a hyphen: the first rather than the second.
        score: `logit` or `probability`.
        categories: Names of the classes.

    Raises:
        ValueError: If a class is unknown.

    >>> asked("top1-cat", "logit", ("cat", "dog")).sides
    ('top1', 0)
    """
    # Names have hyphens too: the whole first, then each place where the text may part.
    parts = [(text,)]
    parts += [(text[: m.start()], text[m.end() :]) for m in re.finditer("-", text)]
    for words in parts:
        with contextlib.suppress(ValueError):
            return Asked(SCORES[score], tuple(side(w, categories) for w in words), categories)
    likely = parts[1] if len(parts) == 2 else parts[0]
    for word in likely:
        try:
            side(word, categories)
        except ValueError as error:
            raise ValueError(
                f"--target {text}: {error}; or use top1, or FIRST-SECOND for a difference"
            ) from None
    raise AssertionError(text)


def side(word: str, categories: tuple[str, ...]) -> int | str:
    """Return a class, or `topK` as it is."""
    word = word.strip()
    rank = re.fullmatch(r"top([1-9]\d{0,6})", word)
    if rank and int(rank[1]) <= len(categories):
        return word
    return class_indices([word], categories)[word]
