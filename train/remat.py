"""What the backward pass computes again instead of keeping it."""

from collections.abc import Callable
from typing import Any

import jax
from flax import linen as nn
from jax.ad_checkpoint import checkpoint_name

PART = "output of a part"
LINEAR = ("conv_general_dilated", "dot_general")


def recomputing(remat: str, apply: Callable[..., Any]) -> Callable[..., Any]:
    """Return `apply(variables, images, **options)` that keeps less for the backward pass.

    `norms` keeps what convolutions and dense layers give, `stage` what the network's direct
    parts give (`stage1`, or `inception4a` where those are the parts). `block` is done by the
    network itself, in its field `remat`. Sums over devices are always kept: to repeat them would
    cost the network between the devices.
    """
    if remat not in POLICIES:
        return apply

    def run(variables: Any, images: Any, **options: Any) -> Any:
        def inner(variables: Any, images: Any) -> Any:
            with nn.intercept_methods(name_parts):
                return apply(variables, images, **options)

        return jax.checkpoint(inner, policy=POLICIES[remat])(variables, images)

    return run


def name_parts(
    next_fun: Callable[..., Any], args: Any, kwargs: Any, context: nn.module.InterceptorContext
) -> Any:
    """Name what each direct part of the network gives, for the policy to recognise it."""
    out = next_fun(*args, **kwargs)
    if context.method_name == "__call__" and len(context.module.path) == 1:
        return jax.tree.map(lambda x: checkpoint_name(x, PART), out)
    return out


def keep_linear(primitive: Any, *_: Any, **__: Any) -> bool:
    """Keep results of convolutions and matrix products, and sums over devices."""
    return primitive.name in LINEAR or keep_sums(primitive)


def keep_sums(primitive: Any, *_: Any, **__: Any) -> bool:
    """Keep sums over devices."""
    return primitive.name.startswith("psum")


POLICIES = {
    "norms": keep_linear,
    "stage": jax.checkpoint_policies.save_from_both_policies(
        jax.checkpoint_policies.save_only_these_names(PART), keep_sums
    ),
}
