"""Writes `explain.npz`: what Captum makes of the network of `explain`, with its draws."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
import torch
from captum import attr
from captum._utils.models.linear_model import SkLearnRidge
from captum.metrics import infidelity, sensitivity_max

from tests.golden import explain as case

CLASSES = torch.from_numpy(case.CLASSES)
LABELS = torch.from_numpy(case.parts())[None, None]


class Network(torch.nn.Module):
    """The network of `case`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, case.WIDTHS[0], 3, padding=1)
        self.relu1 = torch.nn.ReLU()
        self.pool = torch.nn.MaxPool2d(2)
        self.conv2 = torch.nn.Conv2d(*case.WIDTHS, 3, padding=1)
        self.relu2 = torch.nn.ReLU()
        self.head = torch.nn.Linear(case.WIDTHS[1], 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        x = self.pool(self.relu1(self.conv1(x)))
        return self.head(self.relu2(self.conv2(x)).mean((2, 3)))


def build() -> Network:
    """Return the network with its seeded weights."""
    model = Network().double().eval()
    for name, value in case.weights().items():
        layer = getattr(model, name.removesuffix("_bias"))
        if name.endswith("_bias"):
            layer.bias.data = torch.from_numpy(value)
        else:
            axes = (3, 2, 0, 1) if value.ndim == 4 else (1, 0)
            layer.weight.data = torch.from_numpy(value.transpose(axes).copy())
    return model


def here(maps: torch.Tensor) -> np.ndarray:
    """Return maps in our layout."""
    return maps.detach().numpy().transpose(0, 2, 3, 1)


def plain(model: Network, x: torch.Tensor) -> dict[str, np.ndarray]:
    """Return explanations that draw nothing."""
    given: dict[str, Any] = {"target": CLASSES}
    covered = {"baselines": case.BASELINE, **given}
    window = {"sliding_window_shapes": (3, *case.WINDOW), "strides": (3, *case.STRIDE)}
    integrated = attr.IntegratedGradients(model)
    sharp = attr.GuidedGradCam(model, model.conv2)
    cam = attr.LayerGradCam(model, model.relu2)
    found = {
        "saliency": attr.Saliency(model).attribute(x, **given),
        "gradient_x_input": attr.InputXGradient(model).attribute(x, **given),
        "integrated_gradients": integrated.attribute(x, n_steps=case.STEPS, **covered),
        "guided_backprop": attr.GuidedBackprop(model).attribute(x, **given),
        "deconvnet": attr.Deconvolution(model).attribute(x, **given),
        "occlusion": attr.Occlusion(model).attribute(x, **window, **covered),
        "feature_ablation": attr.FeatureAblation(model).attribute(
            x, feature_mask=LABELS, **covered
        ),
        "grad_cam": cam.attribute(x, relu_attributions=True, **given),
        "guided_grad_cam": sharp.attribute(x, interpolate_mode="bilinear", **given),
    }
    return {name: here(maps) for name, maps in found.items()}


def noisy(model: Network, x: torch.Tensor) -> dict[str, np.ndarray]:
    """Return SmoothGrad and VarGrad with the noise that they drew."""
    torch.manual_seed(0)
    count, size = case.COPIES, x.shape[1:]
    noise = 0.3 * torch.randn(len(x) * count, *size, dtype=torch.float64)
    tunnel = attr.NoiseTunnel(attr.Saliency(model))
    found = {"noise": noise.reshape(len(x), count, *size).transpose(0, 1).permute(0, 1, 3, 4, 2)}
    for name, kind in {"smooth_grad": "smoothgrad", "var_grad": "vargrad"}.items():
        with mock.patch("torch.normal", return_value=noise):
            options = {"nt_type": kind, "nt_samples": count, "abs": False}
            maps = tunnel.attribute(x, target=CLASSES, **options)
        found[name] = maps.permute(0, 2, 3, 1)
    return {name: maps.detach().numpy() for name, maps in found.items()}


def surrogates(model: Network, x: torch.Tensor) -> dict[str, np.ndarray]:
    """Return LIME and KernelSHAP with the same sets of parts."""
    torch.manual_seed(1)
    sets = torch.randint(2, (case.SETS, case.PARTS**2))
    sets = sets[(sets.sum(1) > 0) & (sets.sum(1) < case.PARTS**2)]

    def draws(*_: Any, **__: Any) -> Iterator[torch.Tensor]:
        yield from sets.split(1)

    def ends_and_draws(*_: Any, **__: Any) -> Iterator[torch.Tensor]:
        yield torch.ones_like(sets[:1])
        yield torch.zeros_like(sets[:1])
        yield from sets.split(1)

    def near(_: Any, __: Any, shown: torch.Tensor, **___: Any) -> float:
        cosine = torch.sqrt(shown.double().mean())
        return float(torch.exp(-((1 - cosine) ** 2) / (2 * case.KERNEL_WIDTH**2)))

    lime = attr.Lime(model, SkLearnRidge(alpha=case.RIDGE), near, draws)
    shap = attr.KernelShap(model)
    shap.perturb_func = ends_and_draws
    shap.inf_weight = 1e10  # stands for infinity
    options = {"feature_mask": LABELS, "baselines": case.BASELINE}
    found = {"lime": [], "kernel_shap": []}
    # Captum computes its regressions in single precision.
    with mock.patch("torch.Tensor.float", torch.Tensor.double):
        for i in range(len(x)):
            given = {"target": int(CLASSES[i]), **options}
            found["lime"].append(lime.attribute(x[i : i + 1], n_samples=len(sets), **given))
            count = len(sets) + 2
            found["kernel_shap"].append(shap.attribute(x[i : i + 1], n_samples=count, **given))
    return {"sets": sets.numpy(), **{n: here(torch.cat(m)) for n, m in found.items()}}


def measures(model: Network, x: torch.Tensor) -> dict[str, np.ndarray]:
    """Return infidelity and the largest sensitivity of the gradient, with their changes of x."""
    torch.manual_seed(2)
    changes = 0.1 * torch.randn(len(x) * case.COPIES, *x.shape[1:], dtype=torch.float64)
    saliency = attr.Saliency(model)
    maps = saliency.attribute(x, target=CLASSES, abs=False)
    options = {"target": CLASSES, "n_perturb_samples": case.COPIES}

    def both(given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return changes, given - changes

    def changed(given: torch.Tensor) -> torch.Tensor:
        return given + changes

    def explain(given: Any, **others: Any) -> Any:
        return saliency.attribute(given, abs=False, **others)

    plain = infidelity(model, both, x, maps, **options)
    scaled = infidelity(model, both, x, maps, normalize=True, **options)
    largest = sensitivity_max(explain, x, perturb_func=changed, **options)
    size = (len(x), case.COPIES, *x.shape[1:])
    return {
        "changes": changes.reshape(size).transpose(0, 1).permute(0, 1, 3, 4, 2).numpy(),
        "infidelity": plain.detach().numpy(),
        "infidelity_scaled": scaled.detach().numpy(),
        "max_sensitivity": largest.detach().numpy(),
    }


def main() -> None:
    """Write the file."""
    torch.set_default_dtype(torch.float64)  # of what Captum makes itself
    model, x = build(), torch.from_numpy(case.images().transpose(0, 3, 1, 2).copy())
    found = {}
    for kind in (plain, noisy, surrogates, measures):
        found |= kind(model, x.clone().requires_grad_())
    np.savez_compressed(case.FILE, **found)
    for name, value in found.items():
        print(name, value.shape, np.abs(value).max())


if __name__ == "__main__":
    main()
