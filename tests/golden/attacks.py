"""The network, images and attacks of the comparison with Foolbox."""

from pathlib import Path

import jax
import numpy as np

FILE = Path(__file__).with_name("attacks.npz")
SHAPE, WIDTHS, CLASSES = (4, 8, 7, 3), (5, 4), 4
LABELS, TARGETS = np.array([0, 1, 2, 3]), np.array([1, 2, 3, 0])

ATTACKS = {
    "fgsm": ("LinfFastGradientAttack", 0.1, {}),
    "iterative": ("LinfBasicIterativeAttack", 0.1, {"rel_stepsize": 0.2, "steps": 10}),
    "linf": ("LinfPGD", 0.2, {"abs_stepsize": 0.03, "steps": 12}),
    "l2": ("L2PGD", 1.5, {"abs_stepsize": 0.2, "steps": 12}),
}
"""Foolbox's class, eps and options, by name."""


def weights() -> dict[str, np.ndarray]:
    """Return the weights of two convolutions and a linear layer."""
    random, sizes = np.random.default_rng(8), (SHAPE[-1], *WIDTHS)
    kernels = {
        f"conv{i + 1}": random.normal(0, 0.4, (3, 3, *sizes[i : i + 2])).astype(np.float32)
        for i in range(2)
    }
    return {**kernels, "head": random.normal(0, 1, (WIDTHS[-1], CLASSES)).astype(np.float32)}


def images() -> np.ndarray:
    """Return images in [0, 1], some of whose values are at the ends."""
    values = np.random.default_rng(9).normal(0.5, 0.4, SHAPE)
    return np.clip(values, 0, 1).astype(np.float32)


def logits(flat: dict[str, np.ndarray]):
    """Return the network as a function; softplus, for steps by sign do not bear ties."""

    def apply(x):
        for name in ("conv1", "conv2"):
            numbers = ("NHWC", "HWIO", "NHWC")
            x = jax.nn.softplus(
                jax.lax.conv_general_dilated(
                    x, flat[name], (1, 1), "SAME", dimension_numbers=numbers
                )
            )
        return x.mean((1, 2)) @ flat["head"]

    return apply
