"""Values that a config cannot mean, all reported at once."""

import math
import re
from collections.abc import Callable
from typing import Any

from train.config import Config, parse_duration, parse_size, parse_stage
from train.errors import UserError


def _positive(value: float) -> bool:
    return 0 < value < math.inf


def _not_negative(value: float) -> bool:
    return 0 <= value < math.inf


def _share(value: float) -> bool:
    return 0 <= value < 1


def _closed_share(value: float) -> bool:
    return 0 <= value <= 1


def _jitter(value: tuple[float, ...]) -> bool:
    return not value or (len(value) == 4 and all(map(_not_negative, value)) and value[3] <= 0.5)


def _group(value: str) -> bool:
    return re.fullmatch(r"sync|local|group:[1-9]\d*", value) is not None


def _parsed_by(parse: Callable[[str], Any]) -> Callable[[str], bool]:
    def holds(value: str) -> bool:
        try:
            parse(value)
        except UserError:
            return False
        return True

    return holds


_duration, _stage, _size = map(_parsed_by, (parse_duration, parse_stage, parse_size))


def _some_time(value: str) -> bool:
    return _duration(value) and parse_duration(value)[0] > 0


UNITS_RULE = "must be a number with a unit, such as '30 epochs', '500 steps', '100000 examples'"

RULES: list[tuple[str, Callable[[Any], bool], str]] = [
    ("length", _some_time, UNITS_RULE + ", and more than none"),
    ("seed", lambda v: 0 <= v < 2**32, "must be in [0, 2**32)"),
    ("patience", _not_negative, "must be >= 0 evaluations; 0 = never stop early"),
    ("model.num_classes", _not_negative, "must be >= 0"),
    ("data.image_size", _not_negative, "must be >= 0 pixels"),
    ("data.channels", lambda v: v in (0, 1, 3), "must be 0 (the source's), 1 (grey) or 3 (colour)"),
    ("loss.label_smoothing", _share, "must be in [0, 1)"),
    ("loss.bce_threshold", _closed_share, "must be in [0, 1]; 1 leaves the targets"),
    ("loss.dice", _closed_share, "must be a share of the loss, in [0, 1]"),
    ("loss.gamma", _not_negative, "must be >= 0"),
    ("loss.border_weight", _not_negative, "must be >= 0"),
    ("loss.border_sigma", _positive, "must be > 0 pixels"),
    ("loss.aux_weight", _not_negative, "must be >= 0"),
    ("loss.distillation", lambda v: 0 < v <= 1, "must be in (0, 1]"),
    ("loss.temperature", _positive, "must be > 0"),
    ("data.batch_size", _positive, "must be >= 1"),
    ("data.per_device_batch_size", _not_negative, "must be >= 0"),
    ("data.eval_batch_size", _positive, "must be >= 1"),
    ("data.val_fraction", _share, "must be in [0, 1)"),
    ("data.test_fraction", lambda v: 0 < v < 1, "must be in (0, 1)"),
    ("data.split_seed", lambda v: -1 <= v < 2**32, "must be -1 (the run's) or in [0, 2**32)"),
    ("data.mean", lambda v: len(v) in (1, 3), "must be one value, or one for each channel"),
    ("data.std", lambda v: len(v) in (1, 3) and min(v) > 0, "must be one or three values > 0"),
    ("data.cache_mb", _not_negative, "must be >= 0"),
    ("data.workers", _not_negative, "must be >= 0"),
    ("data.threads", _positive, "must be >= 1"),
    ("data.prefetch", _positive, "must be >= 1"),
    ("augment.pad_crop", _not_negative, "must be >= 0 pixels"),
    ("augment.random_resized_crop", _closed_share, "must be a share of the image, in [0, 1]"),
    ("augment.sizes", lambda v: all(map(_size, v)), "must be sizes such as '6 epochs: 160'"),
    ("augment.rotate", lambda v: 0 <= v <= 360, "must be an angle in [0, 360] degrees"),
    ("augment.translate", _closed_share, "must be a share of the image, in [0, 1]"),
    ("augment.zoom", _not_negative, "must be >= 0"),
    ("augment.shear", lambda v: 0 <= v <= 89, "must be an angle in [0, 89] degrees"),
    ("augment.elastic", _not_negative, "must be >= 0 pixels"),
    ("augment.color_jitter", _jitter, "must be none or four numbers >= 0, the last at most 0.5"),
    ("augment.rand_augment", lambda v: 0 <= v <= 30, "must be in [0, 30]"),
    ("augment.random_erasing", _closed_share, "must be a probability, in [0, 1]"),
    ("augment.mixup", _not_negative, "must be >= 0"),
    ("augment.cutmix", _not_negative, "must be >= 0"),
    ("augment.repeats", _positive, "must be >= 1"),
    ("optim.learning_rate", _positive, "must be > 0"),
    ("optim.momentum", _share, "must be in [0, 1)"),
    ("optim.weight_decay", _not_negative, "must be >= 0"),
    ("optim.warmup", _duration, UNITS_RULE),
    ("optim.base_batch", _positive, "must be >= 1"),
    ("optim.beta2", _share, "must be in [0, 1)"),
    ("optim.trust", _positive, "must be > 0"),
    ("optim.milestones", lambda v: all(map(_duration, v)), UNITS_RULE),
    ("optim.step_factor", lambda v: 0 < v <= 1, "must be in (0, 1]"),
    ("optim.power", _positive, "must be > 0"),
    ("optim.final_rate", _closed_share, "must be a share of the peak, in [0, 1]"),
    ("optim.clip", _not_negative, "must be >= 0"),
    ("optim.accumulate", _positive, "must be >= 1"),
    ("optim.ema", _share, "must be in [0, 1)"),
    ("optim.freeze", lambda v: all(v) and v != ("**",), "must be patterns, and not all of '**'"),
    ("optim.unfreeze", lambda v: all(map(_stage, v)), "must be stages such as '2 epochs: stage4'"),
    ("optim.layer_decay", lambda v: 0 < v <= 1, "must be in (0, 1]"),
    ("optim.bad_steps", _positive, "must be >= 1"),
    ("devices.count", _not_negative, "must be >= 0"),
    ("devices.batch_norm", _group, "must be sync, local, or group:N with N devices in a group"),
    ("checkpoint.every", _some_time, UNITS_RULE + ", and more than none"),
    ("checkpoint.keep_last", _positive, "must be >= 1"),
    ("checkpoint.keep_best", _not_negative, "must be >= 0"),
    ("checkpoint.bad_saves", _positive, "must be >= 1"),
    ("hosts.count", _not_negative, "must be >= 0"),
    ("hosts.index", lambda v: v >= -1, "must be >= 0, or -1 to ask the launcher"),
    ("hosts.heartbeat", lambda v: 2 <= v < math.inf, "must be at least 2 seconds"),
    ("hosts.watchdog", lambda v: 2 <= v < math.inf, "must be at least 2 seconds"),
    ("hosts.wait", _positive, "must be > 0 seconds"),
    ("log.every", _some_time, UNITS_RULE + ", and more than none"),
    ("log.eval_every", _some_time, UNITS_RULE + ", and more than none"),
]


def validate(config: Config) -> None:
    """Raise one error that names every field whose value breaks its rule."""
    lines = []
    for path, holds, rule in RULES:
        value: Any = config
        for name in path.split("."):
            value = getattr(value, name)
        if not holds(value):
            lines.append(f"  --{path} {value!r}: {rule}")
    if config.devices.map == "pmap":
        wanted = {"optimizer_state": "sharded", "deterministic": True}
        lines += [
            f"  --devices.{name} {value}: needs --devices.map shard_map"
            for name, value in wanted.items()
            if getattr(config.devices, name) == value
        ]
    if lines:
        raise UserError("the config cannot be run:\n" + "\n".join(lines))
