"""PyTorch: torchvision's networks, channels last, fused SGD; eager or through `torch.compile`."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import os
from typing import Any

import numpy as np
import torch

from benchmarks.peers import MOMENTUM, RATE
from benchmarks.peers.torch_nets import OWN
from tests.golden.make_zoo import models


def build(spec: dict[str, Any], given: dict[str, Any]) -> tuple[Any, Any]:
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.set_float32_matmul_precision("high")
    model = network(spec, given).to(memory_format=torch.channels_last).train(spec["train"])
    half = spec["fields"].get("dtype") == "bfloat16"
    amp = torch.autocast("cpu", torch.bfloat16, enabled=half)
    run = torch.compile(model) if spec["variant"] == "compile" else model
    images = torch.from_numpy(given["images"]).permute(0, 3, 1, 2)
    images = images.contiguous(memory_format=torch.channels_last)
    if not spec["train"]:

        def infer() -> Any:
            with torch.inference_mode(), amp:
                return run(images)

        return infer, lambda y: float(y.float().abs().mean())
    labels = torch.from_numpy(given["labels"]).long()
    optimizer = torch.optim.SGD(model.parameters(), RATE, MOMENTUM, fused=True)

    def step() -> Any:
        optimizer.zero_grad(set_to_none=True)
        with amp:
            y = run(images)
            y = getattr(y, "logits", y)
            loss = torch.nn.functional.cross_entropy(y.float(), labels)
        loss.backward()
        optimizer.step()
        return loss

    return step, float


def network(spec: dict[str, Any], given: dict[str, Any]) -> Any:
    """Return the network with the given weights and nothing random."""
    name = spec["model"]
    if name in OWN:
        model = OWN[name](spec)
    else:
        inception = {"aux_logits": False, "init_weights": False}
        fields = inception if name in ("googlenet", "inception_v3") else {}
        if name == "inception_v3":
            fields["transform_input"] = False
        model = models.get_model(name, weights=None, **fields)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    given = {k.removeprefix("torch/"): v for k, v in given.items() if k.startswith("torch/")}
    arrays = {name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in given.items()}
    missed = model.load_state_dict(arrays, strict=False)
    left = [key for key in missed.missing_keys if not key.endswith("num_batches_tracked")]
    assert not left, left
    assert not missed.unexpected_keys, missed.unexpected_keys
    return model
