"""Writes the stored files of weights with PyTorch: `python -m tests.golden.make_weights_files`.

Needs PyTorch 2.13. The files are small, and are read in `tests/weights` without PyTorch.
"""

import argparse
import pathlib
import warnings
from collections import OrderedDict

import numpy as np
import torch

from tests.golden.weights_cases import DTYPES, numbers, views

FOLDER = pathlib.Path(__file__).parent / "weights"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    dtypes = {name: torch.tensor(numbers()).to(getattr(torch, name)) for name in DTYPES}
    save(dtypes, "dtypes")
    save(torch_views(), "views")
    for protocol in (3, 4, 5):
        save(torch_views(), f"views_protocol{protocol}", pickle_protocol=protocol)
    for protocol in (2, 4):
        old = {"pickle_protocol": protocol, "_use_new_zipfile_serialization": False}
        save(torch_views(), f"views_legacy{protocol}", **old)
    old_dtypes = {name: tensor for name, tensor in dtypes.items() if name in DTYPES[:12]}
    save(old_dtypes, "dtypes_legacy", _use_new_zipfile_serialization=False)
    save(checkpoint(), "checkpoint")
    save(torch.nn.Linear(2, 2), "module")
    save({"x": torch.eye(3).to_sparse()}, "sparse")
    save({"x": torch.zeros(3, device="meta")}, "meta")
    save({"x": torch.zeros(2, dtype=torch.complex64).conj()}, "conjugated")
    save({"x": torch.zeros(2, dtype=torch.complex32)}, "complex32")
    save({"x": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8)}, "quantised")
    torch.serialization.set_crc32_options(False)
    save({"x": torch.arange(3.0)}, "no_checksums")
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), FOLDER / "torchscript.pt")


def save(value: object, name: str, **options: object) -> None:
    torch.save(value, FOLDER / f"{name}.pth", **options)


def torch_views() -> OrderedDict:
    base = torch.arange(24.0)
    with_attribute = base[:2]
    with_attribute.note = "kept by torch, dropped by us"
    state = OrderedDict(
        whole=base,
        tied=base,
        part=base[4:10],
        transposed=base.reshape(4, 6).T,
        every_third=base[::3],
        expanded=torch.arange(3).expand(2, 3),
        scalar=torch.tensor(3.5),
        empty=torch.zeros(0, 3),
        one_by_one=base[:1].reshape(1, 1),
        parameter=torch.nn.Parameter(base[:6].reshape(2, 3)),
        with_attribute=with_attribute,
    )
    assert state.keys() == views().keys()
    state._metadata = OrderedDict({"": {"version": 1}})
    return state


def checkpoint() -> dict:
    """Return what a training script saves: weights, their average, and much else."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(2, 2)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    average = torch.optim.swa_utils.AveragedModel(torch.nn.DataParallel(layer))
    with torch.no_grad():
        average.module.module.weight.fill_(2.0)
    adam = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    adam.step()
    return {
        "model": torch.nn.DataParallel(layer).state_dict(),
        "model_ema": average.state_dict(),
        "optimizer": adam.state_dict(),
        "args": argparse.Namespace(lr=0.1, shape=torch.Size([3, 4]), dtype=torch.float32),
        "best": np.float64(0.5),
        "mean": np.ones(3),
        "accuracy": torch.tensor(75.0),
        "folder": pathlib.PurePosixPath("runs/1"),
        "classes": {"cat", "dog"},
        "digest": b"\x00\xff",
        "random_state": 10**30,
        ("a", 1): bytearray(b"x"),
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
