"""Few images per class: a pretrained network against a small CNN from scratch, on Fashion-MNIST.

For each seed, 10, 100 and 1,000 images per class are drawn from the 60,000 training images, the
smaller draws within the larger. Every method is tuned alike: its four settings are compared on
the draw of seed 0 alone, training on four fifths of it and validating on the last (at 10 per
class, over three such cuts; at 1,000, with half of the steps). The best setting is then trained
on the whole of each draw, and each final network sees the 10,000 test images once.
"""

import statistics
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.fewshot.data import Images, draw, fashion, folds
from benchmarks.fewshot.methods import METHODS

LIMIT = 45 * 60
"""Seconds for all of one method."""


CLOCKS = ("seconds", "cpu_seconds")


def clocks() -> np.ndarray:
    """Return the time on the wall, and that of all threads on their cores."""
    return np.array([time.perf_counter(), time.process_time()])


@dataclass(frozen=True)
class Plan:
    """How much is done."""

    sizes: tuple[int, ...] = (10, 100, 1000)
    draws: int = 5
    tests: int = 10_000


def run(count: int) -> dict[str, Any]:
    return measure(Plan(draws=count or Plan.draws))


def measure(plan: Plan, methods: tuple[Any, ...] = METHODS) -> dict[str, Any]:
    """Return the table, the learning curves and what fails."""
    train, test = fashion(plan.tests)
    pool = np.unique([draw(train.labels, max(plan.sizes), seed) for seed in range(plan.draws)])
    rows = []
    for kind in methods:
        begin = clocks()
        method = kind(train, test, pool)
        prepared = clocks() - begin
        print(f"{kind.name}: ready after {prepared[0]:.0f} s", flush=True)
        for size in plan.sizes:
            rows.append(
                {"method": kind.name, "per_class": size, **row(method, plan, size, train, test)}
            )
            shown = {k: v for k, v in rows[-1].items() if k not in ("trials", "curves")}
            print(shown, flush=True)
        for clock, seconds in zip(CLOCKS, prepared, strict=True):
            rows[-len(plan.sizes)][clock] += seconds
    return {"rows": rows, "failures": failures(rows)}


def row(method: Any, plan: Plan, size: int, train: Images, test: Images) -> dict[str, Any]:
    """Tune one method for one number of images, and measure it over the draws."""
    begin = clocks()
    trials = [tried(method, options, size, train) for options in method.trials]
    best = max(trials, key=lambda trial: trial["val_top1"])
    top1, curves = [], []
    for seed in range(plan.draws):
        indices = draw(train.labels, size, seed)
        predict, curve = method.fit(indices, best["options"], size=size, seed=seed)
        top1.append(float(np.mean(predict("test", np.arange(len(test))) == test.labels)))
        curves.append(curve)
        print(f"  {size} per class, seed {seed}: {top1[-1]:.4f}", flush=True)
    return {
        "mean_top1": statistics.mean(top1),
        "stdev_top1": statistics.stdev(top1) if len(top1) > 1 else 0.0,
        "top1": top1,
        "options": best["options"],
        **dict(zip(CLOCKS, (clocks() - begin).tolist(), strict=True)),
        "trials": trials,
        "curves": curves,
    }


def tried(method: Any, options: dict[str, Any], size: int, train: Images) -> dict[str, Any]:
    """Validate one setting within the draw of seed 0."""
    cuts = folds(draw(train.labels, size, 0), train.labels, 3 if size <= 10 else 1)
    share = 0.5 if size >= 1000 else 1.0
    scores, curves = [], []
    for kept, held in cuts:

        def check(predict: Any, held: np.ndarray = held) -> float:
            return float(np.mean(predict("train", held) == train.labels[held]))

        predict, curve = method.fit(kept, options, size=size, seed=0, share=share, check=check)
        scores.append(check(predict))
        curves.append(curve)
    trial = {"options": options, "val_top1": statistics.mean(scores), "curves": curves}
    print(f"  {size} per class, {options}: validation {trial['val_top1']:.4f}", flush=True)
    return trial


def failures(rows: list[dict[str, Any]]) -> list[str]:
    """Say where the pretrained rows do not win with the fewest images, or a method is slow."""
    fewest = min(r["per_class"] for r in rows)
    found = {r["method"]: r for r in rows if r["per_class"] == fewest}
    scratch = found.pop(METHODS[-1].name, None)
    wrong = []
    for name, r in found.items():
        spread = max(r["stdev_top1"], scratch["stdev_top1"]) if scratch else 0.0
        if scratch and r["mean_top1"] - scratch["mean_top1"] <= spread:
            wrong.append(f"{name} does not win at {fewest} per class by more than {spread:.4f}")
    for name in {r["method"] for r in rows}:
        seconds = sum(r["seconds"] for r in rows if r["method"] == name)
        wrong += [f"{name}: {seconds:.0f} s > {LIMIT} s"] if seconds > LIMIT else []
    return wrong
