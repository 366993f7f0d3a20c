"""Evaluations and histories made up for the tests of what is shown of them."""

import numpy as np

from train.evaluate import Evaluation


def evaluate(probabilities, labels):
    """An evaluation as the lab makes it, of examples that are stored in reverse."""
    probabilities, labels = np.asarray(probabilities, np.float32), np.asarray(labels, np.int32)
    top = np.argsort(-probabilities, axis=1, kind="stable")[:, :5].astype(np.int32)
    own = probabilities[np.arange(len(labels)), labels]
    return Evaluation(
        labels=labels,
        top_classes=top,
        top_probabilities=np.take_along_axis(probabilities, top, 1),
        label_probabilities=own,
        losses=-np.log(own),
        indices=np.arange(len(labels), dtype=np.int64)[::-1],
    )


def random_evaluation(count, classes, accuracy=0.8):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, count)
    logits = rng.normal(size=(count, classes))
    logits[np.arange(count), labels] += np.where(rng.random(count) < accuracy, 20, 0)
    odds = np.exp(logits)
    return evaluate(odds / odds.sum(axis=1, keepdims=True), labels)


def history(steps, splits=("train", "val"), every=5):
    rows = []
    for step in range(every, steps + 1, every):
        for split in splits:
            row = {
                "step": step,
                "split": split,
                "loss": 2 / step,
                "top1": 1 - 1 / step,
                "top5": 1.0,
            }
            if split == "train":
                row |= {"learning_rate": 0.1, "images_per_second": 1000.0 + step, "stall": 0.01}
            rows.append(row)
    return rows
