"""What all methods share: independent images, chunks that change nothing, errors."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxcnn import create_model, explain
from jaxcnn.explain.network import settle
from jaxcnn.taps import Difference, Neuron, Probability, Score, top1
from jaxcnn.taps.maps import map_layer
from tests.explain.networks import Linear, Small, made
from tests.marks import mostly_slow

METHODS = {
    "saliency": {},
    "gradient_x_input": {},
    "integrated_gradients": {"steps": 5, "chunk": 2},
    "smooth_grad": {"samples": 5, "chunk": 2},
    "var_grad": {"samples": 5, "chunk": 2},
    "occlusion": {"window": (3, 2), "chunk": 4},
    "grad_cam": {},
    "grad_cam_pp": {},
    "layer_cam": {"at": "conv1"},
    "score_cam": {"chunk": 2},
    "guided_backprop": {},
    "deconvnet": {},
    "guided_grad_cam": {},
    "feature_ablation": {"segments": 3, "chunk": 2},
    "lime": {"segments": 2, "samples": 9, "chunk": 4},
    "kernel_shap": {"segments": 2, "samples": 14, "chunk": 4},
    "blur_integrated_gradients": {"sigma": 3.0, "steps": 5, "chunk": 2},
    "rise": {"samples": 5, "grid": 3, "chunk": 2},
}
CAMS = [name for name in METHODS if name.endswith(("_cam", "_cam_pp"))]
CHUNKED = [name for name, options in METHODS.items() if "chunk" in options]


close = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-12)


def call(name, *args, **options):
    return getattr(explain, name)(*args, **{**METHODS[name], **options})


@pytest.mark.parametrize("name", mostly_slow(METHODS, {"saliency", "occlusion"}))
@pytest.mark.usefixtures("x64")
def test_a_batch_is_its_images_one_by_one(name):
    model, variables, x = made(Small())
    classes = np.array([2, 0, 1])
    batch = call(name, model, variables, x, classes)
    assert batch.shape[:3] == x.shape[:3]
    assert np.all(np.isfinite(batch))
    assert np.abs(batch).max() > 0
    one = jax.vmap(lambda x, c: call(name, model, variables, x[None], c)[0])(x, classes)
    close(batch, one)
    close(batch[1:2], call(name, model, variables, x[1:2], 0))


@pytest.mark.parametrize("name", mostly_slow(CHUNKED, {"occlusion"}))
@pytest.mark.usefixtures("x64")
def test_the_chunk_changes_nothing(name):
    model, variables, x = made(Small(), (2, 8, 6, 2))
    close(call(name, model, variables, x, 1, chunk=3), call(name, model, variables, x, 1, chunk=99))


@pytest.mark.parametrize("name", mostly_slow(METHODS, {"occlusion", "guided_grad_cam"}))
def test_it_runs_under_jit_with_a_traced_class(name):
    model, variables, x = made(Small())
    traced = jax.eval_shape(lambda v, x, c: call(name, model, v, x, c), variables, x, np.arange(3))
    assert traced.shape[:3] == x.shape[:3]
    assert traced.dtype == x.dtype


@pytest.mark.parametrize("name", mostly_slow(CHUNKED, {"integrated_gradients"}))
def test_top1_is_the_class_of_the_image_itself(name):
    model, variables, x = made(Small())
    best = model.apply(variables, x).argmax(1)
    expected = call(name, model, variables, x, best)
    np.testing.assert_array_equal(call(name, model, variables, x, "top1"), expected)


def test_all_that_says_top1_is_settled():
    logits = jnp.array([[1.0, 5.0, 2.0]])
    for target in (top1, Probability()):
        assert jax.tree.leaves(settle(target, logits)) == [1]
    assert jax.tree.leaves(settle(Difference("top1", 0), logits)) == [1, 0]
    own = Score(lambda x: x)
    assert settle(own, logits) is own


BAD = {
    "class": ({"target": 3}, "target=3: must lie in 0 to 2"),
    "place": ({"target": Neuron("uni", 0)}, "nearest: 'unit'"),
    "none": ({"target": None}, "must be a class"),
    "nan": ({"x": jnp.full((1, 8, 6, 2), jnp.nan)}, "holds NaN"),
    "bytes": ({"x": np.zeros((1, 8, 6, 2), np.uint8)}, "must be a floating-point array"),
    "list": ({"x": [[0.0]]}, "must be a floating-point array"),
    "single": ({"x": jnp.zeros(6)}, "must have"),
    "function": ({"model": lambda x: x}, "must be a Linen module"),
}


@pytest.mark.parametrize(
    ("name", "case"),
    # All methods check alike, by one function: each is asked once, one of them everything.
    [*((name, "nan") for name in METHODS), *(("saliency", case) for case in BAD)],
)
def test_what_cannot_be_meant_is_refused(name, case):
    change, message = BAD[case]
    model, variables, x = made(Small())
    given = {"model": model, "variables": variables, "x": x, "target": 0, **change}
    with pytest.raises((ValueError, TypeError), match=message) as error:
        call(name, *given.values())
    assert case == "place" or str(error.value).startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("occlusion", {"window": 9}, r"window=9: must fit into the image, \(8, 6\)"),
        ("occlusion", {"window": 2, "stride": 3}, "leaves pixels between windows"),
        ("occlusion", {"baseline": np.zeros(3)}, "does not broadcast"),
        ("integrated_gradients", {"steps": 0}, "steps=0: must be >= 1"),
        ("integrated_gradients", {"baseline": np.zeros((5, 8, 6, 2))}, "does not broadcast"),
        ("smooth_grad", {"noise": -1}, "noise=-1: must be >= 0"),
        ("var_grad", {"samples": 0}, "samples=0"),
        ("rise", {"grid": 9}, r"grid=9: must fit into the image, \(8, 6\)"),
        ("rise", {"keep": 0.0}, "keep=0.0: must lie within 0 and 1"),
        *((name, {"at": "uni"}, "at='uni'.*nearest: 'unit'") for name in CAMS),
        *((name, {"at": "head"}, r"at='head': has shape \(3, 3\), not") for name in CAMS),
        *((name, {"chunk": 0}, "chunk=0: must be >= 1") for name in CHUNKED),
    ],
)
def test_options_that_cannot_be_meant_are_refused(name, options, message):
    model, variables, x = made(Small())
    with pytest.raises(ValueError, match=message):
        call(name, model, variables, x, 0, **options)


@pytest.mark.parametrize("name", CAMS)
def test_a_network_without_maps_has_no_cam(name):
    model, variables, x = made(Linear())
    with pytest.raises(ValueError, match="finds no layer with maps"):
        getattr(explain, name)(model, variables, x, 0)


@pytest.mark.parametrize(
    ("name", "size", "layer"),
    [
        ("lenet5", (32, 32, 1), "conv2"),
        ("resnet18", (64, 64, 3), "stage4"),
        ("mobilenet_v3_small", (64, 64, 3), "top"),
    ],
)
def test_the_last_maps_of_the_zoo_are_found(name, size, layer):
    model, x = create_model(name), jax.ShapeDtypeStruct((1, *size), jnp.float32)
    variables = jax.eval_shape(model.init, jax.random.key(0), x)
    assert map_layer("grad_cam", model, variables, x, None) == layer
