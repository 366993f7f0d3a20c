"""`python -m benchmarks TABLE --json FILE` and `python -m benchmarks proof NAME --json FILE`."""

import argparse
import importlib
import json
from pathlib import Path

from benchmarks.machine import machine

TABLES: dict[str, str] = {
    "compile": "seconds to trace and compile init, inference and training of each family",
    "cpu": "training and inference beside Flax, PyTorch and others, on this machine's cores",
    "explain": "explanations beside Captum's, where CAPTUM_PYTHON names a Python that has it",
    "search": "exact and approximate search beside faiss, where it is installed",
    "gpu": "one accelerator: ceilings, bf16 ResNet-50 and others, shares of the bounds, HLO",
    "ops": "single operations and their gradients beside XLA and PyTorch",
    "start": "seconds to the first step, with and without a cache of compiled programs",
    "synthesis": "the compiled loop of synthesis beside the same loop in Python, step by step",
    "input": "the input pipeline alone: images/s and host memory",
}
PROOFS: dict[str, str] = {
    "corrupt": "every file of a checkpoint damaged in six ways: none is loaded",
    "devices": "8 devices compute what 1 computes, for each family and each switch of a recipe",
    "digits": "test accuracy and time of the default run, over five splits and seeds",
    "explain": "deletion and insertion of each method beside random, central and edge maps",
    "disk_full": "runs on disks too small for them: nothing is lost (as root: a tmpfs)",
    "fashion": "test accuracy and time of fashion_mnist_hour and fashion_mnist_cnn",
    "fewshot": "10, 100, 1,000 images per class: pretrained, fine-tuned, from scratch (two hours)",
    "hosts": "two and four processes, one of which dies or hangs: how the others end, and go on",
    "kill": "kill -9 and SIGTERM in every phase of a run: the resumed run is bitwise the same",
    "retrieval": "mAP of each descriptor on Fashion-MNIST; copies of photographs come first",
    "synthesis": "images made through EfficientNet-Lite0, judged by it, by Lite1 and by numbers",
    "zoo": "every model that torchvision has: its logits, gradients and statistics in f64",
    "mutants": "seeded faults: each must fail a test",
    "weights_files": "hostile and damaged files of weights; time and memory of ResNet-50's",
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True, metavar="TABLE | proof")
    for name, text in TABLES.items():
        add_options(names.add_parser(name, help=text))
    proof = names.add_parser("proof", help="a full proof").add_subparsers(
        dest="proof", required=True, metavar="NAME"
    )
    for name, text in PROOFS.items():
        add_options(proof.add_parser(name, help=text))
    return parser.parse_args()


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, help="file for the raw results")
    parser.add_argument("--count", type=int, default=0, help="repetitions; 0 = the full number")


def main() -> None:
    arguments = parse()
    module = f"proofs.{arguments.proof}" if arguments.name == "proof" else arguments.name
    results = importlib.import_module(f"benchmarks.{module}").run(arguments.count)
    results = {"machine": machine(), **results}
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    if results.get("failures"):
        raise SystemExit(f"{len(results['failures'])} failure(s): {results['failures']}")


if __name__ == "__main__":
    main()
