"""The changes of a training batch whose pixels have classes: image and mask move alike."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jaxcnn import augment
from jaxcnn.typing import Key
from train.augmentation import JITTER, Batch
from train.config import Augment
from train.data.source import IGNORE
from train.errors import UserError

MOTIONS = ("rotate", "translate", "zoom", "shear", "elastic")
USED = ("pad_crop", "flip", *MOTIONS, "color_jitter", "repeats", "test_flip")


def check_used(config: Augment) -> None:
    """Refuse augmentations that change images but not their masks."""
    default = Augment()
    names = [name for name in vars(default) if getattr(config, name) != getattr(default, name)]
    wrong = [f"--augment.{name}" for name in names if name not in USED]
    if wrong:
        raise UserError(
            f"{', '.join(wrong)} cannot be used in a segmentation, where masks must follow their "
            f"images; {', '.join(USED)} can"
        )


def motion_of(config: Augment) -> dict[str, Any]:
    """Return the arguments of `augment.random_pair`; nothing where nothing moves."""
    asked: dict[str, Any] = {
        "degrees": config.rotate,
        "translate": config.translate,
        "shear": config.shear,
        "elastic": config.elastic,
    }
    if config.zoom:
        asked["scale"] = (1 / (1 + config.zoom), 1 + config.zoom)
    return {name: value for name, value in asked.items() if value}


def randomize_pairs(config: Augment, keys: Key, batch: Batch) -> Batch:
    """Augment `image` uint8 (B, H, W, C), `label` (B, H, W) and, where it is there, `weight`."""
    maps = {name: batch[name][..., None] for name in ("label", "weight") if name in batch}
    maps["image"] = batch["image"]

    def all_alike(change: Callable[..., Any], *options: Any) -> None:
        for name in maps:
            maps[name] = change(keys, maps[name], *options)

    if config.pad_crop:
        all_alike(augment.pad_crop, config.pad_crop)
    if config.flip:
        all_alike(augment.horizontal_flip)
    motion, masks = motion_of(config), maps["label"][..., 0]
    if motion:
        for name in maps.keys() - {"label"}:  # the same keys draw the same motion
            maps[name], moved = augment.random_pair(
                keys, maps[name], masks, ignore=IGNORE, **motion
            )
            maps["label"] = moved[..., None]
    if config.color_jitter:
        amounts = dict(zip(JITTER, config.color_jitter, strict=True))
        maps["image"] = augment.color_jitter(keys, maps["image"], **amounts)
    flat = {name: jnp.squeeze(maps[name], -1) for name in maps.keys() - {"image"}}
    return {**batch, **flat, "image": maps["image"]}
