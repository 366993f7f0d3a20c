"""DenseNet-BC of 40 layers on Fashion-MNIST; about eight hours on two cores.

TFDS_DATA_DIR=DIR python -m train fashion_mnist_densenet

Unmeasured. The recipe is that of Huang et al. 2016, section 4.2, shortened from 300 epochs, with a
cosine. Time estimated from multiply-adds; about ten minutes on a data-centre GPU.
"""

from configs.shared.small import FASHION, LOG, SHIFT_AND_FLIP
from train.config import Config, Model, Optim


def config() -> Config:
    return Config(
        length="45 epochs",
        model=Model("densenet_bc_100_12", fields={"blocks": [6, 6, 6]}),
        data=FASHION,
        augment=SHIFT_AND_FLIP,
        optim=Optim(learning_rate=0.1, weight_decay=1e-4),
        log=LOG,
    )
