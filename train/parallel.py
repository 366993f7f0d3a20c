"""Devices, and nowhere else: how a per-device step becomes one program over all of them."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from train import processes
from train.errors import UserError

AXIS = "batch"
"""Name of the mapped axis, for collectives inside a step."""

Kind = Literal["shard_map", "pmap"]
Tree = Any
NormGroup = dict[str, Any]
"""`axis_name` and `axis_index_groups` of a batch norm."""


def make_mesh(count: int = 0, kind: Kind = "shard_map") -> Mesh:
    """Return a mesh of the first `count` devices along the axis `batch`; 0 takes all."""
    available = jax.devices()
    if not 0 <= count <= len(available):
        raise UserError(
            f"devices.count is {count}, but {len(available)} device(s) are visible: "
            f"choose 0 (all) to {len(available)}"
        )
    if processes.several() and count not in (0, len(available)):
        raise UserError(f"devices.count is {count}; several processes use all their devices: 0")
    if processes.several() and kind == "pmap":
        raise UserError("devices.map is pmap, which is for one process; choose shard_map")
    # In JAX's order, process by process: the rows of a batch are dealt out to processes in it.
    chosen = np.array(available[: count or len(available)])
    return Mesh(chosen, (AXIS,), axis_types=(AxisType.Auto,))


def replicate(tree: Tree, mesh: Mesh) -> Tree:
    """Put a full copy of the tree on every device."""
    everywhere = NamedSharding(mesh, P())
    if processes.several():
        return processes.place(tree, everywhere)
    return jax.device_put(tree, everywhere)


def place_like(tree: Tree, like: Tree) -> Tree:
    """Put arrays of the host on the devices as those of `like` are, however many there are."""

    def place(array: np.ndarray, other: jax.Array) -> jax.Array:
        return jax.make_array_from_callback(array.shape, other.sharding, array.__getitem__)

    return jax.tree.map(place, tree, like)


def shard(batch: Tree, mesh: Mesh, kind: Kind) -> Tree:
    """Divide the leading axis of every array of the batch among the devices of this process."""
    if processes.several():
        return processes.join_rows(batch, NamedSharding(mesh, P(AXIS)))
    if kind == "pmap":
        return jax.tree.map(lambda x: np.reshape(x, (mesh.size, -1, *np.shape(x)[1:])), batch)
    return jax.device_put(batch, NamedSharding(mesh, P(AXIS)))


def norm_group(kind: str, devices: int) -> NormGroup:
    """Return the fields of a norm that say over which devices it takes its statistics.

    >>> norm_group("group:2", 4)
    {'axis_name': 'batch', 'axis_index_groups': ((0, 1), (2, 3))}
    """
    size = {"sync": devices, "local": 1}.get(kind) or int(kind.removeprefix("group:"))
    if devices % size:
        raise UserError(
            f"--devices.batch_norm {kind}: {devices} device(s) cannot be parted into groups of "
            f"{size}; choose a divisor, or sync"
        )
    if kind == "local":
        return {"axis_name": None, "axis_index_groups": None}
    groups = tuple(tuple(range(i, i + size)) for i in range(0, devices, size))
    return {"axis_name": AXIS, "axis_index_groups": groups if len(groups) > 1 else None}


def spread_train(
    step: Callable, mesh: Mesh, kind: Kind, *, constants: int = 0, deterministic: bool = False
) -> Callable:
    """Map `step(state, batch, *constants) -> (state, metrics)` over the devices.

    The state is donated; it, the constants and the metrics are the same on every device. With
    `check_vma=True` JAX would add a psum of its own to the gradients of replicated parameters
    and count them once a device.
    """
    if kind == "pmap":
        return jax.pmap(
            step,
            axis_name=AXIS,
            in_axes=(None, 0) + (None,) * constants,
            out_axes=(None, None),
            devices=list(mesh.devices.flat),
            donate_argnums=0,
        )
    specs = (P(), P(AXIS)) + (P(),) * constants
    mapped = jax.shard_map(step, mesh=mesh, in_specs=specs, out_specs=(P(), P()), check_vma=False)
    return jax.jit(mapped, donate_argnums=0, compiler_options=options(deterministic))


def spread_sharded(
    gradients: Callable,
    update: Callable,
    mesh: Mesh,
    *,
    constants: int = 0,
    deterministic: bool = False,
) -> Callable:
    """Map a step whose optimizer state lies in parts, one on each device (ZeRO, stage 1).

    The gradients are those of every device as before; each then computes its part of the
    update, and the compiler gathers the parameters again.

    Args:
        gradients: `(state, batch, *constants) -> found`, for one device's share of the batch.
        update: `(state, *found) -> (state, metrics)`, for whole arrays.
        mesh: The devices.
        constants: Number of further arguments of `gradients`.
        deterministic: Whether the program is one whatever runs beside it.
    """
    specs = (P(), P(AXIS)) + (P(),) * constants
    mapped = jax.shard_map(gradients, mesh=mesh, in_specs=specs, out_specs=P(), check_vma=False)

    def step(state: Any, batch: Tree, *constants: Tree) -> Any:
        new, metrics = update(state, *mapped(state.replace(opt_state=()), batch, *constants))
        places = jax.tree.map(lambda x: NamedSharding(mesh, part(x, mesh.size)), new.opt_state)
        kept = jax.lax.with_sharding_constraint(new.opt_state, places)
        whole = jax.lax.with_sharding_constraint(
            new.replace(opt_state=()), NamedSharding(mesh, P())
        )
        return whole.replace(opt_state=kept), metrics

    return jax.jit(step, donate_argnums=0, compiler_options=options(deterministic))


def place_state(state: Any, mesh: Mesh, sharded: bool) -> Any:
    """Put the state on every device, its optimizer's part in parts where it is to be sharded."""
    whole = replicate(state.replace(opt_state=()) if sharded else state, mesh)
    if not sharded:
        return whole
    places = jax.tree.map(lambda x: NamedSharding(mesh, part(x, mesh.size)), state.opt_state)
    put = processes.place if processes.several() else jax.device_put
    return whole.replace(opt_state=jax.tree.map(put, state.opt_state, places))


def part(array: Any, devices: int) -> P:
    """Return how an array is divided: along its longest axis that devices divide, or not at all.

    >>> tuple(part(np.zeros((3, 3, 16, 32)), 8)), tuple(part(np.zeros(5), 8))
    ((None, None, None, 'batch'), ())
    """
    shape = np.shape(array)
    even = [axis for axis, size in enumerate(shape) if size % devices == 0 and size > 0]
    if not even:
        return P()
    longest = max(even, key=lambda axis: (shape[axis], axis))
    return P(*(AXIS if axis == longest else None for axis in range(longest + 1)))


def options(deterministic: bool) -> dict[str, Any] | None:
    """Return the compiler's options: a deterministic program is one whatever runs beside it."""
    return {"xla_gpu_deterministic_ops": True} if deterministic else None


def spread_eval(
    predict: Callable, mesh: Mesh, kind: Kind, *, deterministic: bool = False
) -> Callable:
    """Map `predict(variables, batch) -> arrays per example` over the devices.

    A process of several gets the rows of its own batch.
    """
    if kind == "pmap":
        mapped = jax.pmap(
            predict, axis_name=AXIS, in_axes=(None, 0), devices=list(mesh.devices.flat)
        )
        return lambda variables, batch: jax.tree.map(
            lambda x: x.reshape(-1, *x.shape[2:]), mapped(variables, batch)
        )
    program = jax.jit(
        jax.shard_map(
            predict, mesh=mesh, in_specs=(P(), P(AXIS)), out_specs=P(AXIS), check_vma=False
        ),
        compiler_options=options(deterministic),
    )
    if processes.several():
        return lambda variables, batch: processes.own_rows(program(variables, batch))
    return program
