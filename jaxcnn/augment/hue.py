"""Turn the circle of colours."""

import jax.numpy as jnp

from jaxcnn.augment.pixels import per_image
from jaxcnn.typing import Array


def turn_hue(values: Array, turns: Array) -> Array:
    """Move the hue of each pixel by a share of the circle; saturation and value stay.

    Args:
        values: RGB, (B, H, W, 3); grey images are returned as they are.
        turns: Shares of a whole turn, (B,).
    """
    if values.shape[-1] == 1:
        return values
    red, green, blue = (values[..., index : index + 1] for index in range(3))
    top = values.max(-1, keepdims=True)
    spread = top - values.min(-1, keepdims=True)
    safe = jnp.where(spread == 0, 1, spread)
    # The hue in sixths of a turn, from red. The channels are compared with each other, never with
    # their maximum: a compiler may compute a value twice, rounded differently.
    hue = jnp.where(
        (red >= green) & (red >= blue),
        (green - blue) / safe,
        jnp.where(green >= blue, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = hue + per_image(6 * turns.astype(values.dtype))
    # Each primary is full within a sixth of its own angle and absent opposite to it.
    angle = (hue + jnp.asarray((5, 3, 1), values.dtype)[None, None, None]) % 6
    return top - spread * jnp.clip(jnp.minimum(angle, 4 - angle), 0, 1)
