"""ResNet-50 on ImageNet, the classic 90 epochs; 13 hours on one A100.

python -m train imagenet_resnet50 --data.source folder:DIR

Unmeasured. Published: 76.13 % (torchvision, `resnet50` V1), 76.4 % (Goyal et al. 2017, table 1).
Time from NVIDIA's 2,470 images/s for this network on one A100 in PyTorch; 100 minutes on eight with
--data.batch_size 2048 (the learning rate follows). The evaluation differs from the published one:
whole images as squares of 256 pixels instead of middle crops. Data: see configs/shared/imagenet.py.
"""

from configs.shared.imagenet import imagenet
from train.config import Config, Model


def config() -> Config:
    return imagenet(Model("resnet50", dtype="bfloat16", fields={"zero_init": True}))
