"""ImageNet from folders, and the recipe of its usual ninety epochs.

`DIR/train/n01440764/*.JPEG`, and the official validation images as `DIR/test/n01440764/*.JPEG`:
they are the test, looked at once; one in a hundred training images serves for validation. Images
are resized as a whole to a square, from which training cuts its crops.
"""

from train.config import Augment, Checkpoint, Config, Data, Log, Loss, Model, Optim

SGD = Optim(
    learning_rate=0.1,
    batch_rule="linear",
    base_batch=256,
    weight_decay=1e-4,
    nesterov=False,
    schedule="step",
    milestones=("30 epochs", "60 epochs", "80 epochs"),
    warmup="5 epochs",
)
"""Goyal et al. 2017, section 5.1."""


def imagenet(
    model: Model,
    *,
    optim: Optim = SGD,
    loss: Loss | None = None,
    augment: Augment | None = None,
    length: str = "90 epochs",
    batch_size: int = 256,
    train_size: int = 224,
    test_size: int = 256,
) -> Config:
    """Return a run on ImageNet: crops of random area, mirrored, unless `augment` says more."""
    return Config(
        length=length,
        model=model,
        data=Data(
            "folder:imagenet",
            image_size=test_size,
            channels=3,
            batch_size=batch_size,
            eval_batch_size=batch_size,
            val_fraction=0.01,
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            on_error="skip",
            threads=8,
        ),
        augment=augment or crops(train_size),
        loss=loss or Loss(),
        optim=optim,
        checkpoint=Checkpoint(every="1 epochs"),
        log=Log(every="100 steps"),
    )


def crops(size: int, **more) -> Augment:
    """Return crops of random area at a size, mirrored, and what else there is."""
    return Augment(random_resized_crop=0.08, sizes=(f"0 epochs: {size}",), flip=True, **more)
