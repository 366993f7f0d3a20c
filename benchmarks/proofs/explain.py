"""Real photographs, the real EfficientNet-Lite0: do its maps beat maps that know nothing of it?

The score is the probability of the most probable class. Deletion covers pixels with grey,
insertion shows them on the blurred image; the differences of the areas below both curves to those
of a random map, a Gaussian in the centre and the image's edges have 95 % intervals over images,
by bootstrap. Then the network forgets from its head to its stem, and the maps must change.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.photographs import photographs
from jaxcnn import explain, load_pretrained
from jaxcnn.explain import measures
from jaxcnn.explain.blur import blur
from jaxcnn.taps import Probability

STEPS = 8
BATCH = 4
"""Images at once; the network forgets for the first so many."""

METHODS: dict[str, Callable[..., Any]] = {
    "saliency": explain.saliency,
    "gradient_x_input": explain.gradient_x_input,
    "integrated_gradients": functools.partial(explain.integrated_gradients, steps=8, chunk=1),
    "smooth_grad": functools.partial(explain.smooth_grad, samples=8, squared=True, chunk=1),
    "guided_backprop": explain.guided_backprop,
    "grad_cam": explain.grad_cam,
    "guided_grad_cam": explain.guided_grad_cam,
    "layer_cam": explain.layer_cam,
    "occlusion": functools.partial(explain.occlusion, window=64, stride=32, chunk=1),
}
SIGNED = ("guided_backprop", "guided_grad_cam")
"""Methods whose values have signs that mean nothing for the order of the pixels."""
FORGETTING = ("saliency", "guided_backprop", "grad_cam")


def run(count: int) -> dict[str, Any]:
    model, variables, meta = load_pretrained("efficientnet_lite0")
    files = photographs()
    files = files[: (count or len(files)) // BATCH * BATCH]
    start, batches, forgotten = time.time(), [], {}
    for first in range(0, len(files), BATCH):
        x = jnp.concatenate([meta.transforms(file) for file in files[first : first + BATCH]])
        logits: Any = model.apply(variables, x)
        target = Probability(logits.argmax(1))
        if not first:
            forgotten = {name: forget(name, model, variables, x, target) for name in FORGETTING}
        batches.append(areas(model, variables, x, target))
        print(f"{first + BATCH} images, {time.time() - start:.0f} s", flush=True)
    found = {
        name: {m: np.concatenate([batch[name][m] for batch in batches]) for m in measured}
        for name, measured in batches[0].items()
    }
    rows = [compare(found, name, base) for name in METHODS for base in BASELINES]
    for row in rows:
        print(row, flush=True)
    alike = {name: min(values.values()) for name, values in forgotten.items()}
    return {
        "model": "efficientnet_lite0",
        "images": [file.name for file in files],
        "steps": STEPS,
        "seconds": round(time.time() - start),
        "means": {n: {k: round(v.mean(), 4) for k, v in a.items()} for n, a in found.items()},
        "areas": {n: {k: v.round(4).tolist() for k, v in a.items()} for n, a in found.items()},
        "rows": rows,
        "rank_correlation_with_forgotten_layers": forgotten,
        "failures": [f"{name} keeps its map" for name, value in alike.items() if value > 0.5],
    }


def areas(model: Any, variables: Any, x: Any, target: Any) -> dict[str, dict[str, np.ndarray]]:
    """Return the areas of deletion and insertion of every map, for each image."""
    maps = {name: baseline(x) for name, baseline in BASELINES.items()}
    for name, method in METHODS.items():
        found = method(model, variables, x, target)
        maps[name] = jnp.abs(found) if name in SIGNED else found
    return {name: curves(model, variables, x, target, heat) for name, heat in maps.items()}


def curves(model: Any, variables: Any, x: Any, target: Any, heat: Any) -> dict[str, np.ndarray]:
    """Return the areas of deletion and insertion for each image."""
    given = (model, variables, x, target, heat)
    deleted = measures.deletion(*given, steps=STEPS, chunk=1)
    inserted = measures.insertion(*given, steps=STEPS, chunk=1, baseline=blur(x, 10.0))
    found = {"deletion": measures.area(deleted), "insertion": measures.area(inserted)}
    return {name: np.asarray(value, float) for name, value in found.items()}


def compare(areas: Any, name: str, base: str) -> dict[str, Any]:
    """Return by how much a method is better than a map without knowledge, with intervals."""
    row: dict[str, Any] = {"method": name, "baseline": base}
    for measure, sign in (("deletion", -1), ("insertion", 1)):
        gain = sign * (areas[name][measure] - areas[base][measure])
        low, high = interval(gain)
        row |= {measure: round(gain.mean(), 4), f"{measure}_95": [round(low, 4), round(high, 4)]}
        row[f"{measure}_beats"] = bool(low > 0)
    return row


def interval(values: np.ndarray, draws: int = 10_000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean."""
    index = np.random.default_rng(0).integers(0, len(values), (draws, len(values)))
    low, high = np.percentile(values[index].mean(1), [2.5, 97.5])
    return float(low), float(high)


def forget(name: str, model: Any, variables: Any, x: Any, target: Any) -> dict[str, float]:
    """Return the mean rank correlation of maps after each layer that forgets."""
    found = measures.model_randomization(METHODS[name], model, variables, x, target)
    means = {layer: round(float(value.mean()), 3) for layer, value in found.items()}
    print(name, means, flush=True)
    return means


def noise(x: Any) -> Any:
    return jax.random.uniform(jax.random.key(0), x.shape[:3])


def centre(x: Any) -> Any:
    rows, columns = (jnp.linspace(-1, 1, size) for size in x.shape[1:3])
    bump = jnp.exp(-2 * (rows[:, None] ** 2 + columns[None] ** 2))
    return jnp.broadcast_to(bump, x.shape[:3])


def edges(x: Any) -> Any:
    """Return the magnitude of the gradient of the image's brightness."""
    down, right = jnp.gradient(x.mean(-1), axis=(1, 2))
    return jnp.hypot(down, right)


BASELINES = {"random": noise, "centre": centre, "edges": edges}
