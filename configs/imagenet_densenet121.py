"""DenseNet-121 on ImageNet, as in its paper; about 20 hours on one A100.

python -m train imagenet_densenet121 --data.source folder:DIR

Unmeasured. Published: 75.0 % (Huang et al. 2016, table 3), 74.43 % (torchvision, `densenet121`).
Time estimated at 1,600 images/s. The evaluation differs from the published one: whole images as
squares of 256 pixels instead of middle crops. Data: see configs/shared/imagenet.py.
"""

import dataclasses

from configs.shared.imagenet import SGD, imagenet
from train.config import Config, Model


def config() -> Config:
    return imagenet(
        Model("densenet121", dtype="bfloat16"),
        optim=dataclasses.replace(
            SGD, nesterov=True, milestones=("30 epochs", "60 epochs"), warmup="1 epochs"
        ),
    )
