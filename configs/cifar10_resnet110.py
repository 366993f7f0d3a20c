"""ResNet-110 on CIFAR-10, as in its paper; about an hour on one GPU.

TFDS_DATA_DIR=DIR python -m train cifar10_resnet110

Unmeasured. Published: 93.57 %, the best of five; their mean 93.39 % (He et al. 2015, table 6). The
paper begins with a learning rate of 0.01 for 400 steps, here it rises for as long. Time estimated
from multiply-adds.
"""

import dataclasses

from configs.shared.small import CHECKPOINT, CIFAR10, HE, LOG, SHIFT_AND_FLIP
from train.config import Config, Model


def config() -> Config:
    return Config(
        length="64000 steps",
        model=Model("resnet110"),
        data=CIFAR10,
        augment=SHIFT_AND_FLIP,
        optim=dataclasses.replace(HE, warmup="400 steps"),
        checkpoint=CHECKPOINT,
        log=LOG,
    )
