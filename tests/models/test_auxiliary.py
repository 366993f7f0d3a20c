"""Auxiliary heads: always there after `init`, run in training alone, never silently lost."""

import functools

import jax
import jax.numpy as jnp
import pytest

from jaxcnn import create_model, features
from jaxcnn.models.auxiliary import AuxStep
from jaxcnn.models.googlenet import aux_14x14
from tests.models.reduced import REDUCED
from tests.models.test_registry import count, variables_of

SIZES = {"googlenet": 224, "googlenet_paper": 224, "inception_v3": 299}
RNGS = {"dropout": jax.random.key(1)}


def images(size):
    return jax.ShapeDtypeStruct((2, size, size, 3), jnp.float32)


def applied(model, size, **options):
    """The shapes of a call's results."""
    variables = variables_of(model, images(size))
    call = functools.partial(model.apply, rngs=RNGS, **options)
    return jax.eval_shape(call, variables, images(size))


@pytest.mark.parametrize(
    ("name", "with_heads", "without"),
    [
        ("googlenet", 13_004_888, 6_624_904),
        pytest.param("googlenet_paper", 13_378_280, 6_998_552, marks=pytest.mark.slow),
        pytest.param("inception_v3", 27_161_264, 23_834_568, marks=pytest.mark.slow),
    ],
)
def test_both_counts(name, with_heads, without):
    assert count(variables_of(create_model(name), images(96))) == with_heads
    assert count(variables_of(create_model(name, aux_heads=False), images(96))) == without


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_their_parameters_do_not_depend_on_the_images(name):
    model = create_model(name)
    small, usual = (variables_of(model, images(size)) for size in (80, SIZES[name]))
    assert small == usual
    assert small.keys() <= {"params", "batch_stats"}


@pytest.mark.slow
@pytest.mark.parametrize("name", SIZES)
def test_training_returns_their_logits_and_evaluation_none(name):
    model = create_model(name, num_classes=7)
    mutable = ["batch_stats", "aux"]
    logits, moved = applied(model, SIZES[name], train=True, mutable=mutable)
    heads = {"aux1", "aux2"} if "googlenet" in name else {"aux"}
    assert moved["aux"].keys() == heads
    assert {leaf.shape for leaf in jax.tree.leaves([logits, moved["aux"]])} == {(2, 7)}
    _, moved = applied(model, SIZES[name], mutable=mutable)
    assert "aux" not in moved


def tiny(**fields):
    row = REDUCED["inception"]
    model = create_model(row.name, num_classes=3, **{**row.fields, **fields})
    return model, row.shape[0]


@pytest.mark.parametrize("mutable", [["batch_stats"], "batch_stats", False])
def test_losing_their_logits_is_an_error(mutable):
    model, size = tiny()
    with pytest.raises(ValueError, match="collection 'aux' mutable.*or create.*aux_heads=False"):
        applied(model, size, train=True, mutable=mutable)


def test_initialisation_in_training_mode_returns_no_logits():
    model, size = tiny()
    init = functools.partial(model.init, train=True)
    assert jax.eval_shape(init, jax.random.key(0), images(size)).keys() == {"params", "batch_stats"}


@pytest.mark.parametrize("fields", [{"aux_heads": False}, {"num_classes": 0}])
def test_without_heads_nothing_is_sown_and_nothing_asked_for(fields):
    model = tiny()[0].clone(**fields)
    _, moved = applied(model, tiny()[1], train=True, mutable=["batch_stats"])
    assert moved.keys() == {"batch_stats"}
    assert "aux1" not in variables_of(model, images(tiny()[1]))["params"]


def test_a_head_that_only_training_reaches_is_known_to_be_there():
    model, size = tiny()
    look = functools.partial(features, model, at=["aux1", "aux1/conv:input", "aux9"])
    message = "3 problems(?s:.*)'aux1': has variables.*train=True(?s:.*)'aux9': is no place"
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(look, variables_of(model, images(size)), images(size))


def test_logits_that_are_passed_in_again_are_replaced():
    model, size = tiny()
    mutable = ["batch_stats", "aux"]
    _, moved = applied(model, size, train=True, mutable=mutable)
    again = {**variables_of(model, images(size)), **moved}
    call = functools.partial(model.apply, train=True, mutable=mutable, rngs=RNGS)
    assert jax.eval_shape(call, again, images(size))[1] == moved


def test_torchvisions_head_takes_any_map_and_the_papers_names_itself():
    model, size = tiny()
    mutable = ["batch_stats", "aux"]
    assert applied(model, size // 2, train=True, mutable=mutable)[0].shape == (2, 3)
    swapped = {"aux1": AuxStep(aux_14x14, 14)}
    paper = model.clone(steps=tuple((name, swapped.get(name, s)) for name, s in model.steps))
    assert applied(paper, 28, train=True, mutable=mutable)[0].shape == (2, 3)
    message = "GoogLeNetAux 'aux1'.*must be 4x4 after the pooling.*or aux_heads=False"
    with pytest.raises(ValueError, match=message):
        applied(paper, 24, train=True, mutable=mutable)
