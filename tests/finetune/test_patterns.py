"""Patterns of paths, and labels by them."""

import optax
import pytest

from jaxcnn.finetune import freeze, label_params
from jaxcnn.finetune.patterns import chosen, matches

PATHS = [
    "stem/conv/kernel",
    "stem/norm/scale",
    "stage1/block1/norm1/bias",
    "stage2/block1/conv1/kernel",
    "stage2/block10/conv1/kernel",
    "norm/scale",
    "head/kernel",
]

TABLE = [
    ("stem", [0, 1]),
    ("stem/**", [0, 1]),
    ("stem/*", [0, 1]),
    ("stage*/block1/**", [2, 3]),
    ("stage*/block1", [2, 3]),
    ("stage[2-9]", [3, 4]),
    ("stage2/block??", [4]),
    ("**/norm*/**", [1, 2, 5]),
    ("**/kernel", [0, 3, 4, 6]),
    ("*", range(7)),
    ("**", range(7)),
    ("stag", []),
    ("stem/c", []),
    ("kernel", []),
]


@pytest.mark.parametrize(("pattern", "covered"), TABLE)
def test_a_pattern_covers(pattern, covered):
    assert [i for i, path in enumerate(PATHS) if matches(pattern, path)] == list(covered)


def test_later_patterns_overrule_earlier_ones():
    assert chosen("f", ["**", "!stage*", "!head", "stage1"], PATHS) == {
        *PATHS[:3],
        "norm/scale",
    }


@pytest.mark.parametrize(
    ("pattern", "near"),
    [("stme/**", "stem"), ("!haed", "head"), ("stage1/blok1", "stage1/block1"), ("xyz", "norm")],
)
def test_a_pattern_that_covers_nothing_names_the_nearest(pattern, near):
    with pytest.raises(ValueError, match=f"pattern='{pattern[:3]}.*covers no parameter.*{near}"):
        chosen("freeze", ["**", pattern], PATHS)


def test_all_wrong_patterns_are_reported_at_once():
    with pytest.raises(ValueError, match=r"2 problems(.|\n)*stme(.|\n)*haed"):
        chosen("freeze", ["stme", "haed"], PATHS)


PARAMS = {"stem": {"kernel": 0, "bias": 0}, "head": {"kernel": 0, "bias": 0}}


def test_the_first_rule_decides():
    labels = label_params(PARAMS, {"**/bias": "bias", "head": "head", "**": "rest"})
    assert labels["head"] == {"kernel": "head", "bias": "bias"}
    assert labels["stem"] == {"kernel": "rest", "bias": "bias"}


@pytest.mark.parametrize(
    ("rules", "default", "message"),
    [
        ({"head": "a"}, None, "2 have no label: stem/bias, stem/kernel"),
        ({"**": "a", "head": "b"}, None, "'head': covers only what earlier"),
        ({"haed": "b"}, "a", "nearest: head"),
    ],
)
def test_rules_that_cannot_be_meant(rules, default, message):
    with pytest.raises(ValueError, match=message):
        label_params(PARAMS, rules, default)


def test_nothing_left_to_train_is_refused():
    with pytest.raises(ValueError, match="leave no parameter"):
        freeze(optax.sgd(0.1), ["stem", "head"]).init(PARAMS)
