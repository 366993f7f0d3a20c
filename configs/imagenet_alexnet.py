"""AlexNet on ImageNet; about three hours on one A100, if the images come fast enough.

python -m train imagenet_alexnet --data.source folder:DIR

Unmeasured. Published: 56.52 % (torchvision, `alexnet`), 59.3 % (Krizhevsky et al. 2012, table 2:
one network of two groups, ten crops). Time estimated at 12,000 images/s. The evaluation differs
from the published one: whole images as squares of 256 pixels instead of middle crops. Data: see
configs/shared/imagenet.py.
"""

import dataclasses

from configs.shared.imagenet import SGD, imagenet
from train.config import Config, Model


def config() -> Config:
    return imagenet(
        Model("alexnet", dtype="bfloat16"),
        optim=dataclasses.replace(SGD, learning_rate=0.01, base_batch=128, weight_decay=5e-4),
    )
