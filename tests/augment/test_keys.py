import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from jaxcnn.augment import example_keys, horizontal_flip, pad_crop, stream

KEY = jax.random.key(3)


def augmented(key, step, indices, images):
    keys = example_keys(key, step, indices)
    return horizontal_flip(keys, pad_crop(keys, images, 2))


@pytest.fixture
def images():
    return np.random.default_rng(1).integers(0, 256, (16, 6, 5, 3), dtype=np.uint8)


def test_a_key_is_two_folds():
    keys = example_keys(KEY, 5, jnp.array([9, 2]))
    expected = jax.random.fold_in(jax.random.fold_in(KEY, 5), 9)
    assert keys[0] == expected


def test_seed_step_and_index_each_change_the_draw():
    @jax.jit
    def draws(seed, step):
        return jax.vmap(jax.random.bits)(example_keys(jax.random.key(seed), step, jnp.arange(3)))

    drawn = {int(bits) for seed in range(3) for step in range(3) for bits in draws(seed, step)}
    assert len(drawn) == 27


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_eight_shards_draw_what_one_device_draws(images, impl):
    key = jax.random.key(0, impl=impl)
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))

    def shard(images):
        share = images.shape[0]
        indices = jax.lax.axis_index("data") * share + jnp.arange(share)
        return augmented(key, 11, indices, images)

    split = jax.jit(jax.shard_map(shard, mesh=mesh, in_specs=P("data"), out_specs=P("data")))
    whole = jax.jit(augmented)(key, 11, jnp.arange(16), images)
    np.testing.assert_array_equal(split(images), whole)


def test_order_of_the_batch_does_not_matter(images):
    order = np.random.default_rng(0).permutation(16)
    compiled = jax.jit(augmented)
    whole = compiled(KEY, 2, jnp.arange(16), images)
    np.testing.assert_array_equal(compiled(KEY, 2, jnp.array(order), images[order]), whole[order])


def test_streams_of_two_names_are_independent():
    keys = example_keys(KEY, 0, jnp.arange(4000))
    normals = jax.jit(
        lambda keys, name: jax.vmap(jax.random.normal)(stream(keys, name)), static_argnums=1
    )
    first, second = (normals(keys, name) for name in ("one", "two"))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.06
    assert (stream(keys, "one") == stream(keys, "one")).all()


@pytest.mark.parametrize(
    ("key", "step", "indices", "error", "text"),
    [
        (jnp.zeros(2, jnp.uint32), 0, jnp.arange(2), TypeError, "key=.*must be typed random keys"),
        (0, 0, jnp.arange(2), TypeError, "key=.*must be typed random keys"),
        (KEY, 0, jnp.zeros(2), TypeError, "indices=.*must be integers"),
        (KEY, 0, jnp.zeros((2, 1), int), ValueError, r"indices=.*\(2, 1\).*must be a vector"),
        (jax.random.split(KEY), 0, jnp.arange(2), ValueError, r"key=.*must have shape \(\)"),
        (KEY, jnp.arange(2), jnp.arange(2), ValueError, "step=.*must be a scalar"),
    ],
)
def test_bad_input(key, step, indices, error, text):
    with pytest.raises(error, match=text):
        example_keys(key, step, indices)
