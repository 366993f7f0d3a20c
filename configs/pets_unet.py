"""A U-Net around ResNet-18 on Oxford-IIIT Pet: pet, background, border; about an hour on a GPU.

TFDS_DATA_DIR=DIR python -m train pets_unet

Unmeasured here (7,349 photographs with trimaps; Parkhi et al. 2012, "Cats and dogs"): built and
traced alone. Time estimated at 300 images/s. Valid convolutions as in the paper: --model.name unet
--model.fields '{}'.
"""

from train.config import Augment, Checkpoint, Config, Data, Log, Loss, Model, Optim


def config() -> Config:
    return Config(
        task="segmentation",
        length="60 epochs",
        model=Model("unet_resnet18", dtype="bfloat16"),
        data=Data(
            "tfds:oxford_iiit_pet",
            image_size=256,
            channels=3,
            batch_size=32,
            eval_batch_size=64,
            mean=(0.485, 0.456, 0.406),
            std=(0.229, 0.224, 0.225),
            cache_mb=2048,
        ),
        augment=Augment(
            flip=True,
            rotate=10,
            zoom=0.25,
            translate=0.1,
            elastic=5,
            color_jitter=(0.3, 0.3, 0.3, 0.02),
        ),
        loss=Loss(dice=0.5),
        optim=Optim("adamw", learning_rate=1e-3, weight_decay=0.01, warmup="2 epochs"),
        checkpoint=Checkpoint(every="5 epochs"),
        log=Log(every="50 steps"),
    )
