"""How a batch is dealt out: over devices, in parts, in pairs."""

import dataclasses

from train.config import Config
from train.data import check_batch_size
from train.errors import UserError


def in_force(config: Config, devices: int) -> Config:
    """Return the config with the whole batch in `data.batch_size`, however it is given."""
    each = config.data.per_device_batch_size
    if not each:
        return config
    return dataclasses.replace(
        config, data=dataclasses.replace(config.data, batch_size=each * devices)
    )


def check_shares(config: Config, devices: int) -> None:
    """Raise unless every device gets whole pairs, parts and repetitions of examples."""
    data, augment, parts = config.data, config.augment, config.optim.accumulate
    check_batch_size("data.batch_size", data.batch_size, devices)
    check_batch_size("data.eval_batch_size", data.eval_batch_size, devices)
    each, repeats = data.batch_size // devices, augment.repeats
    needs = [
        (2, augment.mixup > 0 or augment.cutmix > 0, "mixup and cutmix mix pairs"),
        (2 * repeats, repeats > 1, f"--augment.repeats {repeats} repeats pairs"),
        (parts, parts > 1, f"--optim.accumulate {parts} computes it in equal parts"),
    ]
    lines = [
        f"  {why}: it must be a multiple of {multiple}"
        for multiple, used, why in needs
        if used and each % multiple
    ]
    if lines:
        raise UserError(
            f"data.batch_size {data.batch_size} gives each of {devices} device(s) {each} "
            "example(s):\n" + "\n".join(lines) + "\nchange --data.batch_size, or the number of "
            "devices with --devices.count"
        )
