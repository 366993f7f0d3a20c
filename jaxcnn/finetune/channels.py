"""Another number of channels in the images."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn.checks import Report
from jaxcnn.finetune.patterns import chosen, path_of, paths_of
from jaxcnn.typing import Array, Variables

RGB = 3


def adapt_channels(variables: Variables, in_channels: int, *, stem: str | None = None) -> Variables:
    """Return variables whose first convolution takes images with other channels.

    For one channel its kernel is summed over the colours: a grey image gives what its copy in
    three channels gave (exactly so where the weights' normalisation is the same for all
    colours). For more, the kernel is repeated, red, green, blue, red, ..., and scaled by
    `old / new`, which keeps the size of the output.

    Args:
      variables: Parameters and statistics.
      in_channels: Channels of the images, >= 1.
      stem: Path of the kernel; None for the only one that takes three channels.

    Returns:
      The variables, of which only that kernel is new.

    Raises:
      ValueError: If there is no such kernel, or several.

    Reference:
      The two rules are those of timm's `adapt_input_conv`.

    Example:
      >>> variables = {"params": {"stem": {"kernel": jnp.ones((3, 3, 3, 8))}}}
      >>> kernel = adapt_channels(variables, 1)["params"]["stem"]["kernel"]
      >>> kernel.shape, float(kernel[0, 0, 0, 0])
      ((3, 3, 1, 8), 3.0)
    """
    report = Report("adapt_channels")
    report.count("in_channels", in_channels)
    report.done()
    path = _stem(variables["params"], stem)
    params = jax.tree_util.tree_map_with_path(
        lambda keys, p: _adapted(p, in_channels) if path_of(keys) == path else p,
        variables["params"],
    )
    return {**variables, "params": params}


def _stem(params: Any, stem: str | None) -> str:
    """Return the path of the first kernel."""
    report = Report("adapt_channels")
    if stem is not None:
        found = sorted(chosen("adapt_channels", stem, paths_of(params)))
    else:
        leaves = jax.tree_util.tree_leaves_with_path(params)
        found = [path_of(k) for k, p in leaves if p.ndim == 4 and p.shape[2] == RGB]
    rule = f"must be one kernel, found {', '.join(found) or 'none'}"
    report.expect(len(found) == 1, "stem", stem, rule, "give the path of the first kernel")
    report.done()
    return found[0]


def _adapted(kernel: Array, channels: int) -> Array:
    old = kernel.shape[2]
    if channels == 1:
        return kernel.sum(2, keepdims=True)
    index = jnp.arange(channels) % old
    return kernel[:, :, index] * (old / channels)
