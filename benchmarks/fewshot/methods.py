"""The rows of the table: a frozen backbone, gradual fine-tuning, and a small CNN from scratch.

Each is tuned over four settings. `fit(indices, options, ...)` trains on the examples at these
positions of the training set and returns what predicts, and a learning curve.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax
from flax import linen as nn

from benchmarks.fewshot.data import CLASSES, Images, enlarge
from benchmarks.fewshot.descent import descend, epochs, in_batches
from jaxcnn import augment, create_model, finetune
from jaxcnn.weights import load_pretrained

NAME = "efficientnet_lite0"
Predict = Callable[[str, np.ndarray], np.ndarray]
"""Classes of the examples at some positions of "train" or "test"."""


def backbone(size: int, **fields: Any) -> tuple[Any, Any, Callable[[jax.Array], jax.Array]]:
    """Return the pretrained network for grey images, and what makes its input."""
    fields = {"stochastic_depth": 0.0, **fields}
    model, variables, meta = load_pretrained(NAME, num_classes=CLASSES, in_channels=1, **fields)
    mean, std = meta.transforms.mean[0], meta.transforms.std[0]
    return model, variables, functools.partial(enlarge, size=size, mean=mean, std=std)


class Frozen:
    """Features of the pretrained network at 160 pixels, computed once; a linear head by L-BFGS."""

    name = "efficientnet_lite0, frozen backbone + new head"
    trials = tuple({"l2": l2} for l2 in (1e-4, 1e-2, 1.0, 100.0))

    def __init__(self, train: Images, test: Images, pool: np.ndarray, size: int = 160):
        model, variables, prepare = backbone(size)
        self.labels, self.place = train.labels, places(pool, len(train))
        self.features = {
            split: finetune.cached_features(
                model, variables, images, batch_size=50, prepare=prepare
            )
            for split, images in (("train", train.images[pool]), ("test", test.images))
        }

    def fit(self, indices: np.ndarray, options: dict[str, Any], **_: Any):
        features = self.features["train"][self.place[indices]]
        head = finetune.linear_probe(features, self.labels[indices], CLASSES, **options)
        kernel, bias = np.asarray(head["kernel"]), np.asarray(head["bias"])

        def predict(split: str, positions: np.ndarray) -> np.ndarray:
            rows = self.place[positions] if split == "train" else positions
            return (self.features[split][rows] @ kernel + bias).argmax(1)

        return predict, []


LOWER = ("stem", "stage1", "stage2", "stage3", "stage4", "stage5")
STAGES = ("head", ("top", "stage7"), "stage6")


class Gradual:
    """The head first, then stages 7 and 6, at 128 pixels; what lies below is computed once.

    That is done for each image and its mirror image, one of which is drawn each time. The head
    starts from the linear probe (Kumar et al. 2022, "Fine-tuning can distort pretrained
    features"); layers nearer to the image take smaller steps. The norms keep their statistics:
    a few images tell less of them than ImageNet did.
    """

    name = "efficientnet_lite0, gradual fine-tuning"
    trials = tuple({"rate": rate, "decay": 0.8} for rate in (3e-5, 1e-4, 3e-4, 1e-3))
    plans = {10: (40, 32), 100: (100, 32), 1000: (160, 64)}
    """Images per class -> steps, batch."""

    def __init__(self, train: Images, test: Images, pool: np.ndarray, size: int = 128):
        self.model, variables, prepare = backbone(size)
        self.labels, self.place = train.labels, places(pool, len(train))
        self.order = [n for n in finetune.layer_order(self.model, (1, 64, 64, 1)) if upper(n)]
        self.start = {
            name: {room: leaves for room, leaves in tree.items() if upper(room)}
            for name, tree in variables.items()
        }

        @jax.jit
        def lower(images: jax.Array) -> jax.Array:
            _, kept = self.model.apply(
                variables,
                prepare(images),
                capture_intermediates=lambda module, _: module.path == LOWER[-1:],
                mutable=["intermediates"],
            )
            return kept["intermediates"][LOWER[-1]]["__call__"][0].astype("float16")

        drawn = train.images[pool]
        self.maps = {
            "train": in_batches(lower, drawn, 50),
            "mirrored": in_batches(lower, drawn[:, :, ::-1], 50),
            "test": in_batches(lower, test.images, 50),
        }
        self.logits = jax.jit(behind(self.model.apply, LOWER))
        features = jax.jit(behind(self.model.clone(num_classes=0).apply, LOWER))
        self.features = functools.partial(features, self.start)

    def fit(
        self, indices: np.ndarray, options: dict[str, Any], *, size, seed, share=1.0, check=None
    ):
        steps, batch = self.plans[min(self.plans, key=lambda n: abs(n - size))]
        steps = max(int(steps * share), 4)
        views = (self.maps["train"], self.maps["mirrored"])
        found = [
            in_batches(lambda x: self.features(widened(x)), maps[self.place[indices]])
            for maps in views
        ]
        labels = np.tile(self.labels[indices], 2)
        probe = finetune.linear_probe(np.concatenate(found), labels, CLASSES, l2=1.0)
        start = {**self.start, "params": {**self.start["params"], "head": probe}}
        starts = (0, steps // 5, 2 * steps // 5)
        pick = epochs(indices, batch, seed)

        def batches(step: int):
            chosen = pick(step)
            rows, mirror = self.place[chosen], np.random.default_rng((seed, step)).random(batch)
            own, other = (maps[rows] for maps in views)
            drawn = np.where(mirror[: len(rows), None, None, None] < 0.5, own, other)
            return widened(drawn), self.labels[chosen]

        apply = tuned(self.model)
        optimizer = gradual(starts, max(steps // 10, 1), tuple(self.order), options["decay"])
        told = None if check is None else lambda v: check(self.predictor(v))
        variables, curve = descend(
            apply,
            optimizer,
            start,
            batches,
            steps=steps,
            rate=options["rate"],
            seed=seed,
            check=told,
        )
        return self.predictor(variables), curve

    def predictor(self, variables: Any) -> Predict:
        def predict(split: str, positions: np.ndarray) -> np.ndarray:
            rows = self.place[positions] if split == "train" else positions
            function = functools.partial(self.logits, variables)
            return in_batches(lambda x: function(widened(x)), self.maps[split][rows]).argmax(1)

        return predict


@functools.cache
def tuned(model: nn.Module) -> Any:
    """Return the upper part in training, with all its norms as in inference."""
    inner = finetune.frozen_norms(behind(model.apply, LOWER), "**")

    def apply(variables: Any, maps: jax.Array, step: jax.Array, key: jax.Array) -> Any:
        logits = inner(variables, maps, train=True, rngs={"dropout": key})
        return logits, variables["batch_stats"]

    return apply


@functools.cache
def gradual(starts: tuple[int, ...], warmup: int, order: tuple[str, ...], decay: float) -> Any:
    """Return Adam without its rate; each group warms up when it begins, since it counts itself."""
    rising = optax.scale_by_schedule(optax.linear_schedule(0.0, 1.0, warmup))
    core = finetune.unfreeze(optax.chain(optax.scale_by_adam(), rising), STAGES, starts)
    return optax.chain(core, finetune.scale_by_layer(order, decay))


class Scratch:
    """The small CNN that reaches 93.6 % on all 60,000 images, with crops and flips."""

    name = "small CNN from scratch"
    trials = tuple({"rate": rate, "dropout": p} for rate in (1e-3, 3e-3) for p in (0.1, 0.5))
    plans = {10: (400, 32), 100: (1000, 64), 1000: (2000, 64)}
    fields = {"stages": ((32, 1, True), (64, 2, True)), "hidden": (128,)}

    def __init__(self, train: Images, test: Images, pool: np.ndarray):
        self.sets, self.optimizer = {"train": train, "test": test}, optax.scale_by_adam()
        decay = optax.add_decayed_weights(1e-2, lambda p: jax.tree.map(lambda x: x.ndim > 1, p))
        self.optimizer = optax.chain(self.optimizer, decay)
        model = create_model("convnet", num_classes=CLASSES, **self.fields)
        self.logits = jax.jit(lambda v, x: model.apply(v, normalized(x)))

    def fit(
        self, indices: np.ndarray, options: dict[str, Any], *, size, seed, share=1.0, check=None
    ):
        steps, batch = self.plans[min(self.plans, key=lambda n: abs(n - size))]
        steps = max(int(steps * share), 4)
        pick, train = epochs(indices, batch, seed), self.sets["train"]

        def batches(step: int):
            part = train[pick(step)]
            return part.images, part.labels

        init, apply = scratch(options["dropout"], tuple(self.fields.items()))
        told = None if check is None else lambda v: check(self.predictor(v))
        variables, curve = descend(
            apply,
            self.optimizer,
            init(jax.random.key(seed)),
            batches,
            steps=steps,
            rate=options["rate"],
            seed=seed,
            check=told,
        )
        return self.predictor(variables), curve

    def predictor(self, variables: Any) -> Predict:
        def predict(split: str, positions: np.ndarray) -> np.ndarray:
            images = self.sets[split].images[positions]
            return in_batches(functools.partial(self.logits, variables), images).argmax(1)

        return predict


@functools.cache
def scratch(dropout: float, fields: tuple[tuple[str, Any], ...]) -> tuple[Any, Any]:
    """Return the network's initialiser, and the network in training on augmented images."""
    model = create_model("convnet", num_classes=CLASSES, dropout=dropout, **dict(fields))

    def apply(variables: Any, images: jax.Array, step: jax.Array, key: jax.Array) -> Any:
        keys = augment.example_keys(key, step, np.arange(len(images)))
        images = augment.horizontal_flip(keys, augment.pad_crop(keys, images, 1))
        out, new = model.apply(
            variables,
            normalized(images),
            train=True,
            rngs={"dropout": key},
            mutable=["batch_stats"],
        )
        return out, new["batch_stats"]

    return jax.jit(lambda key: model.init(key, np.zeros((1, 28, 28, 1), np.float32))), apply


def normalized(images: Any) -> jax.Array:
    return augment.normalize(images, (0.286,), (0.353,))


def behind(apply: Callable[..., Any], skipped: tuple[str, ...]) -> Callable[..., Any]:
    """Return a network that starts behind some of its modules, whose input is their output."""

    def intercept(next_fun: Any, args: Any, kwargs: Any, context: Any) -> Any:
        own = context.method_name == "__call__" and "/".join(context.module.path) in skipped
        return args[0] if own else next_fun(*args, **kwargs)

    @functools.wraps(apply)
    def rest(*args: Any, **kwargs: Any) -> Any:
        with nn.intercept_methods(intercept):
            return apply(*args, **kwargs)

    return rest


def upper(path: str) -> bool:
    """Whether a module lies behind the part that is computed once."""
    return path.split("/")[0] not in LOWER


def widened(maps: np.ndarray) -> np.ndarray:
    return maps.astype(np.float32)


def places(pool: np.ndarray, count: int) -> np.ndarray:
    """Return for each training example its row among the pooled ones."""
    rows = np.full(count, -1)
    rows[pool] = np.arange(len(pool))
    return rows


METHODS = (Frozen, Gradual, Scratch)
