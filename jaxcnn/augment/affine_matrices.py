"""The matrices that `affine_warp` reads, composed from elementary motions."""

import functools

import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxcnn.checks import Report
from jaxcnn.typing import Array, Dtype


def affine_matrices(
    size: tuple[int, int],
    *,
    angle: ArrayLike = 0.0,
    translate_x: ArrayLike = 0.0,
    translate_y: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    shear_x: ArrayLike = 0.0,
    shear_y: ArrayLike = 0.0,
    flip: ArrayLike = False,
    centre: tuple[float, float] | None = None,
) -> Array:
    r"""Return for each image the map from the points of the result to those of the input.

    What is seen is the input mirrored, scaled, sheared, turned about `centre` and then moved,
    in this order; the matrix is the inverse,

    .. math::
        M = C \, F \, S^{-1} K_x^{-1} K_y^{-1} R^{-1} \, (T C)^{-1}.

    Every argument but `size` and `centre` is one number or one for each image.

    Args:
        size: Height and width of the images, in pixels.
        angle: Clockwise, in degrees.
        translate_x: To the right, in pixels.
        translate_y: Downwards, in pixels.
        scale: Magnification, > 0.
        shear_x: Shift of a point to the left for each pixel that it lies below the centre.
        shear_y: Shift of a point upwards for each pixel that it lies right of the centre.
        flip: Whether left and right are exchanged.
        centre: The point (x, y) that only a translation moves; None is the middle.

    Returns:
        float32 (float64 where an argument is), (B, 3, 3); B is 1 where all arguments are numbers.

    Raises:
        ValueError: If `size` is not two ints >= 1.

    Example:
        >>> from jaxcnn.augment import affine_matrices
        >>> affine_matrices((4, 6), flip=True)[0].tolist()  # x = 6 - x'
        [[-1.0, 0.0, 6.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]

    Reference:
        Hartley and Zisserman, "Multiple View Geometry in Computer Vision", 2nd ed., section 2.4.
    """
    report = Report("affine_matrices")
    height, width = report.ints("size", size, 2)
    report.done()
    x, y = (width / 2, height / 2) if centre is None else centre
    numbers = (angle, translate_x, translate_y, scale, shear_x, shear_y)
    angle, right, down, scale, shear_x, shear_y = (jnp.asarray(n, _float(n)) for n in numbers)
    turn = jnp.deg2rad(angle)
    cos, sin = jnp.cos(turn), jnp.sin(turn)
    mirror = jnp.where(jnp.asarray(flip), -1.0, 1.0)
    parts = (
        _matrix(1, 0, x, 0, 1, y),
        _matrix(mirror / scale, 0, 0, 0, 1 / scale, 0),
        _matrix(1, shear_x, 0, 0, 1, 0),
        _matrix(1, 0, 0, shear_y, 1, 0),
        _matrix(cos, sin, 0, -sin, cos, 0),
        _matrix(1, 0, -x - right, 0, 1, -y - down),
    )
    # Accelerators multiply float32 in fewer bits, which would move the image.
    return functools.reduce(functools.partial(jnp.matmul, precision="highest"), parts)


def _float(number: ArrayLike) -> Dtype:
    kind = jnp.result_type(number) if jnp.ndim(number) else jnp.float32
    return jnp.promote_types(kind, jnp.float32)


def _matrix(*entries: ArrayLike) -> Array:
    """Return (B, 3, 3) from the two upper rows, each entry a number or (B,)."""
    rows = jnp.broadcast_arrays(*(jnp.atleast_1d(e) for e in (*entries, 0.0, 0.0, 1.0)))
    return jnp.stack(rows, -1).reshape(-1, 3, 3)
