"""Muon for convolutional networks: which kernels are matrices, and how."""

import math
from typing import Any

import jax
import optax
from optax import contrib

RMS = 0.2
"""Spread of AdamW's steps (Liu et al. 2025, section 2.2): one learning rate serves both."""


def scale_by_muon(
    others: optax.GradientTransformation, *, beta: float, nesterov: bool
) -> optax.GradientTransformation:
    """Orthogonalise the momentum of every matrix, and leave the other parameters to `others`.

    A convolution's kernel is the matrix (window x inputs, outputs), whose columns are the
    filters. Jordan et al. 2024, "Muon"; Jordan 2024, "94% on CIFAR-10 in 3.29 seconds".

    Args:
        others: What becomes of parameters that are no matrices.
        beta: Decay of the momentum.
        nesterov: Whether to look ahead by one momentum step.
    """
    muon = optax.chain(
        contrib.scale_by_muon(beta=beta, nesterov=nesterov, weight_dimension_numbers=matrices),
        optax.stateless_with_tree_map(lambda update, _: spread(update) * update),
    )
    return optax.partition({"muon": muon, "others": others}, kinds)


def spread(matrix: Any) -> float:
    """Return the factor that gives an orthogonal matrix of this shape AdamW's spread."""
    return RMS * math.sqrt(max(matrix.size // matrix.shape[-1], matrix.shape[-1]))


def kinds(params: Any) -> Any:
    """Say for each parameter who moves it."""

    def kind(path: tuple[Any, ...], p: Any) -> str:
        names = [getattr(key, "key", "") for key in path]
        # Kernels one channel deep are depthwise, or read grey images: no filters to tell apart.
        matrix = p.ndim >= 2 and p.shape[-2] > 1 and "head" not in names
        return "muon" if matrix else "others"

    return jax.tree_util.tree_map_with_path(kind, params)


def matrices(params: Any) -> Any:
    """Say for each kernel which axes are a matrix's rows, and which its columns."""
    return jax.tree.map(
        lambda p: contrib.MuonDimensionNumbers(tuple(range(p.ndim - 1)), p.ndim - 1), params
    )
