"""LeNet-5 on MNIST (60,000 + 10,000 handwritten digits); three minutes on two cores.

TFDS_DATA_DIR=DIR python -m train mnist

Unmeasured. Published: 99.05 % for the original network (LeCun et al. 1998, figure 9), 99.2 % with
distorted training images. Time estimated from the digits' run.
"""

import dataclasses

from configs.shared.small import MNIST
from train.config import Augment, Config, Log, Model, Optim


def config() -> Config:
    return Config(
        length="12 epochs",
        model=Model("lenet5", fields={"dropout": 0.2}),
        data=dataclasses.replace(MNIST, image_size=32),
        augment=Augment(pad_crop=2),
        optim=Optim("adamw", learning_rate=3e-3, weight_decay=0.01),
        log=Log(every="100 steps"),
    )
