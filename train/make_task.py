"""What is minimised, by the config: checked against the data and the network."""

from flax import linen as nn

from train.config import Config, Loss
from train.context import context_of
from train.data import Splits
from train.errors import UserError
from train.pair_augmentation import MOTIONS, check_used
from train.segmentation import Segmentation
from train.tasks import Classification
from train.transfer import Transfer

Task = Classification | Segmentation

PIXEL_LOSSES = ("cross_entropy", "focal", "border")
IMAGE_LOSSES = ("cross_entropy", "bce")


def make_task(
    config: Config, splits: Splits, model: nn.Module, transfer: Transfer, teacher: nn.Module | None
) -> Task:
    """Return the task of the config for these data."""
    common = {
        "model": model,
        "mean": config.data.mean,
        "std": config.data.std,
        "augment": config.augment,
        "loss": config.loss,
        "transfer": transfer,
        "remat": config.model.remat,
    }
    if config.task == "classification":
        check_classification(config)
        return Classification(**common, teacher=teacher)
    check_segmentation(config)
    return Segmentation(**common, context=context_of(model, splits.image_shape))


def check_data(config: Config, splits: Splits) -> None:
    """Refuse data whose labels are not those of the task."""
    if splits.pixels != (config.task == "segmentation"):
        has = "a class for each pixel" if splits.pixels else "one class for each image"
        raise UserError(f"the data have {has}, and --task is {config.task}; change one of them")
    if config.patience and splits.val is None:
        raise UserError(
            f"--patience {config.patience} needs a validation split: "
            "give --data.val-fraction a share"
        )


def check_segmentation(config: Config) -> None:
    """Refuse what has no meaning for pixels."""
    check_used(config.augment)
    wrong = []
    if config.loss.name not in PIXEL_LOSSES:
        wrong.append(f"--loss.name {config.loss.name} (use {', '.join(PIXEL_LOSSES)})")
    if config.loss.teacher:
        wrong.append("--loss.teacher")
    if wrong:
        raise UserError(f"not for a segmentation: {'; '.join(wrong)}")


def check_classification(config: Config) -> None:
    """Refuse what has a meaning for pixels alone."""
    wrong = [f"--augment.{name}" for name in MOTIONS if getattr(config.augment, name)]
    if config.loss.name not in IMAGE_LOSSES:
        wrong.append(f"--loss.name {config.loss.name} (use {', '.join(IMAGE_LOSSES)})")
    if config.loss.dice != Loss().dice:
        wrong.append("--loss.dice")
    if wrong:
        raise UserError(f"for a segmentation alone: {'; '.join(wrong)}; see --task")
