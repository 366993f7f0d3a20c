"""Inference on images of any size: tiles that overlap, mirrored beyond the border."""

import functools
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from jax.typing import ArrayLike

from jaxcnn.checks import Report, is_floating
from jaxcnn.models.inspect.trace import run_arguments
from jaxcnn.tiles.plan import Tiling, tiling
from jaxcnn.typing import Array, Variables


def overlap_tile(
    model: nn.Module,
    variables: Variables,
    x: ArrayLike,
    *,
    tile: int = 512,
    margin: int | None = None,
    batch_size: int = 1,
) -> np.ndarray:
    """Return the logits of every pixel of images that are too large to be seen at once.

    The memory is that of `batch_size` tiles and of the results on the host. Tiles begin at
    multiples of the network's total stride and overlap by what its receptive field asks for
    (`tiling`), so the results are those of the whole image, but where the border comes into
    sight: there the image is mirrored, rather than continued by zeros in every layer. A network
    of valid convolutions is given the mirrored border that it takes, and labels every pixel.

    Args:
        model: A Linen module from images (N, H, W, C) to one result for each pixel.
        variables: Its variables, of evaluation.
        x: Images prepared for it, floating (N, H, W, C).
        tile: Largest height and width that the network is given, in pixels.
        margin: Pixels left out at each side of a tile; None for what the receptive field asks for.
        batch_size: Tiles at once, >= 1.

    Returns:
        Results (N, H, W, K) on the host, of the network's type.

    Raises:
        TypeError: If `x` is not floating.
        ValueError: If shapes do not fit, or as for `tiling`.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.models import UNet
        >>> model = UNet(depth=1, width=2, num_classes=3)
        >>> variables = jax.jit(model.init)(jax.random.key(0), jnp.zeros((1, 32, 32, 1)))
        >>> overlap_tile(model, variables, np.ones((1, 45, 30, 1), np.float32), tile=32).shape
        (1, 45, 30, 3)

    Reference:
        Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
        Segmentation", MICCAI 2015, section 2 and figure 2.
    """
    images = np.asarray(x)
    report = Report("overlap_tile", images.shape)
    fits = images.ndim == 4 and 0 not in images.shape
    fix = "pass a batch, of one image as image[None]"
    report.expect(fits, "x", images, "must be (N, H, W, C)", fix)
    fix = "prepare bytes as in training, e.g. by jaxcnn.augment.normalize"
    report.expect(is_floating(images), "x", images, "must be floating", fix, kind=True)
    batch_size = report.count("batch_size", batch_size)
    report.done()
    plan = tiling(model, images.shape[-1], tile=tile, margin=margin)
    counts = [plan.count(size) for size in images.shape[1:3]]
    padded = mirrored(images, plan, counts)
    places = list(np.ndindex(images.shape[0], *counts))
    results: np.ndarray | None = None
    for start in range(0, len(places), batch_size):
        chosen = places[start : start + batch_size]
        full = [chosen[i % len(chosen)] for i in range(batch_size)]  # one shape, one program
        tiles = np.stack([padded[cut(plan, place, plan.side)] for place in full])
        kept = slice(plan.margin, plan.margin + plan.kept)
        labelled = np.asarray(_apply(model, variables, tiles))[:, kept, kept]
        if results is None:
            area = [(count - 1) * plan.step + plan.kept for count in counts]
            results = np.empty((len(images), *area, labelled.shape[-1]), labelled.dtype)
        for place, part in zip(chosen, labelled, strict=False):
            results[cut(plan, place, plan.kept)] = part
    assert results is not None
    return results[:, : images.shape[1], : images.shape[2]]


def mirrored(images: np.ndarray, plan: Tiling, counts: list[int]) -> np.ndarray:
    """Return the images with the context that their tiles need, mirrored without the outermost."""
    pads = []
    for size, count in zip(images.shape[1:3], counts, strict=True):
        covered = (count - 1) * plan.step + plan.kept
        pads.append((plan.edge, plan.edge + max(0, covered - size)))
    return np.pad(images, ((0, 0), *pads, (0, 0)), mode="reflect")


def cut(plan: Tiling, place: tuple[int, ...], size: int) -> tuple[Any, ...]:
    """Return where a tile of some size lies: `place` is its image, row and column."""
    image, row, column = place
    top, left = row * plan.step, column * plan.step
    return image, slice(top, top + size), slice(left, left + size)


@functools.partial(jax.jit, static_argnums=0)
def _apply(model: nn.Module, variables: Variables, tiles: Array) -> Any:
    return model.apply(variables, tiles, **run_arguments(model, {}))
