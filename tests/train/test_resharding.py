"""A checkpoint written on any number of devices is the same, bit for bit, on any other."""

import jax
import numpy as np
import pytest
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from tests.train.checkpoints import make_state, open_in
from train.parallel import AXIS, make_mesh, place_like, replicate

COUNTS = (1, 2, 4, 8)


def spread(count: int, step: int):
    """A state with copies of some arrays on every device, and others divided among them."""
    mesh = make_mesh(count)
    state = replicate(make_state(step, 16), mesh)
    divided = jax.device_put(state.params["w"], NamedSharding(mesh, P(AXIS)))
    return state.replace(opt_state={"moments": divided})


@pytest.fixture(scope="module", params=COUNTS)
def saved(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    state = spread(request.param, 5)
    with open_in(folder) as checkpoints:
        checkpoints.save(state, {}, wait=True)
    return folder, jax.device_get(state)


@pytest.mark.parametrize("count", COUNTS)
def test_all_sixteen_pairs(saved, count):
    folder, wanted = saved
    like = spread(count, 0)
    with open_in(folder) as checkpoints:
        found = checkpoints.restore(like)
    assert found is not None
    state = place_like(found[0], like)
    assert jax.tree.map(lambda x: x.sharding, state) == jax.tree.map(lambda x: x.sharding, like)
    assert state.opt_state["moments"].addressable_shards[0].data.shape == (16 // count,)
    for leaf, other in zip(jax.tree.leaves(state), jax.tree.leaves(wanted), strict=True):
        for shard in leaf.addressable_shards:
            assert np.asarray(shard.data).tobytes() == other[shard.index].tobytes()
