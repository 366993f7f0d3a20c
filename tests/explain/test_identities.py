"""What must hold exactly, and where a method is another one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from jaxcnn import explain, features, grad_at
from jaxcnn.explain.rise import random_mask
from jaxcnn.taps import deconvnet_relu, guided_relu
from tests.explain.networks import Linear, Small, made

pytestmark = pytest.mark.usefixtures("x64")


def close(a, b, rtol=1e-9):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12)


@pytest.mark.slow
def test_saliency_is_the_largest_gradient_of_the_channels():
    model, variables, x = made(Small())
    gradient = jax.grad(lambda x: model.apply(variables, x)[:, 1].sum())(x)
    close(explain.saliency(model, variables, x, 1, signed=True), gradient)
    close(explain.saliency(model, variables, x, 1), np.abs(gradient).max(-1))


def test_on_a_linear_network_all_shares_are_weight_times_input():
    model, variables, x = made(Linear())
    weights = variables["params"]["head"]["kernel"][:, 2].reshape(1, *x.shape[1:])
    close(explain.gradient_x_input(model, variables, x, 2), x * weights)
    close(explain.integrated_gradients(model, variables, x, 2, steps=1), x * weights)
    close(explain.smooth_grad(model, variables, x, 2, samples=3)[0], weights[0])
    close(explain.var_grad(model, variables, x, 2, samples=3), np.zeros_like(x))


def test_occluding_single_pixels_of_a_linear_network_is_exact():
    model, variables, x = made(Linear())
    weights = variables["params"]["head"]["kernel"][:, 2].reshape(1, *x.shape[1:])
    found = explain.occlusion(model, variables, x, 2, window=1, baseline=0.5)
    close(found, ((x - 0.5) * weights).sum(-1), rtol=1e-8)


@pytest.mark.slow
def test_occlusion_is_the_mean_fall_of_the_windows_that_cover_a_pixel():
    model, variables, x = made(Small(), (2, 5, 6, 2))
    score = jax.jit(lambda x: model.apply(variables, x)[:, 0])
    total, count = np.zeros((2, 5, 6)), np.zeros((5, 6))
    for top in (0, 2):
        for left in (0, 3):
            hidden = np.array(x)
            hidden[:, top : top + 3, left : left + 4] = 1.0
            total[:, top : top + 3, left : left + 4] += (score(x) - score(hidden))[:, None, None]
            count[top : top + 3, left : left + 4] += 1
    options = {"window": (3, 4), "stride": (2, 3), "baseline": np.ones(2)}
    close(explain.occlusion(model, variables, x, 0, **options), total / count[None])


def test_integrated_gradients_are_complete():
    measure = explain.completeness_error
    model, variables, x = made(Small(), (16, 8, 6, 2))
    shares = explain.integrated_gradients(model, variables, x, 1, steps=128)
    error = measure(model, variables, x, 1, shares)
    assert error.shape == (16,)
    assert error.max() < 0.01
    np.testing.assert_allclose(measure(model, variables, x, 1, shares / 2), 0.5, atol=0.01)


@pytest.mark.slow
def test_integrated_gradients_of_a_smooth_network_are_exact():
    model, variables, x = made(Small(nn.silu))
    given = {"baseline": np.full(x.shape[1:], 0.1)}
    shares = explain.integrated_gradients(model, variables, x, 1, steps=24, **given)
    assert explain.completeness_error(model, variables, x, 1, shares, **given).max() < 1e-9


@pytest.mark.slow
def test_noise_is_a_share_of_the_range_and_its_moments_are_right():
    model, variables, x = made(Small())
    keys = jax.random.split(jax.random.key(7), 6)
    span = np.ptp(np.asarray(x), (1, 2, 3), keepdims=True)
    noise = np.stack([jax.random.normal(key, x.shape[1:], x.dtype) for key in keys])
    noisy = (x[None] + 0.2 * span[None] * noise[:, None]).reshape(-1, *x.shape[1:])
    gradients = grad_at(model, variables, noisy, ":input", 1).gradient.reshape(6, *x.shape)
    options = {"key": jax.random.key(7), "samples": 6, "noise": 0.2}
    smooth = explain.smooth_grad(model, variables, x, 1, **options)
    close(smooth, gradients.mean(0))
    squared = explain.smooth_grad(model, variables, x, 1, squared=True, **options)
    close(squared, (gradients**2).mean(0))
    close(explain.var_grad(model, variables, x, 1, **options), gradients.var(0), rtol=1e-6)
    other = explain.smooth_grad(model, variables, x, 1, **{**options, "key": jax.random.key(8)})
    assert jnp.abs(other - smooth).max() > 1e-6


def test_grad_cam_before_a_mean_and_a_linear_layer_is_cam():
    model, variables, x = made(Small())
    maps = features(model, variables, x, "unit")["unit"]
    weights = variables["params"]["head"]["kernel"][:, 1]
    cam = np.maximum(maps @ weights, 0) / (maps.shape[1] * maps.shape[2])
    close(explain.grad_cam(model, variables, x, 1, upsample=False), cam)
    large = jax.image.resize(cam, x.shape[:3], "linear")
    close(explain.grad_cam(model, variables, x, 1, at="unit"), large)


@pytest.mark.slow
def test_other_cams_are_what_their_formulas_say():
    model, variables, x = made(Small())
    found = grad_at(model, variables, x, "conv1", 1)
    maps, gradient = (np.asarray(v) for v in (found.activation, found.gradient))
    options = {"at": "conv1", "relu": False, "upsample": False}
    layer = (np.maximum(gradient, 0) * maps).sum(-1)
    close(explain.layer_cam(model, variables, x, 1, **options), layer)
    below = 2 * gradient**2 + (maps * gradient**3).sum((1, 2), keepdims=True)
    alpha = np.divide(gradient**2, below, out=np.zeros_like(maps), where=below != 0)
    weights = (alpha * np.maximum(gradient, 0)).sum((1, 2), keepdims=True)
    plus = explain.grad_cam_pp(model, variables, x, 1, **options)
    close(plus, (weights * maps).sum(-1))


@pytest.mark.slow
def test_score_cam_weighs_maps_by_the_score_of_what_they_show():
    model, variables, x = made(Small(), (1, 8, 6, 2))
    maps = features(model, variables, x, "unit")["unit"]
    large = jax.image.resize(maps, (1, 8, 6, 5), "linear")
    low, high = large.min((1, 2), keepdims=True), large.max((1, 2), keepdims=True)
    masks = jnp.moveaxis((large - low) / jnp.where(high > low, high - low, 1), -1, 0)
    weights = jax.nn.softmax(model.apply(variables, masks[:, 0, :, :, None] * x)[:, 2])
    cam = jax.image.resize(np.maximum(maps @ weights, 0), (1, 8, 6), "linear")
    close(explain.score_cam(model, variables, x, 2), cam)


@pytest.mark.slow
def test_guided_methods_are_the_network_with_another_act():
    model, variables, x = made(Small())
    guided = explain.guided_backprop(model, variables, x, 1)
    other = explain.saliency(model.clone(act=guided_relu), variables, x, 1, signed=True)
    close(guided, other)
    cam = explain.grad_cam(model, variables, x, 1)[..., None]
    close(explain.guided_grad_cam(model, variables, x, 1), guided * cam)
    deconvnet = explain.deconvnet(model, variables, x, 1)
    other = explain.saliency(model.clone(act=deconvnet_relu), variables, x, 1, signed=True)
    close(deconvnet, other)


@pytest.mark.parametrize("method", [explain.guided_backprop, explain.deconvnet])
def test_a_network_without_relus_has_no_guided_gradient(method):
    model, variables, x = made(Linear())
    with pytest.raises(ValueError, match="finds no ReLU"):
        method(model, variables, x, 1)


@pytest.mark.slow
def test_rise_averages_masks_by_their_scores():
    model, variables, x = made(Small())
    keys = jax.random.split(jax.random.key(3), 4)
    masks = [random_mask(key, (8, 6), 3, 0.4).astype(x.dtype) for key in keys]
    expected = np.zeros((3, 8, 6))
    for mask in masks:
        shown = mask[None, ..., None]
        scores = model.apply(variables, shown * x + (1 - shown) * 0.2)[:, 1]
        expected += scores[:, None, None] * mask[None] / (4 * 0.4)
    options = {"key": jax.random.key(3), "samples": 4, "grid": 3, "keep": 0.4, "baseline": 0.2}
    close(explain.rise(model, variables, x, 1, **options), expected, rtol=1e-6)


@pytest.mark.slow
def test_masks_show_the_share_that_is_asked_for():
    masks = jax.vmap(lambda key: random_mask(key, (9, 7), 3, 0.3))(
        jax.random.split(jax.random.key(0), 2000)
    )
    assert masks.min() >= 0
    assert masks.max() <= 1
    np.testing.assert_allclose(masks.mean(0), 0.3, atol=0.05)
