"""How our names become those of other libraries: a table of rules, exactly one of which fits."""

import dataclasses
import re
from collections.abc import Mapping

import numpy as np

from jaxcnn.weights.error import WeightsError

LEAVES = {"kernel": "weight", "scale": "weight", "mean": "running_mean", "var": "running_var"}
"""PyTorch's name of a leaf, where it differs from ours."""


@dataclasses.dataclass(frozen=True)
class Rule:
    """How the modules that a pattern fits are called elsewhere, and how they lie in memory.

    Attributes:
      ours: Regular expression that must fit the whole path of a module, `stage(\\d+)/norm(\\d)`.
      theirs: Its name there. `{1}` is the pattern's first group, `{1-1}` that number less one;
        any sum of groups and numbers may stand there.
      flatten: Height and width of the map that a linear layer flattened: theirs is (C, H, W),
        ours (H, W, C).
      flip: Whether a transposed convolution's kernel is mirrored in space.
      leaf: Name there of the only array of the module itself, where `LEAVES` has another.
      trailing: Axes of length 1 that vectors have there at the end, such as ConvNeXt's scales.
    """

    ours: str
    theirs: str
    flatten: tuple[int, int] | None = None
    flip: bool = False
    leaf: str | None = None
    trailing: int = 0

    def name(self, module: str) -> str | None:
        """Return the module's name there, or None where the pattern does not fit.

        >>> Rule(r"stage(\\d+)/block(\\d+)/conv(\\d)", "layer{1}.{2-1}.conv{3}").name(
        ...     "stage1/block3/conv2"
        ... )
        'layer1.2.conv2'
        """
        match = re.fullmatch(self.ours, module)
        if match is None:
            return None
        return re.sub(r"\{([^}]*)\}", lambda field: _value(field[1], match), self.theirs)


@dataclasses.dataclass(frozen=True)
class Table:
    """The rules of one model.

    Attributes:
      rules: Exactly one of them fits each module that holds arrays.
      ignored: Patterns of foreign names that have no counterpart here and are dropped.
      renamed: Patterns of older foreign names, with what they have become.
    """

    rules: tuple[Rule, ...]
    ignored: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()

    def rule(self, module: str) -> tuple[Rule, str]:
        """Return the one rule that fits, with the foreign name of the module.

        >>> Table((Rule("head", "fc"),)).rule("head")[1]
        'fc'
        """
        found = [(rule, name) for rule in self.rules if (name := rule.name(module)) is not None]
        if len(found) != 1:
            fits = ", ".join(repr(rule.ours) for rule, _ in found) or "none"
            raise WeightsError(
                f"names of {module!r}: exactly one rule must fit, found {fits}. "
                "Fix: correct the table of this model's names"
            )
        return found[0]

    def current(self, key: str) -> str:
        """Return what a foreign name, which may be an older one, is called now.

        >>> table = Table((), renamed=((r"(.*norm)\\.(\\d\\..*)", r"\\1\\2"),))
        >>> table.current("layer.norm.1.weight")
        'layer.norm1.weight'
        """
        for pattern, replacement in self.renamed:
            key = re.sub(f"^(?:{pattern})$", replacement, key)
        return key

    def ignores(self, key: str) -> bool:
        """Whether a foreign name is dropped without a word.

        >>> Table((), ignored=(r"aux\\d\\..*",)).ignores("aux1.fc.weight")
        True
        """
        if key.rpartition(".")[2] == "num_batches_tracked":
            return True
        return any(re.fullmatch(pattern, key) for pattern in self.ignored)


def foreign_leaf(table: Table, path: tuple[str, ...]) -> tuple[Rule, str]:
    """Return the rule and the foreign name of one of our arrays.

    >>> foreign_leaf(Table((Rule("head", "fc"),)), ("params", "head", "kernel"))[1]
    'fc.weight'
    """
    _, *modules, leaf = path
    rule, name = table.rule("/".join(modules))
    leaf = rule.leaf or LEAVES.get(leaf, leaf)
    return rule, f"{name}.{leaf}" if name else leaf


def to_foreign(rule: Rule, leaf: str, array: np.ndarray) -> np.ndarray:
    """Return one of our arrays in PyTorch's layout.

    Kernels become (out, in, *window), transposed ones (in, out, *window), matrices (out, in).

    >>> to_foreign(Rule("fc", "fc", flatten=(2, 2)), "kernel", np.zeros((12, 5))).shape
    (5, 12)
    """
    if leaf != "kernel":
        return array.reshape(array.shape + (1,) * rule.trailing)
    if rule.flatten is not None:
        height, width = rule.flatten
        array = array.reshape(height, width, -1, array.shape[-1]).transpose(2, 0, 1, 3)
        array = array.reshape(-1, array.shape[-1])
    window = tuple(range(array.ndim - 2))
    if rule.flip:
        return np.flip(array, window).transpose(-2, -1, *window)
    return array.transpose(-1, -2, *window)


def to_ours(rule: Rule, leaf: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return PyTorch's array in our layout, the inverse of `to_foreign`.

    >>> to_ours(Rule("conv", "conv"), "kernel", np.zeros((8, 3, 5, 7)), (5, 7, 3, 8)).shape
    (5, 7, 3, 8)
    """
    if leaf != "kernel":
        return array.reshape(shape)
    if rule.flip:
        window = tuple(range(2, array.ndim))
        return np.flip(array.transpose(*window, 0, 1), tuple(range(array.ndim - 2)))
    array = array.transpose(*range(2, array.ndim), 1, 0)
    if rule.flatten is not None:
        height, width = rule.flatten
        array = array.reshape(-1, height, width, shape[-1]).transpose(1, 2, 0, 3).reshape(shape)
    return array


def foreign_names(table: Table, arrays: Mapping[tuple[str, ...], object]) -> dict[str, tuple]:
    """Return foreign name -> our path, for all our arrays.

    Raises:
      WeightsError: If two of our arrays have the same foreign name.
    """
    names: dict[str, tuple] = {}
    for path in arrays:
        _, name = foreign_leaf(table, path)
        if name in names:
            raise WeightsError(
                f"{'/'.join(path)} and {'/'.join(names[name])} are both called {name!r} there. "
                "Fix: correct the table of this model's names"
            )
        names[name] = path
    return names


def _value(expression: str, match: re.Match[str]) -> str:
    """Return a group, or the sum of groups and numbers: `1`, `1-1`, `2+4`."""
    if expression.isdigit():
        return match[int(expression)]
    group, sign, number = re.fullmatch(r"(\d+)([+-])(\d+)", expression).groups()  # pyright: ignore
    return str(int(match[int(group)]) + (int(number) if sign == "+" else -int(number)))
