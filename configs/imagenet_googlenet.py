"""GoogLeNet on ImageNet with both auxiliary heads; about ten hours on one A100.

python -m train imagenet_googlenet --data.source folder:DIR

Unmeasured. Published: 69.78 % (torchvision, `googlenet`), 68.7 % (Caffe's, whose polynomial decay
and 60 epochs these are). Auxiliary losses count 0.3, as in the paper. Time estimated at 2,500
images/s. The evaluation differs from the published one: whole images as squares of 256 pixels
instead of middle crops. Data: see configs/shared/imagenet.py.
"""

from configs.shared.imagenet import imagenet
from train.config import Config, Model, Optim


def config() -> Config:
    return imagenet(
        Model("googlenet", dtype="bfloat16"),
        length="60 epochs",
        optim=Optim(
            learning_rate=0.01,
            batch_rule="linear",
            base_batch=32,
            weight_decay=2e-4,
            nesterov=False,
            schedule="poly",
            power=0.5,
        ),
    )
