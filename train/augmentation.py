"""The changes of a training batch, inside the compiled step: by the config, in its order."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxcnn import augment
from jaxcnn.typing import Array, Key
from train.config import Augment

Batch = dict[str, Any]
JITTER = ("brightness", "contrast", "saturation", "hue")


def repeated(batch: Batch, repeats: int) -> Batch:
    """Return each pair of examples several times in a row, so that neighbours stay different.

    The order is that of the whole batch on any number of devices, where each has an even share.
    """
    if repeats == 1:
        return batch

    def repeat(array: Array) -> Array:
        pairs = jnp.repeat(array.reshape(-1, 2, *array.shape[1:]), repeats, axis=0)
        return pairs.reshape(-1, *array.shape[1:])

    return jax.tree.map(repeat, batch)


def randomize(
    config: Augment, keys: Key, images: Array, mean: Sequence[float], size: int = 0
) -> Array:
    """Augment bytes (B, H, W, C), each image with its own key, to the training size.

    Args:
        config: What is done.
        keys: One key for each image, (B,).
        images: uint8 (B, H, W, C).
        mean: Of the channels, for values in [0, 1]: what an erased rectangle shows.
        size: Height and width of the result; 0 keeps those of the images.
    """
    if config.pad_crop:
        images = augment.pad_crop(keys, images, config.pad_crop)
    images = resized(config, keys, images, size)
    if config.flip:
        images = augment.horizontal_flip(keys, images)
    if config.color_jitter:
        amounts = dict(zip(JITTER, config.color_jitter, strict=True))
        images = augment.color_jitter(keys, images, **amounts)
    if config.rand_augment:
        images = augment.rand_augment(keys, images, magnitude=config.rand_augment)
    if config.trivial_augment:
        images = augment.trivial_augment(keys, images)
    if config.random_erasing:
        grey = [round(255 * value) for value in mean]
        value = grey[0] if len(grey) == 1 else grey
        images = augment.random_erasing(keys, images, config.random_erasing, value=value)
    return images


def resized(config: Augment, keys: Key, images: Array, size: int) -> Array:
    """Return a random crop, or all of each image, at the training size."""
    target = (size, size) if size else images.shape[1:3]
    if config.random_resized_crop:
        scale = (config.random_resized_crop, 1.0)
        return augment.random_resized_crop(keys, images, target, scale=scale)
    if target == images.shape[1:3]:
        return images
    shape = (images.shape[0], *target, images.shape[3])
    # In 64 bits, where they are enabled, an image's pixels do not depend on the size of the batch.
    smaller = jax.image.resize(images.astype(jnp.result_type(float)), shape, "linear")
    return jnp.round(smaller).astype(jnp.uint8)


def mixed(
    config: Augment, key: Key, step: Array, keys: Key, batch: Batch, num_classes: int
) -> Batch:
    """Return the batch with images mixed by pairs, and their shares of classes as `target`.

    Args:
        config: What is done.
        key: Of the run: with the step it chooses where mixup and CutMix are both on.
        step: Number of the step.
        keys: One key for each image, (B,).
        batch: `image`, `label` and `mask`.
        num_classes: Number of classes.
    """
    ways = [
        (function, alpha)
        for function, alpha in ((augment.mixup, config.mixup), (augment.cutmix, config.cutmix))
        if alpha
    ]
    if not ways:
        return batch

    def mix(way: Any) -> tuple[Array, Array]:
        function, alpha = way
        options = {"num_classes": num_classes, "alpha": alpha, "mask": batch["mask"]}
        return function(keys, batch["image"], batch["label"], **options)

    if len(ways) == 1:
        images, target = mix(ways[0])
    else:  # One choice for all, so that only one of the two is computed.
        draw = augment.stream(augment.example_keys(key, step, jnp.zeros(1, jnp.int32)), "mixed")
        choice = jax.random.bernoulli(draw[0])
        images, target = jax.lax.cond(choice, lambda: mix(ways[0]), lambda: mix(ways[1]))
    return {**batch, "image": images, "target": target}
