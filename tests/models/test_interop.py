"""A model of the zoo is an ordinary Linen module: it goes wherever JAX and Flax go."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from jax import export

from jaxcnn import create_model

close = {"rtol": 1e-5, "atol": 1e-5}


@pytest.fixture(scope="module")
def made():
    """A small network with batch norm, its variables and a batch of digits' size."""
    model = create_model("convnet", stages=[[8, 1, True]], hidden=[])
    x = jax.random.normal(jax.random.key(1), (8, 8, 8, 1))
    return model, jax.jit(model.init)(jax.random.key(0), x), x


@pytest.mark.slow
def test_a_model_is_a_part_of_an_nnx_program(made):
    model, _, x = made

    class Program(nnx.Module):
        def __init__(self, rngs):
            self.body = nnx.bridge.ToNNX(model, rngs=rngs).lazy_init(x[:1])
            self.last = nnx.Linear(10, 3, rngs=rngs)

        def __call__(self, x, train=False):
            mutable = ["batch_stats"] if train else False
            return self.last(self.body(x, train=train, mutable=mutable))

    program = Program(nnx.Rngs(0))
    before = jax.tree.map(np.array, nnx.state(program, nnx.BatchStat))

    @nnx.jit
    def step(program, x):
        return nnx.grad(lambda program: program(x, train=True).var())(program)

    grads = step(program, x)
    after = nnx.state(program, nnx.BatchStat)
    assert all((a != b).all() for a, b in zip(*map(jax.tree.leaves, (before, after)), strict=True))
    assert all(np.abs(g).sum() > 0 for g in jax.tree.leaves(grads["body"]["head"]))
    assert nnx.jit(lambda program, x: program(x))(program, x).shape == (8, 3)


@pytest.mark.slow
def test_vmap_over_networks_and_images(made):
    model, variables, x = made
    ensemble = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), variables)
    logits = jax.jit(jax.vmap(model.apply, (0, None)))(ensemble, x)
    expected = jax.jit(model.apply)(variables, x)
    np.testing.assert_allclose(logits[0], expected, **close)
    assert not np.allclose(logits[1], expected, **close)
    one = jax.vmap(lambda image: model.apply(variables, image[None])[0])
    np.testing.assert_allclose(jax.jit(one)(x), expected, **close)


def test_export_with_any_number_of_images(made):
    pytest.importorskip("flatbuffers", reason="pip install 'jaxcnn[export]'")
    model, variables, x = made
    (n,) = export.symbolic_shape("n")
    spec = jax.ShapeDtypeStruct((n, 8, 8, 1), x.dtype)
    program = export.export(jax.jit(lambda x: model.apply(variables, x)))(spec)
    loaded = export.deserialize(program.serialize())
    for count in (1, 8):
        expected = model.apply(variables, x[:count])
        np.testing.assert_allclose(loaded.call(x[:count]), expected, **close)


def test_a_checkpointed_forward_pass_has_the_same_gradient(made):
    model, variables, x = made

    def loss(apply, variables):
        return jnp.square(apply(variables, x)).mean()

    plain = jax.jit(jax.grad(partial(loss, model.apply)))(variables)
    again = jax.jit(jax.grad(partial(loss, jax.checkpoint(model.apply))))(variables)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **close), plain, again)


def test_a_plain_loop_learns_digits(made):
    load_digits = pytest.importorskip("sklearn.datasets").load_digits
    images, labels = load_digits(return_X_y=True)
    images, labels = jnp.float32(images.reshape(-1, 8, 8, 1)) / 16, jnp.array(labels)
    model, variables, _ = made
    optimizer = optax.adam(1e-2)

    @jax.jit
    def step(variables, state, x, y):
        def loss(params):
            logits, news = model.apply(
                {**variables, "params": params}, x, True, mutable="batch_stats"
            )
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), news

        grads, news = jax.grad(loss, has_aux=True)(variables["params"])
        updates, state = optimizer.update(grads, state)
        return {"params": optax.apply_updates(variables["params"], updates), **news}, state

    state = optimizer.init(variables["params"])
    for i in range(100):
        batch = slice(i % 10 * 128, i % 10 * 128 + 128)
        variables, state = step(variables, state, images[batch], labels[batch])
    correct = model.apply(variables, images[1280:]).argmax(1) == labels[1280:]
    assert correct.mean() > 0.9


def test_pmap_gives_the_batch_in_pieces(made):
    model, variables, x = made
    pieces = jax.pmap(model.apply, in_axes=(None, 0))(variables, x.reshape(2, 4, 8, 8, 1))
    np.testing.assert_allclose(pieces.reshape(8, 10), model.apply(variables, x), **close)


def test_orbax_saves_and_restores(made, tmp_path):
    ocp = pytest.importorskip("orbax.checkpoint")
    model, variables, x = made
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(tmp_path / "model", variables)
        checkpointer.wait_until_finished()
        shapes = jax.eval_shape(model.init, jax.random.key(9), x)
        restored = checkpointer.restore(tmp_path / "model", shapes)
    jax.tree.map(np.testing.assert_array_equal, restored, variables)
