"""Inception-v3 on ImageNet with its auxiliary head; about a day on one A100.

python -m train imagenet_inception_v3 --data.source folder:DIR

Unmeasured. Published: 78.8 % (Szegedy et al. 2015, table 3, one crop), 77.29 % (torchvision's copy
of Google's weights). Label smoothing, clipping and the running average are the paper's; SGD and a
cosine stand for its RMSProp. Time estimated from 5.7 G multiply-adds an image. The evaluation
differs from the published one: whole images as squares of 342 pixels instead of middle crops. Data:
see configs/shared/imagenet.py.
"""

from configs.shared.imagenet import imagenet
from train.config import Config, Loss, Model, Optim


def config() -> Config:
    return imagenet(
        Model("inception_v3", dtype="bfloat16"),
        length="100 epochs",
        train_size=299,
        test_size=342,
        loss=Loss(label_smoothing=0.1, aux_weight=0.4),
        optim=Optim(
            learning_rate=0.1,
            batch_rule="linear",
            weight_decay=4e-5,
            warmup="5 epochs",
            clip=2.0,
            ema=0.9999,
        ),
    )
