"""Devices, and nowhere else: how a per-device step becomes one program over all of them."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from train.errors import UserError

AXIS = "batch"
"""Name of the mapped axis, for collectives inside a step."""

Kind = Literal["shard_map", "pmap"]
Tree = Any


def make_mesh(count: int = 0) -> Mesh:
    """Return a mesh of the first `count` devices along the axis `batch`; 0 takes all."""
    available = jax.devices()
    if not 0 <= count <= len(available):
        raise UserError(
            f"devices.count is {count}, but {len(available)} device(s) are visible: "
            f"choose 0 (all) to {len(available)}"
        )
    chosen = available[: count or len(available)]
    return jax.make_mesh((len(chosen),), (AXIS,), devices=chosen, axis_types=(AxisType.Auto,))


def replicate(tree: Tree, mesh: Mesh) -> Tree:
    """Put a full copy of the tree on every device."""
    return jax.device_put(tree, NamedSharding(mesh, P()))


def shard(batch: Tree, mesh: Mesh, kind: Kind) -> Tree:
    """Divide the leading axis of every array of the batch among the devices."""
    if kind == "pmap":
        return jax.tree.map(lambda x: np.reshape(x, (mesh.size, -1, *np.shape(x)[1:])), batch)
    return jax.device_put(batch, NamedSharding(mesh, P(AXIS)))


def spread_train(step: Callable, mesh: Mesh, kind: Kind) -> Callable:
    """Map `step(state, batch) -> (state, metrics)` over the devices, donating the state.

    State and metrics are the same on every device. With `check_vma=True` JAX would add a
    psum of its own to the gradients of replicated parameters and count them once a device.
    """
    if kind == "pmap":
        return jax.pmap(
            step,
            axis_name=AXIS,
            in_axes=(None, 0),
            out_axes=(None, None),
            devices=list(mesh.devices.flat),
            donate_argnums=0,
        )
    mapped = jax.shard_map(
        step, mesh=mesh, in_specs=(P(), P(AXIS)), out_specs=(P(), P()), check_vma=False
    )
    return jax.jit(mapped, donate_argnums=0)


def spread_eval(predict: Callable, mesh: Mesh, kind: Kind) -> Callable:
    """Map `predict(variables, batch) -> arrays per example` over the devices."""
    if kind == "pmap":
        mapped = jax.pmap(
            predict, axis_name=AXIS, in_axes=(None, 0), devices=list(mesh.devices.flat)
        )
        return lambda variables, batch: jax.tree.map(
            lambda x: x.reshape(-1, *x.shape[2:]), mapped(variables, batch)
        )
    return jax.jit(
        jax.shard_map(
            predict, mesh=mesh, in_specs=(P(), P(AXIS)), out_specs=P(AXIS), check_vma=False
        )
    )
