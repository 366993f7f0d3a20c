"""Every switch of a recipe: what it changes, and that eight devices compute what one computes."""

import dataclasses
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import layers, losses
from tests.train.recipes import (
    SHAPE,
    TINY,
    Recipe,
    Tiny,
    cached,
    capture,
    distance,
    first_state,
    grads,
    make_batch,
)
from train import parallel
from train.config import Augment, Loss
from train.remat import recomputing
from train.state import TrainState
from train.step import advance, combine, make_train_step
from train.tasks import hits

PLAIN = Recipe()
SWITCHES = {
    "pad_crop": Recipe(Augment(pad_crop=2)),
    "flip": Recipe(Augment(flip=True)),
    "random_resized_crop": Recipe(Augment(random_resized_crop=0.3)),
    "color_jitter": Recipe(Augment(color_jitter=(0.4, 0.4, 0.4, 0.1))),
    "rand_augment": Recipe(Augment(rand_augment=9)),
    "trivial_augment": Recipe(Augment(trivial_augment=True)),
    "random_erasing": Recipe(Augment(random_erasing=0.9)),
    "mixup": Recipe(Augment(mixup=0.4)),
    "cutmix": Recipe(Augment(cutmix=1.0)),
    "mixup and cutmix": Recipe(Augment(mixup=1.0, cutmix=1.0)),
    "repeats": Recipe(Augment(repeats=2, flip=True)),
    "sizes": Recipe(size=6),
    "label smoothing": Recipe(loss=Loss(label_smoothing=0.1)),
    "bce": Recipe(loss=Loss("bce")),
    "teacher": Recipe(teacher=True),
    "dropout": Recipe(model=Tiny(dropout=0.5)),
    "auxiliary head": Recipe(model=Tiny(aux=True)),
    "accumulate": Recipe(step=(("parts", 2),)),
}
"""Rows whose gradients differ from those of the plain step."""
SAME = {
    "remat norms": Recipe(remat="norms"),
    "remat stage": Recipe(remat="stage"),
}
"""Rows whose gradients are those of the plain step."""
MANY = Recipe(
    Augment(
        random_resized_crop=0.3, flip=True, random_erasing=0.5, mixup=1.0, cutmix=1.0, repeats=2
    ),
    Loss("bce", label_smoothing=0.1),
    Tiny(aux=True, dropout=0.2),
    (("parts", 2), ("ema", 0.9)),
    size=6,
    remat="stage",
    teacher=True,
)
"""What compiles quickly, all at once."""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["many", *SWITCHES, *SAME])
def test_eight_devices_compute_what_one_computes(name, x64):
    recipe = {"many": MANY, **SWITCHES, **SAME}[name]
    (one, sums), (eight, other) = (cached(recipe, n, True) for n in (1, 8))
    assert distance(eight.opt_state, one.opt_state) <= 1e-12
    assert distance(eight.batch_stats, one.batch_stats) <= 1e-12
    assert other["loss"] == pytest.approx(sums["loss"], rel=1e-12)
    assert {k: other[k] for k in ("top1", "count")} == {k: sums[k] for k in ("top1", "count")}
    if one.ema:
        assert distance(eight.ema, one.ema) <= 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_changes_the_gradient(name, x64):
    """Against the same step without it: the same network, the same examples."""
    recipe = SWITCHES[name]
    plain = dataclasses.replace(PLAIN, model=recipe.model.clone(dropout=0.0))
    if name == "auxiliary head":
        plain = dataclasses.replace(plain, loss=Loss(aux_weight=0.0))
    assert distance(grads(recipe), grads(plain)) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("name", SAME)
def test_recomputing_changes_no_number(name, x64):
    assert distance(grads(SAME[name]), grads(PLAIN)) <= 1e-12


def primitives(jaxpr: Any) -> list[str]:
    """The names of all operations, those inside of others included."""
    found = []
    for equation in jaxpr.eqns:
        found.append(equation.primitive.name)
        for value in jax.tree.leaves(equation.params, is_leaf=lambda v: hasattr(v, "eqns")):
            inner = getattr(value, "jaxpr", value)
            found += primitives(inner) if hasattr(inner, "eqns") else []
    return sorted(found)


def traced(step: Any) -> list[str]:
    """The operations of a step on one device."""
    mesh = parallel.make_mesh(1)
    mapped = parallel.spread_train(step, mesh, "shard_map")
    return primitives(jax.make_jaxpr(mapped)(first_state(TINY), make_batch()).jaxpr)


def plain_step(state: TrainState, batch: dict[str, Any]):
    """A training step in which no recipe has a place, written out."""
    task = PLAIN.task()

    def loss(params):
        variables = {"params": params, "batch_stats": state.batch_stats}
        images = task.prepare(batch["image"])
        logits, new = TINY.apply(variables, images, train=True, mutable=["batch_stats"])
        each = losses.cross_entropy(logits, batch["label"])
        total = jnp.sum(jnp.where(batch["mask"], each, 0))
        sums = {"loss": total, **hits(logits, batch), "count": jnp.sum(batch["mask"])}
        return total, (sums, new["batch_stats"])

    found, (sums, stats) = jax.grad(loss, has_aux=True)(state.params)
    return advance(state, capture(), *combine(found, sums, stats))


def test_what_is_off_is_not_in_the_step():
    """The plain step has the operations of one without recipes, and its keys."""
    extra = traced(make_train_step(PLAIN.task(), capture()))
    for name in traced(plain_step):
        extra.remove(name)
    keys = {"random_split", "random_fold_in", "random_wrap", "random_unwrap", "slice", "squeeze"}
    keys |= {"axis_index", "iota", "add", "mul", "convert_element_type", "pjit", "jit"}
    keys |= {"broadcast_in_dim", "random_seed", "threefry2x32", "random_bits", "gather"}
    assert set(extra) <= keys
    assert len(extra) < 40


@pytest.mark.parametrize("name", ["remat norms", "remat stage"])
def test_recomputing_keeps_less(name):
    """Bytes that the backward pass finds stored, apart from the variables."""
    state, images = first_state(TINY), jnp.zeros((4, *SHAPE))

    def kept(remat: str) -> int:
        apply = recomputing(remat, TINY.clone(norm=layers.BatchNormConfig()).apply)

        def loss(params):
            variables = {"params": params, "batch_stats": state.batch_stats}
            return apply(variables, images, train=True, mutable=["batch_stats"])[0].sum()

        residuals = jax.eval_shape(lambda p: jax.tree.leaves(jax.vjp(loss, p)[1]), state.params)
        return sum(r.size for r in residuals)

    assert kept(SAME[name].remat) < 0.8 * kept("none")


@pytest.mark.parametrize("parts", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_parts_of_a_batch_add_up_to_it(parts, x64):
    """Without norms; masked examples may lie in one part, dropout draws the same."""
    whole = Recipe(model=Tiny(norm=None, dropout=0.5))
    cut = dataclasses.replace(whole, step=(("parts", parts),))
    assert distance(grads(cut), grads(whole)) <= 1e-12


def test_gradients_may_travel_as_bfloat16():
    """Rounded to eight bits on the way, in one collective, and float32 again behind it."""
    cut = Recipe(model=Tiny(norm=None), step=(("reduce", jnp.bfloat16),))
    rounded = grads(cut, 8)
    exact = grads(dataclasses.replace(cut, step=()), 8)
    assert {g.dtype for g in jax.tree.leaves(rounded)} == {np.dtype("float32")}
    assert 1e-5 < distance(rounded, exact) < 1e-2


def test_one_collective_a_type_carries_everything():
    """XLA joins what the one psum holds: floats in one all-reduce, counts in another."""
    mesh = parallel.make_mesh(8)
    plain = dataclasses.replace(PLAIN.task(), model=Tiny(norm=None))
    step = parallel.spread_train(make_train_step(plain, capture()), mesh, "shard_map")
    text = step.lower(first_state(Tiny(norm=None)), make_batch()).compile().as_text()
    assert 1 <= len(re.findall(r" all-reduce(?:-start)?\(", text)) <= 2
