"""Attacks find what those of Foolbox find on a JAX network: references of `make_attacks`."""

import numpy as np
import pytest
from flax import linen as nn

from jaxcnn.synthesis import fgsm, pgd
from tests.golden import attacks as case
from tests.marks import mostly_slow

STORED = dict(np.load(case.FILE))


class Network(nn.Module):
    """The network of `case`."""

    @nn.compact
    def __call__(self, x):
        for width in case.WIDTHS:
            x = nn.softplus(nn.Conv(width, (3, 3), use_bias=False)(x))
        return nn.Dense(case.CLASSES, use_bias=False, name="head")(x.mean((1, 2)))


@pytest.fixture(scope="module")
def network():
    flat = case.weights()
    names = {"Conv_0": "conv1", "Conv_1": "conv2", "head": "head"}
    return Network(), {"params": {ours: {"kernel": flat[name]} for ours, name in names.items()}}


@pytest.mark.parametrize("name", mostly_slow(sorted(STORED.keys() - {"versions"}), ("fgsm_away",)))
def test_the_same_images_are_found(network, name):
    attack, aim = name.split("_")
    _, eps, options = case.ATTACKS[attack]
    targeted = aim == "to"
    classes = case.TARGETS if targeted else case.LABELS
    given = (*network, case.images(), classes)
    if attack == "fgsm":
        found = fgsm(*given, eps=eps, targeted=targeted)
    else:
        size = options.get("abs_stepsize") or options["rel_stepsize"] * eps
        found = pgd(
            *given, eps=eps, steps=options["steps"], step_size=size, targeted=targeted,
            norm="l2" if attack == "l2" else "linf", random_start=False,
        )  # fmt: skip
    np.testing.assert_allclose(found.images, STORED[name], atol=2e-5)
    assert np.abs(STORED[name] - case.images()).max() > 0.05
