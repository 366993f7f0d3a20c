"""Whole networks equal torchvision's: logits, and for one a family the training step."""

import pytest

from benchmarks.proofs.zoo import LIMITS
from tests.golden import zoo
from tests.marks import mostly_slow
from tests.models import zoo_parity

QUICK = ("squeezenet1_1",)
"""Compared by plain tests."""
LONG = ("inception_v3", "resnext50_32x4d", "efficientnet_v2_s", "mnasnet0_5", "regnet_y_400mf")
"""Compared by the proof `zoo` alone, as all that are not trained there; `--slow` takes the rest."""


def chosen(names):
    return mostly_slow([name for name in names if name not in LONG], QUICK)


@pytest.mark.parametrize("name", chosen(zoo.TRAINED))
def test_the_network_equals_torchvision(name):
    found = zoo_parity.compare(name)
    assert ("single" in found) == (name in zoo.SINGLE)
    assert found.keys() >= {"logits", "grads"}
    assert all(value <= LIMITS[what] for what, value in found.items()), found
