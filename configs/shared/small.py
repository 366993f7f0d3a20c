"""MNIST, Fashion-MNIST and CIFAR-10 as TFDS prepares them, and how papers train on them."""

from train.config import Augment, Checkpoint, Data, Log, Optim

MNIST = Data(
    "tfds:mnist",
    batch_size=128,
    eval_batch_size=512,
    val_fraction=0.05,
    mean=(0.1307,),
    std=(0.3081,),
)
FASHION = Data(
    "tfds:fashion_mnist",
    batch_size=128,
    eval_batch_size=512,
    val_fraction=0.05,
    mean=(0.286,),
    std=(0.353,),
)
CIFAR10 = Data(
    "tfds:cifar10",
    batch_size=128,
    eval_batch_size=512,
    val_fraction=0.02,
    mean=(0.4914, 0.4822, 0.4465),
    std=(0.2470, 0.2435, 0.2616),
)
SHIFT_AND_FLIP = Augment(pad_crop=4, flip=True)
CHECKPOINT = Checkpoint(every="10 epochs")
LOG = Log(every="1 epochs", eval_every="5 epochs")

HE = Optim(
    learning_rate=0.1,
    nesterov=False,
    weight_decay=1e-4,
    schedule="step",
    milestones=("32000 steps", "48000 steps"),
    warmup="0 steps",
)
"""He et al. 2015, section 4.2: 64,000 steps of 128 images."""
