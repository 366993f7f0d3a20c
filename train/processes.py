"""Arrays that several processes share: every device of the job holds its part of them."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

Tree = Any


def several() -> bool:
    """Return whether this process is one of several."""
    return jax.process_count() > 1


def place(tree: Tree, sharding: NamedSharding) -> Tree:
    """Put arrays that are the same in every process on all devices."""

    def put(x: Any) -> jax.Array:
        array = np.asarray(x)
        return jax.make_array_from_callback(array.shape, sharding, array.__getitem__)

    return jax.tree.map(put, tree)


def join_rows(tree: Tree, sharding: NamedSharding) -> Tree:
    """Put this process's rows on its devices, as part of the whole batch."""
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, x), tree)


def own_rows(tree: Tree) -> Tree:
    """Return the rows that lie on this process's devices, as numpy arrays."""

    def take(x: jax.Array) -> np.ndarray:
        shards = sorted(x.addressable_shards, key=lambda shard: shard.index[0].start or 0)
        return np.concatenate([np.asarray(shard.data) for shard in shards])

    return jax.tree.map(take, tree)


def to_host(tree: Tree) -> Tree:
    """Return the whole of every array, as numpy; all processes must ask for it."""

    def whole(x: jax.Array) -> jax.Array:
        if x.is_fully_addressable or x.is_fully_replicated:
            return x
        everywhere = NamedSharding(x.sharding.mesh, P())  # type: ignore[attr-defined]
        return jax.jit(lambda x: x, out_shardings=everywhere)(x)

    return jax.device_get(jax.tree.map(whole, tree))


def from_first(tree: Tree, first: bool) -> Tree:
    """Return the first process's numpy arrays, bit for bit, on all."""
    leaves, structure = jax.tree.flatten(tree)
    # As bytes: sums of floats, by which arrays are sent, would lose the sign of a zero.
    data = np.frombuffer(b"".join(np.asarray(leaf).tobytes() for leaf in leaves), np.uint8)
    data = np.asarray(multihost_utils.broadcast_one_to_all(data, is_source=first))
    ends = np.cumsum([leaf.nbytes for leaf in leaves])
    parts = np.split(data, ends[:-1])
    made = [p.view(leaf.dtype).reshape(leaf.shape) for p, leaf in zip(parts, leaves, strict=True)]
    return jax.tree.unflatten(structure, made)


def merged(parts: list[dict[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    """Return the predictions of all processes, in the order of the source, as one part."""
    own = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    counts = multihost_utils.process_allgather(np.asarray(len(own["indices"])))
    rows = {name: _gathered(value, counts) for name, value in own.items()}
    order = np.argsort(rows["indices"], kind="stable")
    return [{name: value[order] for name, value in rows.items()}]


def _gathered(own: np.ndarray, counts: np.ndarray) -> np.ndarray:
    padding = [(0, int(counts.max()) - len(own)), *[(0, 0)] * (own.ndim - 1)]
    found = multihost_utils.process_allgather(np.pad(own, padding))
    return np.concatenate([f[:n] for f, n in zip(found, counts, strict=True)]).astype(own.dtype)


def meet(mesh: Mesh) -> None:
    """Let all devices talk once while all processes are here.

    Gloo connects them at their first collective operation and gives up after 30 seconds, by which
    one process may have compiled a large program later than another.
    """
    jax.block_until_ready(flag_shared(mesh)(False, jax.numpy.zeros(())))


def flag_shared(mesh: Mesh) -> Callable[[bool, jax.Array], jax.Array]:
    """Return `f(flag, after)`: 1 where the flag is set in any process.

    It runs after the step that has put out `after`, since collective operations of two programs
    must not meet.
    """

    @jax.jit
    @jax.shard_map(mesh=mesh, in_specs=(P(mesh.axis_names), P()), out_specs=P(), check_vma=False)
    def highest(flags: jax.Array, after: jax.Array) -> jax.Array:
        return lax.pmax(flags.max() + 0 * after.astype(flags.dtype), mesh.axis_names)

    sharding = NamedSharding(mesh, P(mesh.axis_names))
    devices = len(mesh.local_devices)

    def share(flag: bool, after: jax.Array) -> jax.Array:
        return highest(join_rows(np.full(devices, flag, np.int32), sharding), after)

    return share
