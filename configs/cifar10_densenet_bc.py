"""DenseNet-BC of 100 layers, growth 12, on CIFAR-10; about three hours on one GPU.

TFDS_DATA_DIR=DIR python -m train cifar10_densenet_bc

Unmeasured. Published: 95.49 % (Huang et al. 2016, table 2). Time estimated from multiply-adds.
"""

import dataclasses

from configs.shared.small import CHECKPOINT, CIFAR10, LOG, SHIFT_AND_FLIP
from train.config import Config, Model, Optim


def config() -> Config:
    return Config(
        length="300 epochs",
        model=Model("densenet_bc_100_12"),
        data=dataclasses.replace(CIFAR10, batch_size=64),
        augment=SHIFT_AND_FLIP,
        optim=Optim(
            learning_rate=0.1,
            weight_decay=1e-4,
            schedule="step",
            milestones=("150 epochs", "225 epochs"),
            warmup="0 steps",
        ),
        checkpoint=CHECKPOINT,
        log=LOG,
    )
