"""Move an image and the classes of its pixels alike."""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.augment.affine_warp import affine_warp
from jaxcnn.augment.elastic import grid_displacements
from jaxcnn.augment.keys import check_batch
from jaxcnn.augment.pixels import Fill, Range, expect_fill, expect_pixels
from jaxcnn.augment.random_affine import random_matrices
from jaxcnn.checks import is_int, is_number
from jaxcnn.typing import Array, Key


def random_pair(
    keys: Key,
    images: ArrayLike,
    masks: ArrayLike,
    *,
    degrees: float = 0.0,
    translate: float = 0.0,
    scale: Range = (1.0, 1.0),
    shear: float = 0.0,
    flip: float = 0.0,
    elastic: float = 0.0,
    nodes: int = 3,
    fill: Fill = 0.0,
    ignore: int = 255,
) -> tuple[Array, Array]:
    """Turn, move, scale, shear, mirror and bend each image and its mask by the same amounts.

    All amounts enter one map, so the image is resampled once (bilinear), and the mask once
    (nearest): a pixel of the result has a class that stood in the mask. With `elastic=0` an image
    is what `random_affine` makes of it with the same keys.

    Args:
        keys: One key for each image, (B,); see `example_keys`.
        images: uint8 or floating, (B, H, W, C).
        masks: Class of each pixel, int (B, H, W).
        degrees: Largest angle to either side, >= 0.
        translate: Largest shift in either direction, as a share of the width and of the height.
        scale: Smallest and largest magnification, > 0.
        shear: Largest angle of shear along each axis, in degrees, in [0, 90).
        flip: Chance that left and right are exchanged, in [0, 1].
        elastic: Standard deviation of `grid_displacements` in pixels, >= 0; 0 does not bend.
        nodes: Of those displacements along each axis, >= 2.
        fill: What the image shows outside the input: one number, or one for each channel.
        ignore: What the mask shows there: the label that losses and metrics leave out.

    Returns:
        Images and masks of the same shapes and dtypes.

    Raises:
        TypeError: If `keys` are not typed keys or a dtype does not fit.
        ValueError: If shapes do not fit or an amount lies outside its range.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from jaxcnn.augment import example_keys, random_pair
        >>> keys = example_keys(jax.random.key(0), 0, jnp.arange(2))
        >>> images, masks = jnp.zeros((2, 8, 8, 3), jnp.uint8), jnp.zeros((2, 8, 8), jnp.int32)
        >>> turned = jax.eval_shape(lambda *a: random_pair(*a, degrees=9), keys, images, masks)
        >>> [array.shape for array in turned]
        [(2, 8, 8, 3), (2, 8, 8)]

    Reference:
        Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
        Segmentation", MICCAI 2015, section 3.1.
    """
    images, masks = jnp.asarray(images), jnp.asarray(masks)
    report = check_batch("random_pair", keys, images)
    expect_pixels(report, images)
    rule, fix = "must have shape (B, H, W)", "pass the class of every pixel"
    report.expect(masks.shape == images.shape[:3], "masks", masks, rule, fix)
    integers = bool(jnp.issubdtype(masks.dtype, jnp.integer))
    fix = "convert them, masks.astype(jnp.int32)"
    report.expect(integers, "masks", masks, "must be integers", fix, kind=True)
    if integers and is_int(ignore):
        limits = jnp.iinfo(masks.dtype)
        rule = f"must be a value of {masks.dtype}"
        report.expect(limits.min <= ignore <= limits.max, "ignore", ignore, rule, "use 255")
    ok = is_number(elastic) and elastic >= 0
    report.expect(ok, "elastic", elastic, "must be a number of pixels >= 0", "use elastic=0.0")
    expect_fill(report, "fill", fill, images)
    report.done()
    size = (images.shape[1], images.shape[2])
    matrices = random_matrices(
        keys, size, degrees=degrees, translate=translate, scale=scale, shear=shear, flip=flip
    )
    bent = grid_displacements(keys, size, deviation=elastic, nodes=nodes) if elastic else None
    moved = affine_warp(images, matrices, displacements=bent, fill=fill)
    classes = affine_warp(
        masks[..., None], matrices, displacements=bent, interpolation="nearest", fill=ignore
    )
    return moved, classes[..., 0]
