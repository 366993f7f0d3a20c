"""Haiku: the residual networks with its layers, symmetric padding, the zoo's names."""

# pyright: reportMissingImports=false

from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp

from benchmarks.peers.jax_steps import steps
from benchmarks.peers.resnets import BLOCKS, plan

RENAMED = {"w": "kernel", "b": "bias", "scale": "scale", "offset": "bias"}


class ResNet:
    """A function of images, made of Haiku's modules."""

    def __init__(self, spec: dict[str, Any]):
        self.blocks, self.bottleneck = BLOCKS[spec["model"]]
        self.half = spec["fields"].get("dtype") == "bfloat16"

    def __call__(self, x: Any, train: bool) -> Any:
        x = x.astype(jnp.bfloat16) if self.half else x
        x = jax.nn.relu(self.unit(x, "stem/conv", "stem/norm", 64, 7, 2, train))
        x = hk.max_pool(jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-jnp.inf),
                        (1, 3, 3, 1), (1, 2, 2, 1), "VALID")  # fmt: skip
        for i, count in enumerate(self.blocks):
            width = 64 * 2**i * (4 if self.bottleneck else 1)
            for j in range(count):
                stride = 2 if i and not j else 1
                x = self.block(x, f"stage{i + 1}/block{j + 1}", width, stride, train)
        y = x.mean((1, 2), dtype=jnp.float32)
        return hk.Linear(1000, name="head")(y.astype(x.dtype)).astype(jnp.float32)

    def block(self, x: Any, path: str, width: int, stride: int, train: bool) -> Any:
        y, steps_ = x, plan(width, stride, self.bottleneck)
        for i, (features, size, step) in enumerate(steps_, 1):
            conv, norm = f"{path}/conv{i}", f"{path}/norm{i}"
            y = self.unit(y, conv, norm, features, size, step, train)
            y = jax.nn.relu(y) if i < len(steps_) else y
        if stride > 1 or x.shape[-1] != width:
            names = (f"{path}/shortcut_conv", f"{path}/shortcut_norm")
            x = self.unit(x, *names, width, 1, stride, train)
        return jax.nn.relu(x + y)

    def unit(
        self, x: Any, conv: str, norm: str, features: int, size: int, stride: int, train: bool
    ) -> Any:
        half = (size - 1) // 2
        pads = [(half, half)] * 2
        name = conv.replace("/", "__")
        x = hk.Conv2D(features, size, stride, padding=pads, with_bias=False, name=name)(x)
        return hk.BatchNorm(True, True, 0.9, name=norm.replace("/", "__"))(x, train)


def build(spec: dict[str, Any], given: dict[str, Any]) -> tuple[Any, Any]:
    network = hk.without_apply_rng(hk.transform_with_state(lambda x, train: ResNet(spec)(x, train)))
    if spec["fields"].get("dtype") == "bfloat16":
        raise NotImplementedError("its mixed precision is a policy of another package")
    shape = jax.ShapeDtypeStruct(given["images"].shape, jnp.float32)
    key = jax.eval_shape(lambda: jax.random.key(0))
    params, state = jax.eval_shape(lambda k, x: network.init(k, x, True), key, shape)
    params = {
        module: {
            name: leaf(given, "params", module, RENAMED[name]).reshape(spec.shape)
            for name, spec in own.items()
        }
        for module, own in params.items()
    }
    state = {m: {n: moving(given, m, n, s) for n, s in own.items()} for m, own in state.items()}

    def apply(variables: Any, x: Any, train: bool) -> Any:
        return network.apply(variables["params"], variables["batch_stats"], x, train)

    start = {"params": params, "batch_stats": state}
    return steps(apply, spec, given, start)


def leaf(given: dict[str, Any], collection: str, module: str, name: str) -> Any:
    return jnp.asarray(given["/".join([collection, *module.split("__"), name])])


def moving(given: dict[str, Any], module: str, name: str, shape: Any) -> Any:
    """Return a moving average; its counter and the sum before correction start at zero."""
    norm, _, kind = module.partition("/~/")
    if name != "average":
        return jnp.zeros(shape.shape, shape.dtype)
    return leaf(given, "batch_stats", norm, kind.removesuffix("_ema")).reshape(shape.shape)
