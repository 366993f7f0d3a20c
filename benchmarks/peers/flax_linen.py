"""Plain Flax: `nn.Conv`, `nn.BatchNorm`, `nn.max_pool`, symmetric padding, jitted, donated.

The residual networks are written out, as in Flax's ImageNet example. The other architectures are
those of the zoo with each of its layers replaced by Flax's own of the same name; for the residual
networks both ways give programs of the same operations, which a test asserts.
"""

import sys
from functools import partial
from typing import Any
from unittest import mock

import jax.numpy as jnp
from flax import linen as nn
from jax import lax

from benchmarks.peers.jax_steps import linen, steps
from benchmarks.peers.resnets import BLOCKS, plan
from jaxcnn import create_model

PADS: Any = ((1, 1), (1, 1))


def build(spec: dict[str, Any], given: dict[str, Any]) -> tuple[Any, Any]:
    name, fields = spec["model"], spec["fields"]
    if name in BLOCKS:
        model = ResNet(*BLOCKS[name], dtype=fields.get("dtype"))
        return steps(linen(model), spec, given)
    mock.patch.object(sys.modules["jaxcnn.ops.max_pool"], "maximum", maximum).start()
    return steps(linen(plain(create_model(name, **fields))), spec, given)


def plain(model: nn.Module) -> nn.Module:
    """Return a model of the zoo whose layers are those of Flax."""
    fields = model.__dataclass_fields__
    changed: dict[str, Any] = {"conv": nn.Conv} if "conv" in fields else {}
    if "conv_transpose" in fields:
        changed["conv_transpose"] = nn.ConvTranspose
    norm: Any = getattr(model, "norm", None)
    if norm is not None:
        options = {"momentum": norm.momentum, "epsilon": norm.epsilon}
        changed["norm"] = partial(nn.BatchNorm, **options)
    return model.clone(**changed)


def maximum(x: Any, place: Any) -> Any:
    """Pool as `nn.max_pool` does."""
    pairs = ((0, 0), *place.total_padding, (0, 0))
    window, stride = (1, *place.window, 1), (1, *place.stride, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, stride, pairs)


class ResNet(nn.Module):
    """The residual network for ImageNet, with the zoo's names."""

    blocks: tuple[int, ...]
    bottleneck: bool
    num_classes: int = 1000
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        norm = partial(nn.BatchNorm, not train, momentum=0.9, epsilon=1e-5, dtype=self.dtype)
        conv = partial(nn.Conv, use_bias=False, dtype=self.dtype)
        x = Unit(64, 7, conv, norm, name="stem")(x)
        x = nn.max_pool(nn.relu(x), (3, 3), (2, 2), PADS)
        for i, count in enumerate(self.blocks):
            width = 64 * 2**i * (4 if self.bottleneck else 1)
            stage = partial(Stage, count, width, min(i + 1, 2), self.bottleneck, conv, norm)
            x = stage(name=f"stage{i + 1}")(x)
        x = x.mean((1, 2), dtype=jnp.float32).astype(x.dtype)
        return nn.Dense(self.num_classes, dtype=self.dtype, name="head")(x).astype(jnp.float32)


class Unit(nn.Module):
    features: int
    size: int
    conv: Any
    norm: Any

    @nn.compact
    def __call__(self, x: Any) -> Any:
        half = (self.size - 1) // 2
        pads = ((half, half), (half, half))
        x = self.conv(self.features, (self.size,) * 2, 2, padding=pads, name="conv")(x)
        return self.norm(name="norm")(x)


class Stage(nn.Module):
    count: int
    width: int
    stride: int
    bottleneck: bool
    conv: Any
    norm: Any

    @nn.compact
    def __call__(self, x: Any) -> Any:
        for i in range(self.count):
            stride = self.stride if i == 0 else 1
            block = partial(Block, self.width, stride, self.bottleneck, self.conv, self.norm)
            x = block(name=f"block{i + 1}")(x)
        return x


class Block(nn.Module):
    width: int
    stride: int
    bottleneck: bool
    conv: Any
    norm: Any

    @nn.compact
    def __call__(self, x: Any) -> Any:
        y, convs = x, plan(self.width, self.stride, self.bottleneck)
        for i, (features, size, stride) in enumerate(convs, 1):
            half = (size - 1) // 2
            pads = ((half, half), (half, half))
            y = self.conv(features, (size, size), stride, padding=pads, name=f"conv{i}")(y)
            y = self.norm(name=f"norm{i}")(y)
            y = nn.relu(y) if i < len(convs) else y
        if self.stride > 1 or x.shape[-1] != self.width:
            x = self.conv(self.width, (1, 1), self.stride, padding=0, name="shortcut_conv")(x)
            x = self.norm(name="shortcut_norm")(x)
        return nn.relu(x + y)
