"""Whole networks equal torchvision's: logits, and for one a family the training step."""

import pytest

from tests.golden import zoo
from tests.models import zoo_parity

QUICK = ("resnet18", "squeezenet1_1")
"""Compared by plain tests; `--slow` adds the other trained ones, the proof `zoo` all."""


def chosen(names):
    return [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in names]


@pytest.mark.parametrize("name", chosen(set(zoo.TRAINED) & set(zoo_parity.shared())))
def test_the_network_equals_torchvision(name):
    found = zoo_parity.compare(name)
    assert found.pop("logits") <= 1e-8
    assert all(value <= 1e-8 for value in found.values()), found
    assert "grads" in found


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(zoo.SINGLE) & set(zoo_parity.shared())))
def test_single_precision_is_near(name):
    assert zoo_parity.single(name) <= 1e-4
