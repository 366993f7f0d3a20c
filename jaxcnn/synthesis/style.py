"""The content of one image in the style of another, and textures."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.synthesis.colors import recolored, with_colors_of
from jaxcnn.synthesis.engine import Frame, Synthesis, optimize
from jaxcnn.synthesis.matching import Match, MatchGram, grams_at, values_at
from jaxcnn.synthesis.network import expect_images, expect_layers, names, network_of
from jaxcnn.synthesis.octaves import resized, sizes
from jaxcnn.synthesis.priors import TotalVariation
from jaxcnn.typing import Array, Key, Shape, Variables

Weights = float | Sequence[float]

LEAST = 32
"""Pixels of the shorter side of the first octave, at least."""


def style_transfer(
    model: nn.Module,
    variables: Variables,
    content: Array,
    style: Array,
    *,
    content_at: str | Sequence[str],
    style_at: str | Sequence[str],
    content_weight: Weights = 1.0,
    style_weight: Weights = 1e3,
    variation: float = 0.0,
    relative: bool = False,
    preserve_color: str | None = None,
    octaves: int = 1,
    ratio: float = 2.0,
    start: Array | None = None,
    transform: Any = None,
    key: Key | None = None,
    on_frame: Callable[[Frame], Any] | None = None,
    **options: Any,
) -> Synthesis:
    r"""Return :math:`\arg\min_x \alpha L_{content}(x) + \beta L_{style}(x)`, from the content on.

    Large images come by octaves: a small one first, whose enlargement is where the next begins,
    for the network sees only structures as large as its receptive fields.

    Args:
      model: Any Linen module that takes images of any size.
      variables: Its variables.
      content: Images (N, H, W, C) in [0, 1].
      style: Images (N, h, w, C) or (1, h, w, C) in [0, 1], of any size.
      content_at: Layers whose features are kept.
      style_at: Layers whose Gram matrices are taken over.
      content_weight: The factor alpha, shared by the layers, or one for each.
      style_weight: The factor beta, shared by the layers, or one for each.
      variation: Factor of the total variation.
      relative: Whether distances are divided by those of nothing, so that weights suit any
        network; else they are Gatys', made for VGG-19.
      preserve_color: `"luminance"` keeps the colours of the content in the result; `"match"`
        first gives the style the mean and covariance of the content's; None takes the style's.
      octaves: Number of sizes; the style shrinks alike.
      ratio: Of two of them.
      start: Images to begin from instead of the content, of its shape.
      transform: As in `optimize`.
      key: Random key, None for always the same.
      on_frame: As in `optimize`, for each octave.
      **options: Of `optimize`: `steps` (in each octave), `rate`, `parametrisation`, ...

    Returns:
      `(images, losses, params)` as `optimize`, the losses of all octaves.

    Raises:
      ValueError: If a layer is not there, images are not in [0, 1], their channels differ, or an
        option is unknown.

    Source: Gatys et al. 2016, "Image style transfer using convolutional neural networks"; octaves:
    Gatys et al. 2017, "Controlling perceptual factors in neural style transfer", section 6.

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("resnet20"), jnp.zeros((1, 32, 32, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> layers = {"content_at": "stage2", "style_at": ["stem", "stage1"]}
      >>> run = lambda v, x: style_transfer(model, v, x, x[:, :20], steps=1, **layers)
      >>> jax.eval_shape(run, variables, x).images.shape
      (1, 32, 32, 3)
    """
    report = Report("style_transfer", content)
    network = network_of(report, model, variables, transform)
    check_pair(report, content, style, start, preserve_color)
    report.count("octaves", octaves)
    for name, weight, at in (("content", content_weight, content_at),
                             ("style", style_weight, style_at)):  # fmt: skip
        expect_weights(report, f"{name}_weight", weight, at)
    report.done()
    content, style = jnp.asarray(content), jnp.asarray(style)
    key = jax.random.key(0) if key is None else key
    style = recolored(style, content[:1]) if preserve_color == "match" else style
    image, losses = content if start is None else jnp.asarray(start), []
    found: Any = None
    every = sizes(content.shape, octaves, ratio, LEAST)
    for i, size in enumerate(every):
        share = size[0] / content.shape[1]
        small = resized(style, (round(style.shape[1] * share), round(style.shape[2] * share)))
        terms = [
            Match(values_at(network, resized(content, size), names(content_at)),
                  per_layer(content_weight, content_at), relative),
            MatchGram(grams_at(network, small, names(style_at)),
                      per_layer(style_weight, style_at), relative),
            TotalVariation(variation),
        ]  # fmt: skip
        found = optimize(
            model, variables, terms, resized(image, size), transform=transform,
            key=jax.random.fold_in(key, i), on_frame=on_frame, **options,
        )  # fmt: skip
        image = found.images
        losses.append(found.losses)
    if preserve_color == "luminance":
        image = with_colors_of(image, content)
    return Synthesis(image, jnp.concatenate(losses), found.params)


def texture(
    model: nn.Module,
    variables: Variables,
    x: Array,
    at: str | Sequence[str],
    shape: Shape | None = None,
    *,
    weight: Weights = 1e3,
    variation: float = 0.0,
    relative: bool = False,
    transform: Any = None,
    **options: Any,
) -> Synthesis:
    r"""Return images with the Gram matrices of others, from noise on: more of the same texture.

    Args:
      model: Any Linen module that takes images of any size.
      variables: Its variables.
      x: Textures (N, h, w, C) in [0, 1].
      at: Layers whose Gram matrices are taken over.
      shape: Of the result, (N, H, W, C); None for that of x.
      weight: Factor, shared by the layers, or one for each.
      variation: Factor of the total variation.
      relative: As in `style_transfer`.
      transform: As in `optimize`.
      **options: Of `optimize`: `steps`, `rate`, `parametrisation`, `key`, ...

    Returns:
      `(images, losses, params)` as `optimize`.

    Raises:
      ValueError: If a layer is not there, or x is not in [0, 1].

    Source: Gatys et al. 2015, "Texture synthesis using convolutional neural networks".

    Example:
      >>> from jaxcnn import create_model
      >>> model, x = create_model("resnet20"), jnp.zeros((1, 32, 32, 3))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> run = lambda v, x: texture(model, v, x, ["stem", "stage1"], (1, 40, 48, 3), steps=1)
      >>> jax.eval_shape(run, variables, x).images.shape
      (1, 40, 48, 3)
    """
    report = Report("texture", x)
    network = network_of(report, model, variables, transform)
    expect_images(report, "x", x)
    expect_weights(report, "weight", weight, at)
    report.done()
    grams = grams_at(network, jnp.asarray(x), names(at))
    terms = [MatchGram(grams, per_layer(weight, at), relative), TotalVariation(variation)]
    goal = jnp.shape(x) if shape is None else shape
    return optimize(model, variables, terms, goal, transform=transform, **options)


def check_pair(report: Report, content: Any, style: Any, start: Any, color: str | None) -> None:
    """Note images that do not fit each other."""
    fine = [expect_images(report, "content", content), expect_images(report, "style", style)]
    if all(fine):
        rule = f"has {style.shape[-1]} channels, and content {content.shape[-1]}"
        fix = "read both in one mode, e.g. jaxcnn.images.read(file, mode='RGB')"
        report.expect(style.shape[-1] == content.shape[-1], "style", style, rule, fix)
        rule = f"holds {len(style)} images, and content {len(content)}"
        fix = "give one style, or one for each image"
        report.expect(len(style) in (1, len(content)), "style", style, rule, fix)
        ok = color != "luminance" or content.shape[-1] == 3
        rule = "needs images of three channels"
        report.expect(ok, "preserve_color", color, rule, "leave it out")
    if start is not None and expect_images(report, "start", start) and fine[0]:
        rule = f"must have the shape of content, {content.shape}"
        report.expect(start.shape == content.shape, "start", start, rule, "resize it")
    rule, fix = "must be 'luminance', 'match' or None", "use 'luminance'"
    report.expect(color in ("luminance", "match", None), "preserve_color", color, rule, fix)


def expect_weights(report: Report, argument: str, weight: Any, at: str | Sequence[str]) -> None:
    """Expect a factor >= 0, or one for each layer."""
    count = len(expect_layers(report, argument.replace("weight", "at"), at))
    ok = isinstance(weight, int | float) or len(weight) == count
    ok = ok and min([weight] if isinstance(weight, int | float) else weight) >= 0
    rule = f"must be a number >= 0, or {count} of them, one for each layer"
    report.expect(ok, argument, weight, rule, "use 1.0")


def per_layer(weight: Weights, at: str | Sequence[str]) -> dict[str, float]:
    """Return a factor for each layer; a number is shared by them."""
    places = names(at)
    shared = isinstance(weight, int | float)
    every = [weight / len(places)] * len(places) if shared else weight
    return dict(zip(places, every, strict=True))
