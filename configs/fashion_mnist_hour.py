"""What two cores reach in an hour on Fashion-MNIST: five convolutions, 1.1 M parameters.

TFDS_DATA_DIR=DIR python -m train fashion_mnist_hour

Measured on two cores of an AMD EPYC, jax 0.10.2, seed 0: test top-1 94.45 %, 3,626 s of
training (`python -m benchmarks proof fashion`). Nothing was tuned: the widths are those with which
an hour is about thirty epochs; random erasing (Zhong et al. 2017), smoothed labels, a running
average and two views at the test.
"""

from configs.shared.small import FASHION
from train.config import Augment, Config, Log, Loss, Model, Optim


def config() -> Config:
    return Config(
        length="28 epochs",
        model=Model(
            "convnet",
            fields={
                "stages": [[32, 1, True], [128, 2, True], [256, 2, True]],
                "hidden": [],
                "flatten": False,
            },
        ),
        data=FASHION,
        augment=Augment(pad_crop=2, flip=True, random_erasing=0.4, test_flip=True),
        loss=Loss(label_smoothing=0.1),
        optim=Optim(learning_rate=0.1, weight_decay=5e-4, warmup="2 epochs", ema=0.999),
        log=Log(every="50 steps", eval_every="4 epochs"),
    )
