"""Descriptors on Fashion-MNIST: mAP of every pooling, with 256, 128 and 32 dimensions.

10,000 test images are the database, 1,000 validation images the queries, an image of the same
class is relevant; PCA is fitted on 5,000 training images. Then copies of real photographs:
rotated, cropped and compressed again, they must come first.
"""

import time
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from benchmarks.retrieval import clothes, copies
from jaxcnn import retrieval
from jaxcnn.retrieval import Projection, compact, evaluate, fit_projection

DIMS = (256, 128, 32)
PARTS = ("database", "queries", "held_out")
NETWORKS = {"convnet of the lab": clothes.trained, "efficientnet_lite0": clothes.pretrained}
BATCH = 250


def run(count: int) -> dict[str, Any]:
    share = 0.1 if count else 1.0
    parts = clothes.parts(share)
    labels = {name: parts[name].labels for name in PARTS}
    rows, networks = [], {}
    for network, make in NETWORKS.items():
        look, networks[network] = make()
        maps = {name: clothes.looked(look, parts[name].images) for name in PARTS}
        for row in table(maps, labels):
            rows.append({"network": network, **row})
            print(rows[-1], flush=True)
        for row in reranked(maps, labels):
            rows.append({"network": network, **row})
            print(rows[-1], flush=True)
    photographs = copies.run()
    return {
        "counts": {name: len(labels[name]) for name in PARTS},
        "networks": networks,
        "rows": rows,
        "photographs": photographs,
        "failures": photographs["failures"],
    }


def table(maps: Any, labels: Any) -> Iterator[dict[str, Any]]:
    """Yield the mAP of every descriptor as it is, after PCA, and after PCA with whitening."""
    for name in retrieval.POOLINGS:
        began = time.perf_counter()
        found = {part: pooled(name, maps[part]) for part in PARTS}
        size = found["held_out"].shape[-1]
        yield measured(found, labels, None) | {"descriptor": name, "dims": size, "pca": "none"}
        for dims in DIMS:
            if dims > size:
                continue
            for whiten in (True, False) if dims == 128 else (True,):
                kind = "whitened" if whiten else "plain"
                row = {"descriptor": name, "dims": dims, "pca": kind}
                try:
                    projection = fit_projection(found["held_out"], dims, whiten=whiten)
                except ValueError as error:  # units that are dead for all images
                    yield row | {"refused": str(error)}
                    continue
                yield row | measured(found, labels, projection)
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)


def pooled(name: str, maps: Any) -> np.ndarray:
    """Return the vectors (N, D) of all images, or (N, R, D) of regions."""
    source = maps["code" if name == "code" else "maps"]
    pool = jax.jit(retrieval.POOLINGS[name])
    starts = range(0, len(source), BATCH)
    found = np.concatenate([np.asarray(pool(source[start : start + BATCH])) for start in starts])
    return np.asarray(retrieval.l2_normalize(found))


def measured(found: Any, labels: Any, projection: Projection | None) -> dict[str, Any]:
    """Return mAP and precision of the whole ranking."""
    database, queries = (final(found[part], projection) for part in ("database", "queries"))
    matches = retrieval.search(queries, database, len(database))
    return scores(matches.ids, labels)


def final(vectors: np.ndarray, projection: Projection | None) -> np.ndarray:
    """Return vectors of length 1, a few at a time."""
    make = jax.jit(compact)
    parts = range(0, len(vectors), BATCH)
    return np.concatenate([np.asarray(make(vectors[s : s + BATCH], projection)) for s in parts])


def scores(ids: np.ndarray, labels: Any) -> dict[str, Any]:
    """Return mAP and precision at 10 of rankings of the database."""
    members = [np.flatnonzero(labels["database"] == c) for c in range(10)]
    positives = [members[c] for c in labels["queries"]]
    found = evaluate(list(ids), positives, ks=(10,), rule="sum").as_dict()
    return {"map": round(found["mAP"], 5), "precision_at_10": round(found["precision@10"], 5)}


def reranked(maps: Any, labels: Any) -> Iterator[dict[str, Any]]:
    """Yield what expansion and diffusion make of GeM with 128 whitened dimensions."""
    found = {part: pooled("gem", maps[part]) for part in PARTS}
    projection = fit_projection(found["held_out"], 128)
    database, queries = (final(found[part], projection) for part in ("database", "queries"))
    row = {"descriptor": "gem", "dims": 128, "pca": "whitened"}
    first = retrieval.search(queries, database, 50)
    for count, alpha in ((10, 0.0), (50, 3.0)):
        near = (database[first.ids[:, :count]], first.scores[:, :count])
        expanded = retrieval.expand_queries(queries, *near, alpha=alpha)
        again = retrieval.search(expanded, database, len(database))
        yield {**row, "then": f"expansion by {count}, alpha {alpha:g}", **scores(again.ids, labels)}
    began = time.perf_counter()
    graph = retrieval.neighbour_graph(database, k=50)
    spread = retrieval.diffuse(graph, first.scores, first.ids)
    order = retrieval.rerank(spread, len(database)).ids
    seconds = round(time.perf_counter() - began, 1)
    yield {
        **row,
        "then": "diffusion, k 50, alpha 0.99",
        "seconds": seconds,
        **scores(order, labels),
    }
