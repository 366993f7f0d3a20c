"""The recipe of a training as fields, each off by default and with its paper.

What is off costs nothing: it is not in the compiled step. Dropout and stochastic depth are
fields of the network, hence in `model.fields`: `{"dropout": 0.2, "stochastic_depth": 0.1}`.
"""

from dataclasses import dataclass, field
from typing import Literal

from train.fields import Duration, Fields


@dataclass(frozen=True)
class Augment:
    """Random changes of the training images, drawn anew for every step and example.

    They act in the order of the fields, on bytes; every draw depends on the seed, the step and
    the example's place in the whole batch alone.
    """

    pad_crop: int = 0
    """Pixels of reflected border from which a crop of the old size is cut; 0 = off.
    He et al. 2015, "Deep residual learning", section 4.2."""
    random_resized_crop: float = 0.0
    """Smallest area of a crop that is resized to the training size, as a share of the image
    (ImageNet: 0.08); 0 = off. Szegedy et al. 2014, "Going deeper with convolutions", section 6."""
    sizes: tuple[str, ...] = ()
    """Sizes of the training images in pixels, one after the other: '0 epochs: 128'
    '6 epochs: 160'; none = the data's. Howard 2018, "Training ImageNet in 3 hours"; a last one
    smaller than the evaluation's: Touvron et al. 2019, "Fixing the train-test discrepancy"."""
    flip: bool = False
    """Mirror half of the images left to right. Krizhevsky et al. 2012, section 4.1."""
    rotate: float = 0.0
    """Segmentation: largest turn to either side, in degrees; 0 = off. One resampling carries this
    and the next four, for the image and its mask alike; what comes from outside counts nowhere."""
    translate: float = 0.0
    """Segmentation: largest shift along each axis, as a share of the image; 0 = off."""
    zoom: float = 0.0
    """Segmentation: largest magnification is 1 + zoom, smallest 1 / (1 + zoom); 0 = off."""
    shear: float = 0.0
    """Segmentation: largest angle of shear, in degrees; 0 = off."""
    elastic: float = 0.0
    """Segmentation: standard deviation in pixels by which the nodes of a 3 x 3 grid move; 0 = off.
    Ronneberger et al. 2015, "U-Net", section 3.1 (10 pixels of 512)."""
    color_jitter: tuple[float, ...] = ()
    """Largest changes of brightness, contrast, saturation (>= 0) and hue (0 to 0.5); none = off.
    Howard 2013, "Some improvements on deep CNN based image classification", section 2."""
    rand_augment: int = 0
    """Strength, of 30, of two operations drawn from fourteen (usually 5 to 15); 0 = off.
    Cubuk et al. 2020, "RandAugment"."""
    trivial_augment: bool = False
    """One operation of fourteen, of random strength. Müller & Hutter 2021, "TrivialAugment"."""
    random_erasing: float = 0.0
    """Chance that a rectangle shows the mean colour instead; 0 = off.
    Zhong et al. 2017, "Random erasing data augmentation"."""
    mixup: float = 0.0
    """Alpha of the Beta distribution by which two images are averaged (usually 0.1 to 1); 0 = off.
    Zhang et al. 2017, "mixup". With `cutmix` too, each step does one of them."""
    cutmix: float = 0.0
    """Alpha of the Beta distribution of the area taken from another image (usually 1); 0 = off.
    Yun et al. 2019, "CutMix"."""
    repeats: int = 1
    """How often an example is in its batch, changed differently; an epoch stays as long, and
    sees fewer examples. Hoffer et al. 2019, "Augment your batch"; Berman et al. 2019,
    "MultiGrain" (repeated augmentation)."""
    test_flip: bool = False
    """Evaluation averages the odds for an image and its mirror image.
    Krizhevsky et al. 2012, section 4.1."""


@dataclass(frozen=True)
class Loss:
    """What is minimised, per example."""

    name: Literal["cross_entropy", "bce", "focal", "border"] = "cross_entropy"
    """bce asks one yes-or-no question for each class. Wightman et al. 2021, "ResNet strikes
    back", section 3; Beyer et al. 2020, "Are we done with ImageNet?", section 6. Segmentation:
    focal: Lin et al. 2017, "Focal loss"; border, a cross-entropy that weighs the gaps between
    objects: Ronneberger et al. 2015, "U-Net", section 3."""
    dice: float = 0.0
    """Segmentation: share of the loss that is one minus the mean Dice coefficient of the classes
    that an image has, in [0, 1]. Milletari et al. 2016, "V-Net"."""
    gamma: float = 2.0
    """focal: how much less certain pixels count, >= 0."""
    border_weight: float = 10.0
    """border: largest extra weight of a pixel, >= 0."""
    border_sigma: float = 5.0
    """border: width of the gaps that have it, in pixels, > 0."""
    label_smoothing: float = 0.0
    """Share of the target, mixed or not, spread evenly over all classes, in [0, 1).
    Szegedy et al. 2015, "Rethinking the Inception architecture", section 7."""
    bce_threshold: float = 1.0
    """bce: targets above it count as 1, others as 0; 1 leaves them. Wightman et al. 2021."""
    aux_weight: float = 0.3
    """Weight of each auxiliary head, where the network has them. Szegedy et al. 2014, section 5
    (Inception-v3 is usually trained with 0.4)."""
    teacher: str = ""
    """Network whose odds are learnt, by its name in the registry; it sees the student's images.
    Hinton et al. 2015, "Distilling the knowledge in a neural network"."""
    teacher_weights: str = "true"
    """The teacher's weight set ('true' or its tag), or a file (.npz, .pth, .safetensors)."""
    teacher_fields: Fields = field(default_factory=dict)
    """Further fields of the teacher."""
    distillation: float = 0.5
    """Share of the loss that is the distance from the teacher's odds, in (0, 1]."""
    temperature: float = 2.0
    """By which both networks' logits are divided for that distance, > 0."""


@dataclass(frozen=True)
class Optim:
    """The optimizer and its learning-rate schedule."""

    name: Literal["sgd", "adamw", "lars", "lamb", "muon"] = "sgd"
    """sgd; adamw: Loshchilov & Hutter 2017; lars: You et al. 2017; lamb: You et al. 2019;
    muon: Jordan et al. 2024, on kernels as matrices (window x inputs, outputs), scaled to the
    spread of AdamW's steps (Liu et al. 2025), and AdamW on all else: first and last layers that
    are one channel deep or called `head`, depthwise kernels, norms, biases."""
    learning_rate: float = 0.1
    """Peak learning rate, for the whole batch."""
    batch_rule: Literal["fixed", "linear", "sqrt"] = "fixed"
    """Multiply that rate by whole batch / base_batch (Goyal et al. 2017, "Accurate, large
    minibatch SGD") or its square root (Krizhevsky 2014, "One weird trick"), or leave it."""
    base_batch: int = 256
    """Whole batch to which the learning rate belongs, for those rules."""
    momentum: float = 0.9
    """Of sgd, lars and muon; the first moment's decay of adamw and lamb."""
    nesterov: bool = True
    """Look ahead by one momentum step, in sgd and muon. Sutskever et al. 2013."""
    beta2: float = 0.999
    """The second moment's decay of adamw, lamb and muon's adamw. Kingma & Ba 2014."""
    weight_decay: float = 5e-4
    """Added to the gradient for sgd and lars, decoupled for the others; never on norms, biases."""
    trust: float = 0.001
    """lars: share of a kernel's norm by which a step of learning rate 1 moves it."""
    schedule: Literal["cosine", "constant", "linear", "poly", "step", "one_cycle"] = "cosine"
    """Shape after the warm-up: cosine: Loshchilov & Hutter 2016; poly of `power`: Chen et al.
    2016, "DeepLab"; step at `milestones`; one_cycle, which rises and falls along cosines, from
    1/25 of the peak: Smith & Topin 2017."""
    warmup: Duration = "1 epochs"
    """Rise at the beginning: linear from zero. Goyal et al. 2017."""
    milestones: tuple[str, ...] = ()
    """step: when the learning rate falls, counted from the beginning: '30 epochs' '60 epochs'."""
    step_factor: float = 0.1
    """step: by which the learning rate is multiplied at each milestone."""
    power: float = 2.0
    """poly: exponent."""
    final_rate: float = 0.0
    """cosine, linear, poly: learning rate at the end, as a share of the peak."""
    clip: float = 0.0
    """Largest norm of the whole gradient, longer ones are scaled down; 0 = off.
    Pascanu et al. 2012, "On the difficulty of training recurrent neural networks"."""
    accumulate: int = 1
    """Parts in which a batch is computed one after the other, for its memory. Norms see one part
    at a time; without them the numbers are those of the whole batch."""
    ema: float = 0.0
    """Decay of the running average of parameters and batch statistics that is evaluated and
    kept as the result, min(ema, (1 + t) / (10 + t)) at step t; 0 = off.
    Polyak & Juditsky 1992; Szegedy et al. 2015, section 8."""
    freeze: tuple[str, ...] = ()
    """Parameters that stay as they are, with their norms' statistics: stem 'stage[12]' '!head'."""
    unfreeze: tuple[str, ...] = ()
    """Stages that begin one after the other: '0 epochs: head' '2 epochs: stage4' '4 epochs: **'."""
    layer_decay: float = 1.0
    """Factor of the learning rate from each layer to the one before it, in (0, 1]; 1 = off."""
    bad_steps: int = 10
    """Steps in a row with a non-finite loss or gradient that end the run; they change nothing."""
