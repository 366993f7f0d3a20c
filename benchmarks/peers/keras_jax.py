"""Keras 3 on JAX: the residual networks with its layers, trained by `train_on_batch`."""

# pyright: reportMissingImports=false

import os
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np
from keras import layers

from benchmarks.peers import MOMENTUM, RATE
from benchmarks.peers.resnets import BLOCKS, plan


def unit(x: Any, conv: str, norm: str, features: int, size: int, stride: int) -> Any:
    half = (size - 1) // 2
    x = layers.ZeroPadding2D(half)(x) if half else x
    options: dict[str, Any] = {"use_bias": False, "name": conv.replace("/", ".")}
    x = layers.Conv2D(features, size, stride, **options)(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=norm.replace("/", "."))(x)


def network(name: str, size: int) -> Any:
    counts, bottleneck = BLOCKS[name]
    images = keras.Input((size, size, 3))
    x = layers.ReLU()(unit(images, "stem/conv", "stem/norm", 64, 7, 2))
    # After a ReLU zeros never win over what is there.
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    for i, count in enumerate(counts):
        width = 64 * 2**i * (4 if bottleneck else 1)
        for j in range(count):
            x = block(x, f"stage{i + 1}/block{j + 1}", width, 2 if i and not j else 1, bottleneck)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(1000, name="head", dtype="float32")(x))


def block(x: Any, path: str, width: int, stride: int, bottleneck: bool) -> Any:
    y, steps = x, plan(width, stride, bottleneck)
    for i, (features, size, step) in enumerate(steps, 1):
        y = unit(y, f"{path}/conv{i}", f"{path}/norm{i}", features, size, step)
        y = layers.ReLU()(y) if i < len(steps) else y
    if stride > 1 or x.shape[-1] != width:
        x = unit(x, f"{path}/shortcut_conv", f"{path}/shortcut_norm", width, 1, stride)
    return layers.ReLU()(layers.Add()([x, y]))


def build(spec: dict[str, Any], given: dict[str, Any]) -> tuple[Any, Any]:
    if spec["fields"].get("dtype") == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model = network(spec["model"], spec["size"])
    for layer in model.layers:
        path = layer.name.replace(".", "/")
        names = [f"params/{path}/{leaf}" for leaf in ("kernel", "scale", "bias")]
        names += [f"batch_stats/{path}/{leaf}" for leaf in ("mean", "var")]
        if found := [given[name] for name in names if name in given]:
            layer.set_weights(found)
    images, labels = given["images"], given["labels"]
    if not spec["train"]:
        return lambda: model.predict_on_batch(images), lambda y: float(np.abs(y).mean())
    model.compile(
        keras.optimizers.SGD(RATE, MOMENTUM),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=True,
    )
    return lambda: model.train_on_batch(images, labels), float
