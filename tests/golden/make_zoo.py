"""Writes `zoo/NAME.npz`, what torchvision's networks make of the seeded weights of `zoo`."""

import contextlib
import sys

import numpy as np
import torch
from torch import library

# torchvision's networks are plain Python: beside a torch for which its operators were not
# compiled, it only asks that their names exist.
for operator in (
    *("nms", "qnms", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d"),
    *("_roi_align_backward", "_roi_pool_backward", "_ps_roi_align_backward"),
    *("_ps_roi_pool_backward", "_deform_conv2d_backward"),
):
    with contextlib.suppress(RuntimeError):  # it exists
        library.define(f"torchvision::{operator}", "() -> ()")

from torchvision import models  # noqa: E402
from torchvision.ops import StochasticDepth  # noqa: E402

from tests.golden import zoo  # noqa: E402


class HardSigmoid(torch.nn.Module):
    """Exact in double precision, where PyTorch's own takes a sixth in single for the slope."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map elementwise."""
        return (x + 3).clamp(0, 6) / 6


class HardSwish(HardSigmoid):
    """The same, times its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map elementwise."""
        return x * super().forward(x)


EXACT = {torch.nn.Hardsigmoid: HardSigmoid, torch.nn.Hardswish: HardSwish}


def build(name: str) -> torch.nn.Module:
    """Return the network in double precision, without dropout, with its seeded weights."""
    fields = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    model = models.get_model(name, weights=None, num_classes=zoo.CLASSES, **fields).double()
    for module in list(model.modules()):
        for child, layer in module.named_children():
            if type(layer) in EXACT:
                setattr(module, child, EXACT[type(layer)]())
        if isinstance(module, torch.nn.Dropout | StochasticDepth):
            module.p = 0.0
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                value.copy_(torch.from_numpy(zoo.array(key, tuple(value.shape))))
    return model


def norms(model: torch.nn.Module) -> list:
    """Return its batch norms."""
    return [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]


def calibrate(model: torch.nn.Module, x: torch.Tensor) -> None:
    """Set the statistics to those of one batch."""
    momenta = [norm.momentum for norm in norms(model)]
    for norm in norms(model):
        norm.momentum = 1.0
    with torch.no_grad():
        model.train()(x)
    for norm, momentum in zip(norms(model), momenta, strict=True):
        norm.momentum = momentum


def batch(name: str) -> torch.Tensor:
    """Return noise (N, 3, H, W)."""
    return torch.from_numpy(zoo.images(name).transpose(0, 3, 1, 2).copy())


def train(model: torch.nn.Module, x: torch.Tensor) -> dict[str, np.ndarray]:
    """Return digests of the gradients and of the statistics of one step."""
    outputs = model.train()(x)
    outputs = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
    if len(outputs) == 3:  # GoogLeNet gives (logits, second head, first head)
        outputs = [outputs[0], outputs[2], outputs[1]]
    sum(
        (y * torch.from_numpy(zoo.weights_of(i, tuple(y.shape)))).sum()
        for i, y in enumerate(outputs)
    ).backward()
    grads = {k: p.grad.numpy() for k, p in sorted(model.named_parameters())}
    stats = {k: b.numpy() for k, b in sorted(model.named_buffers()) if "running" in k}
    return {
        "grads": np.array([zoo.digest(k, v) for k, v in grads.items()]),
        "stats": np.array([zoo.digest(k, v) for k, v in stats.items()]).reshape(-1, 2),
        "grad_names": np.array(list(grads)),
        "stat_names": np.array(list(stats), dtype=str),
    }


def main() -> None:
    """Write the files of the models named on the command line."""
    zoo.FOLDER.mkdir(exist_ok=True)
    for name in sys.argv[1:]:
        model, x = build(name), batch(name)
        if norms(model):
            calibrate(model, x)
        with torch.no_grad():
            found = {"logits": model.eval()(x[:2]).numpy()}
        if name in zoo.TRAINED:
            found |= train(model, x[:2])
        np.savez_compressed(zoo.FOLDER / f"{name}.npz", **found)
        print(name, np.abs(found["logits"]).max(), flush=True)


if __name__ == "__main__":
    main()
