"""A narrow WRN-16 on CIFAR-10 in 24 epochs; about a minute on one GPU.

TFDS_DATA_DIR=DIR python -m train cifar10_fast

Unmeasured; meant for 94 %. One cycle of the learning rate (Smith & Topin 2017), smoothed labels, a
running average and two views at the test, as the fast entries of DAWNBench and after have them
(Page 2018, "How to train your ResNet"; Jordan 2024, "94% on CIFAR-10 in 3.29 seconds").
"""

import dataclasses

from configs.shared.small import CIFAR10
from train.config import Augment, Config, Log, Loss, Model, Optim


def config() -> Config:
    return Config(
        length="24 epochs",
        model=Model("wrn_16_8", dtype="bfloat16", fields={"widen": 4}),
        data=dataclasses.replace(CIFAR10, batch_size=512),
        augment=Augment(pad_crop=4, flip=True, test_flip=True),
        loss=Loss(label_smoothing=0.1),
        optim=Optim(
            learning_rate=0.8, weight_decay=5e-4, schedule="one_cycle", warmup="6 epochs", ema=0.99
        ),
        log=Log(every="1 epochs", eval_every="4 epochs"),
    )
