"""Explanations agree with Captum's on one network: references that `make_explain` wrote."""

import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import explain
from jaxcnn.explain import measures
from tests.golden import explain as case
from tests.marks import mostly_slow

pytestmark = pytest.mark.usefixtures("x64")

STORED = dict(np.load(case.FILE))
COVERED = {"baseline": case.BASELINE}
SETS = {"segments": case.parts(), "masks": STORED["sets"], **COVERED}
OPTIONS = {
    "saliency": {"signed": True},
    "gradient_x_input": {},
    "integrated_gradients": {"steps": case.STEPS, **COVERED},
    "guided_backprop": {},
    "deconvnet": {},
    "occlusion": {"window": case.WINDOW, "stride": case.STRIDE, **COVERED},
    "feature_ablation": {"segments": case.parts(), **COVERED},
    "grad_cam": {"at": "relu2", "upsample": False},
    "guided_grad_cam": {"at": "conv2"},
    "smooth_grad": {"noise": STORED["noise"]},
    "var_grad": {"noise": STORED["noise"]},
    "lime": {"width": case.KERNEL_WIDTH, "ridge": case.RIDGE, **SETS},
    "kernel_shap": SETS,
}


class Relu(nn.Module):
    """A ReLU with a name."""

    def __call__(self, x):
        return nn.relu(x)


class Network(nn.Module):
    """The network of `case`."""

    @nn.compact
    def __call__(self, x):
        x = Relu(name="relu1")(nn.Conv(case.WIDTHS[0], (3, 3), name="conv1")(x))
        x = nn.Conv(case.WIDTHS[1], (3, 3), name="conv2")(nn.max_pool(x, (2, 2), (2, 2)))
        return nn.Dense(4, name="head")(Relu(name="relu2")(x).mean((1, 2)))


def network():
    flat = case.weights()
    layers = ("conv1", "conv2", "head")
    params = {name: {"kernel": flat[name], "bias": flat[f"{name}_bias"]} for name in layers}
    return Network(), {"params": params}, case.images(), case.CLASSES


def error(found, expected):
    """Return the largest difference, relative to the largest value."""
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()


QUICK = ("integrated_gradients", "deconvnet", "occlusion", "grad_cam", "smooth_grad", "lime")


@pytest.mark.parametrize("name", mostly_slow(OPTIONS, QUICK))
def test_a_method_is_captums(name):
    expected = STORED[name]
    if name == "saliency":
        expected, found = np.abs(expected), np.abs(explain.saliency(*network(), signed=True))
    else:
        found = getattr(explain, name)(*network(), **OPTIONS[name])
    if found.ndim == 3:  # Captum repeats what is the same for all channels
        assert np.ptp(expected, -1).max() < 1e-12
        expected = expected[..., 0]
    assert error(found, expected) < 1e-6


@pytest.mark.slow
def test_measures_are_captums():
    given, changes = network(), STORED["changes"]
    maps = explain.saliency(*given, signed=True)
    for name, scaled in {"infidelity": False, "infidelity_scaled": True}.items():
        found = measures.infidelity(*given, maps, noise=changes, scaled=scaled)
        assert error(found, STORED[name]) < 1e-9
    found = measures.max_sensitivity(explain.saliency, *given, radius=changes, signed=True)
    assert error(found, STORED["max_sensitivity"]) < 1e-9
