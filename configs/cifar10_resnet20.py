"""ResNet-20 on CIFAR-10, as in its paper; about ten minutes on one GPU.

TFDS_DATA_DIR=DIR python -m train cifar10_resnet20

Unmeasured. Published: 91.25 % (He et al. 2015, table 6). Time estimated from multiply-adds.
"""

from configs.shared.small import CHECKPOINT, CIFAR10, HE, LOG, SHIFT_AND_FLIP
from train.config import Config, Model


def config() -> Config:
    return Config(
        length="64000 steps",
        model=Model("resnet20"),
        data=CIFAR10,
        augment=SHIFT_AND_FLIP,
        optim=HE,
        checkpoint=CHECKPOINT,
        log=LOG,
    )
