"""EfficientNet-B0 on ImageNet; about ten hours on eight A100s.

python -m train imagenet_efficientnet_b0 --data.source folder:DIR

Unmeasured. Published: 77.1 % (Tan & Le 2019, table 2), 77.69 % (torchvision, `efficientnet_b0`).
RandAugment and AdamW stand for the paper's AutoAugment and RMSProp; dropout, stochastic depth and
the running average are its own. Time estimated at 1,300 images/s each. The evaluation differs from
the published one: whole images as squares of 256 pixels instead of middle crops. Data: see
configs/shared/imagenet.py.
"""

from configs.shared.imagenet import crops, imagenet
from train.config import Config, Loss, Model, Optim


def config() -> Config:
    return imagenet(
        Model("efficientnet_b0", dtype="bfloat16"),
        length="300 epochs",
        batch_size=1024,
        augment=crops(224, rand_augment=9, random_erasing=0.2),
        loss=Loss(label_smoothing=0.1),
        optim=Optim(
            "adamw",
            learning_rate=1e-3,
            batch_rule="linear",
            base_batch=1024,
            weight_decay=0.05,
            warmup="5 epochs",
            ema=0.9999,
        ),
    )
