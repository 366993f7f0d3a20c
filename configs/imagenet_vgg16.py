"""VGG-16 on ImageNet; about a day on one A100.

python -m train imagenet_vgg16 --data.source folder:DIR

Unmeasured. Published: 71.59 % (torchvision, `vgg16`), 73.0 % (Simonyan & Zisserman 2015, table 3,
at one scale). Time estimated from 15.5 G multiply-adds an image at 120 TFLOP/s. The evaluation
differs from the published one: whole images as squares of 256 pixels instead of middle crops. Data:
see configs/shared/imagenet.py.
"""

import dataclasses

from configs.shared.imagenet import SGD, imagenet
from train.config import Config, Model


def config() -> Config:
    return imagenet(
        Model("vgg16", dtype="bfloat16"),
        optim=dataclasses.replace(SGD, learning_rate=0.01, weight_decay=5e-4),
    )
