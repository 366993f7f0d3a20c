"""The loop: what it computes, what it compiles, what comes out of it on the way."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxcnn.synthesis import Fourier, Looks, Maximize, Norm, TotalVariation, engine, optimize
from jaxcnn.synthesis.descent import ADAM, LBFGS
from tests.explain.networks import Small, made

SHAPE = (2, 8, 8, 2)
PRIOR = TotalVariation(0.1)


@pytest.fixture(scope="module")
def network():
    model, variables, _ = made(Small(), SHAPE)
    return model, variables


@pytest.fixture(scope="module")
def start():
    return jax.random.uniform(jax.random.key(1), SHAPE)


def test_it_is_the_loop_that_python_would_run(network, start):
    model, variables = network
    classes = jnp.array([0, 2])
    found = optimize(model, variables, [Maximize(classes), PRIOR], start, steps=5, rate=0.02)

    def losses(x):
        return -model.apply(variables, x)[jnp.arange(2), classes] + PRIOR({}, x)

    x, optimizer = start, optax.adam(0.02)
    state, expected = optimizer.init(x), []
    for _ in range(5):
        expected.append(losses(x))
        updates, state = optimizer.update(jax.grad(lambda x: losses(x).sum())(x), state)
        x = jnp.clip(optax.apply_updates(x, updates), 0, 1)
    np.testing.assert_allclose(found.losses, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.images, x, rtol=1e-4, atol=1e-5)
    assert float(start[0, 0, 0, 0]) >= 0  # the loop takes a copy over, not the caller's array


def test_frames_leave_on_the_way_and_other_numbers_are_no_other_program(network, start):
    model, variables = network
    terms, frames = [Maximize(jnp.array([0, 2])), PRIOR], []
    whole = optimize(model, variables, terms, start, steps=5, rate=0.02)
    before = engine._loop._cache_size()
    found = optimize(
        model, variables, terms, start, steps=5, rate=0.02, every=2, on_frame=frames.append
    )
    assert [(frame.done, frame.steps, len(frame.losses)) for frame in frames] == [
        (2, 5, 2),
        (4, 5, 2),
        (5, 5, 1),
    ]
    np.testing.assert_array_equal(frames[-1].images, found.images)
    for mine, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(whole), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    others = [Maximize(jnp.array([1, 1])), TotalVariation(0.3)]
    optimize(model, variables, others, start, steps=7, rate=0.5)
    assert engine._loop._cache_size() == before


def test_an_equal_problem_is_not_traced_again(network, start, monkeypatch):
    traces, look = [], engine.Network.look
    monkeypatch.setattr(engine.Network, "look", lambda *args: traces.append(1) or look(*args))
    options = {"steps": 3, "optimizer": optax.sgd(1.0)}  # equal to that of no other test
    optimize(*network, Maximize(jnp.array([0, 2])), start, **options)
    count = len(traces)
    optimize(*network, Maximize(jnp.array([1, 1])), 1 - start, **options)
    assert len(traces) == count > 0


def test_what_was_shown_before_an_interrupt_is_kept(network, start):
    frames = []

    def show(frame):
        frames.append(frame)
        if frame.done == 4:
            raise KeyboardInterrupt

    terms = [Maximize(jnp.array([0, 2])), PRIOR]
    with pytest.raises(KeyboardInterrupt):
        optimize(*network, terms, start, steps=50, rate=0.02, every=2, on_frame=show)
    assert [frame.done for frame in frames] == [2, 4]
    expected = optimize(*network, terms, start, steps=4, rate=0.02).images
    np.testing.assert_array_equal(frames[-1].images, expected)


@pytest.mark.slow
def test_images_do_not_see_each_other_and_keys_are_obeyed(network):
    model, variables = network
    how = {"parametrisation": Fourier(), "looks": Looks(1, 0.1, 5.0), "steps": 3}
    both = optimize(model, variables, Maximize(jnp.array([1, 1])), SHAPE, **how)
    start = Fourier().image(Fourier().init(jax.random.key(5), SHAPE))
    pair = optimize(model, variables, Maximize(jnp.array([1, 1])), start, **how)
    alone = optimize(model, variables, Maximize(jnp.array([1])), start[1:], **how)
    np.testing.assert_allclose(pair.images[1:], alone.images, rtol=1e-3, atol=1e-4)
    again = optimize(model, variables, Maximize(jnp.array([1, 1])), SHAPE, **how)
    np.testing.assert_array_equal(both.images, again.images)
    key = jax.random.key(1)
    other = optimize(model, variables, Maximize(jnp.array([1, 1])), SHAPE, key=key, **how)
    assert not np.allclose(other.images, both.images)


def test_a_line_search_never_makes_it_worse(network, start):
    how = {"optimizer": LBFGS, "rate": 1.0, "steps": 12}
    losses = optimize(*network, [Maximize(0), Norm(1.0)], start, **how).losses.sum(1)
    assert (np.diff(losses) <= 1e-6 * np.abs(losses[1:])).all()
    assert losses[-1] < losses[0]


def test_no_step_gives_the_start(network, start):
    found = optimize(*network, Maximize(0), start, steps=0)
    np.testing.assert_array_equal(found.images, start)
    assert found.losses.shape == (0, 2)


def test_what_a_network_wants_is_done_to_its_images(network, start):
    class Wants:
        mean, std = (0.25, 0.5), (0.5, 2.0)

    model, variables = network
    found = optimize(model, variables, Maximize(1), start, steps=1, transform=Wants)
    prepared = (np.asarray(start) - np.array([0.25, 0.5])) / np.array([0.5, 2.0])
    expected = -model.apply(variables, prepared)[:, 1]
    np.testing.assert_allclose(found.losses[0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"terms": []}, "must hold terms"),
        ({"terms": "head"}, "must hold terms"),
        ({"terms": Maximize(3)}, "0 to 2"),
        ({"terms": Maximize(jnp.zeros(0, int))}, "one for each example"),
        ({"terms": TotalVariation(beta=0.0)}, "beta=0.0: must be > 0"),
        ({"start": jnp.full(SHAPE, 2.0)}, "lies in 2 to 2"),
        ({"start": jnp.full(SHAPE, jnp.nan)}, "lies in nan"),
        ({"start": jnp.zeros((8, 8, 2))}, "use x[None]"),
        ({"start": jnp.zeros(SHAPE, jnp.uint8)}, "give pixels / 255"),
        ({"start": (8, 8)}, "their shape (N, H, W, C)"),
        ({"steps": -1}, "steps=-1: must be >= 0"),
        ({"every": 0}, "every=0: must be >= 1"),
        ({"rate": 0.0}, "rate=0.0: must be > 0"),
        ({"transform": "imagenet"}, "pass meta.transforms"),
    ],
)
def test_errors_name_what_is_wrong(network, start, change, message):
    given = {"terms": Maximize(0), "start": start, "steps": 1, "optimizer": ADAM, **change}
    with pytest.raises((ValueError, TypeError)) as error:
        optimize(*network, **given)
    assert message in str(error.value)
    assert "Fix: " in str(error.value)
