"""ResNet-50 on ImageNet by torchvision's recipe of 2021; about seven hours on eight A100s.

python -m train imagenet_resnet50_modern --data.source folder:DIR

Unmeasured. Published: 80.86 % (torchvision, `resnet50` V2: 600 epochs of 176-pixel crops, test at
224). Time estimated at 4,000 images/s each, for crops of 176 pixels. The evaluation differs from
the published one: whole images as squares of 224 pixels instead of middle crops. Data: see
configs/shared/imagenet.py.
"""

from configs.shared.imagenet import crops, imagenet
from train.config import Config, Loss, Model, Optim


def config() -> Config:
    return imagenet(
        Model("resnet50", dtype="bfloat16"),
        length="600 epochs",
        batch_size=1024,
        test_size=224,
        augment=crops(
            176, trivial_augment=True, random_erasing=0.1, mixup=0.2, cutmix=1.0, repeats=4
        ),
        loss=Loss(label_smoothing=0.1),
        optim=Optim(
            learning_rate=0.5,
            batch_rule="linear",
            base_batch=1024,
            nesterov=False,
            weight_decay=2e-5,
            warmup="5 epochs",
            ema=0.99997,
        ),
    )
