"""LeNet-5 on 1,797 handwritten digits that come with scikit-learn; about a minute on two cores."""

from train.config import Augment, Checkpoint, Config, Data, Log, Model, Optim


def config() -> Config:
    return Config(
        length="90 epochs",
        model=Model("lenet5", fields={"dropout": 0.2}),
        data=Data("digits", image_size=32, batch_size=64, mean=(0.3,), std=(0.37,)),
        augment=Augment(pad_crop=2),
        optim=Optim("adamw", learning_rate=3e-3, weight_decay=0.01, warmup="2 epochs"),
        checkpoint=Checkpoint(every="10 epochs"),
        log=Log(every="1 epochs", eval_every="2 epochs"),
    )
