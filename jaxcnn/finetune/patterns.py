"""Patterns of paths: which parameters and statistics a person means.

stem                     the module and all within it, as stem/**
stage[34]/block*         `*`, `?` and `[...]` stay within one name
**/norm*/**              `**` goes through any number of levels, also none
!head                    takes back what an earlier pattern has chosen
"""

import difflib
import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any

import jax

from jaxcnn.checks import Report

Patterns = str | Sequence[str]
"""One pattern, or several of which later ones overrule earlier ones."""

WILD = {"**/": "(?:.*/)?", "/**": "/.+", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def path_of(keys: Any) -> str:
    """Return the path of a leaf as JAX's tree functions give it, `stem/conv/kernel`."""
    return jax.tree_util.keystr(keys, simple=True, separator="/")


def paths_of(tree: Any) -> list[str]:
    """Return the paths of all leaves of a tree.

    >>> paths_of({"stem": {"kernel": 0, "bias": 1}})
    ['stem/bias', 'stem/kernel']
    """
    return [path_of(keys) for keys, _ in jax.tree_util.tree_leaves_with_path(tree)]


def paths_of_variables(variables: Any) -> list[str]:
    """Return the paths of parameters and statistics, without their collections."""
    collections = (variables.get(name, {}) for name in ("params", "batch_stats"))
    return [path for tree in collections for path in paths_of(tree)]


def as_patterns(patterns: Patterns) -> tuple[str, ...]:
    """Return one or several patterns as a tuple."""
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)


@functools.cache
def regex(pattern: str) -> re.Pattern[str]:
    """Return the regular expression of a pattern, which also covers what lies within."""
    parts = re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?|\[[^]]*\])", pattern)
    fixed = [part if part.startswith("[") else WILD.get(part) or re.escape(part) for part in parts]
    return re.compile("".join(fixed) + "(?:/.*)?")


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern covers a path.

    >>> [matches("stage?/norm", p) for p in ("stage1/norm/scale", "stage1/conv/kernel")]
    [True, False]
    >>> [matches("**/norm*/**", p) for p in ("stem/norm1/scale", "norm/bias", "stem/bias")]
    [True, True, False]
    """
    return regex(pattern).fullmatch(path) is not None


def chosen(function: str, patterns: Patterns, paths: Iterable[str]) -> set[str]:
    """Return the paths that the patterns choose.

    Raises:
      ValueError: If a pattern covers no path at all: the message names the nearest ones.

    >>> sorted(chosen("freeze", ["**", "!head"], ["stem/kernel", "head/bias", "head/kernel"]))
    ['stem/kernel']
    """
    paths, found = list(paths), set()
    report = Report(function)
    for pattern in as_patterns(patterns):
        covered = {path for path in paths if matches(pattern.removeprefix("!"), path)}
        found = found - covered if pattern.startswith("!") else found | covered
        expect_covered(report, pattern, covered, paths)
    report.done()
    return found


def expect_covered(report: Report, pattern: str, covered: set[str], paths: list[str]) -> None:
    """Note a pattern that covers nothing, with the nearest paths."""
    names = sorted({path.rsplit("/", n)[0] for path in paths for n in range(path.count("/") + 1)})
    plain = re.sub(r"^!|/?\*\*/?", "", pattern)
    near = difflib.get_close_matches(plain, names, n=3, cutoff=0.3)
    tops = sorted({path.split("/")[0] for path in paths})
    hint = f"nearest: {', '.join(near)}" if near else f"there are: {', '.join(tops)}"
    report.expect(bool(covered), "pattern", pattern, "covers no parameter", hint)
