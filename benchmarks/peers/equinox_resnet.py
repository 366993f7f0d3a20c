"""Equinox: the residual networks with its layers, mapped over examples as its guide shows."""

# pyright: reportMissingImports=false

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.peers.jax_steps import steps
from benchmarks.peers.resnets import BLOCKS, plan


class Unit(eqx.Module):
    """A convolution and its norm."""

    conv: eqx.nn.Conv2d
    norm: eqx.nn.BatchNorm

    def __init__(self, given: Any, conv: str, norm: str, stride: int):
        kernel = given[f"params/{conv}/kernel"]
        size, _, before, features = kernel.shape
        key = jax.random.key(0)
        made = eqx.nn.Conv2d(
            before, features, size, stride, (size - 1) // 2, use_bias=False, key=key
        )
        weight = jnp.asarray(kernel.transpose(3, 2, 0, 1))
        self.conv = eqx.tree_at(lambda conv: conv.weight, made, weight)
        made = eqx.nn.BatchNorm(features, "batch", mode="batch", momentum=0.9)
        values = [jnp.asarray(given[f"params/{norm}/{name}"]) for name in ("scale", "bias")]
        self.norm = eqx.tree_at(lambda norm: (norm.weight, norm.bias), made, values)

    def __call__(self, x: Any, state: Any) -> Any:
        return self.norm(self.conv(x), state)


class Block(eqx.Module):
    units: list[Unit]
    shortcut: Unit | None

    def __init__(self, given: Any, path: str, width: int, stride: int, bottleneck: bool):
        plans = enumerate(plan(width, stride, bottleneck), 1)
        self.units = [
            Unit(given, f"{path}/conv{i}", f"{path}/norm{i}", step) for i, (_, _, step) in plans
        ]
        names = (f"{path}/shortcut_conv", f"{path}/shortcut_norm")
        has = f"params/{names[0]}/kernel" in given
        self.shortcut = Unit(given, *names, stride) if has else None

    def __call__(self, x: Any, state: Any) -> Any:
        y = x
        for i, unit in enumerate(self.units):
            y, state = unit(jax.nn.relu(y) if i else y, state)
        if self.shortcut is not None:
            x, state = self.shortcut(x, state)
        return jax.nn.relu(x + y), state


class ResNet(eqx.Module):
    stem: Unit
    pool: eqx.nn.MaxPool2d
    blocks: list[Block]
    head: eqx.nn.Linear

    def __init__(self, given: Any, name: str):
        counts, bottleneck = BLOCKS[name]
        self.stem = Unit(given, "stem/conv", "stem/norm", 2)
        self.pool = eqx.nn.MaxPool2d(3, 2, 1)
        self.blocks = [
            Block(
                given,
                f"stage{i + 1}/block{j + 1}",
                64 * 2**i * (4 if bottleneck else 1),
                2 if i and not j else 1,
                bottleneck,
            )
            for i, count in enumerate(counts)
            for j in range(count)
        ]
        kernel, bias = given["params/head/kernel"], given["params/head/bias"]
        made = eqx.nn.Linear(*kernel.shape, key=jax.random.key(0))
        values = [jnp.asarray(kernel.T), jnp.asarray(bias)]
        self.head = eqx.tree_at(lambda head: (head.weight, head.bias), made, values)

    def __call__(self, x: Any, state: Any) -> Any:
        x, state = self.stem(x, state)
        x = self.pool(jax.nn.relu(x))
        for block in self.blocks:
            x, state = block(x, state)
        return self.head(x.mean((1, 2))), state


def build(spec: dict[str, Any], given: dict[str, Any]) -> tuple[Any, Any]:
    if spec["fields"].get("dtype"):
        raise NotImplementedError("its layers have no type of computation")
    model, state = eqx.nn.make_with_state(ResNet)(given, spec["model"])
    params, static = eqx.partition(model, eqx.is_inexact_array)
    modes = {train: eqx.nn.inference_mode(static, not train) for train in (True, False)}

    def apply(variables: Any, x: Any, train: bool) -> Any:
        network = eqx.combine(variables["params"], modes[train])
        each = jax.vmap(network, axis_name="batch", in_axes=(0, None), out_axes=(0, None))
        return each(x, variables["batch_stats"])

    images = np.ascontiguousarray(given["images"].transpose(0, 3, 1, 2))
    start = {"params": params, "batch_stats": state}
    return steps(apply, spec, {**given, "images": images}, start)
