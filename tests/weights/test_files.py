"""Files of weights: what PyTorch, NumPy and safetensors write is read exactly, all else refused."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxcnn.weights import WeightsError, read
from tests.golden.weights_cases import DTYPES, numbers, views
from tests.weights.assemble import (
    archive,
    call,
    legacy,
    number,
    program,
    pth,
    safetensors,
    state,
    storage,
    tensor,
    text,
    tuple_of,
)
from tests.weights.hostile import hostile

ROOT = Path(__file__).parent.parent.parent
GOLDEN = ROOT / "tests" / "golden" / "weights"
HOSTILE = hostile()


def assert_equal(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array, name)


@pytest.fixture
def file(tmp_path):
    """A function that writes bytes to a file and returns its path."""

    def write(data):
        (tmp_path / "weights").write_bytes(data)
        return tmp_path / "weights"

    return write


VIEWS = ["views", *(f"views_protocol{i}" for i in (3, 4, 5)), "views_legacy2", "views_legacy4"]


@pytest.mark.parametrize("name", VIEWS)
def test_views_of_storages_in_every_protocol_and_format(name):
    assert_equal(read(GOLDEN / f"{name}.pth"), views())


@pytest.mark.parametrize(("name", "dtypes"), [("dtypes", DTYPES), ("dtypes_legacy", DTYPES[:12])])
def test_every_dtype(name, dtypes):
    expected = {dtype: numbers().astype(jnp.dtype(dtype)) for dtype in dtypes}
    assert_equal(read(GOLDEN / f"{name}.pth"), expected)


def test_arrays_are_read_only_views_of_the_file():
    found = read(str(GOLDEN / "views.pth"))
    assert np.shares_memory(found["whole"], found["tied"])
    assert np.shares_memory(found["whole"], found["part"])
    assert not any(array.flags.writeable for array in found.values() if array.size)


def test_checksums_may_be_switched_off():
    assert_equal(read(GOLDEN / "no_checksums.pth"), {"x": np.arange(3, dtype=np.float32)})


@pytest.mark.parametrize(
    ("entry", "value"),
    [(None, 2.0), ("model_ema", 2.0), ("model", 0.999), ("optimizer/state/0", None)],
)
def test_the_weights_of_a_checkpoint_are_found(entry, value):
    path = GOLDEN / "checkpoint.pth"
    if value is None:
        with pytest.raises(WeightsError, match="has no entry 'optimizer/state/0'"):
            read(path, entry=entry)
        return
    found = read(path, entry=entry)
    assert list(found) == ["weight", "bias"]
    np.testing.assert_allclose(found["weight"], np.full((2, 2), value), rtol=1e-6)


REFUSED = {
    "module.pth": "names 'torch.nn.modules.linear.Linear'",
    "sparse.pth": "x.to_dense()",
    "meta.pth": "without data",
    "conjugated.pth": "resolve_conj",
    "complex32.pth": "torch.complex32",
    "quantised.pth": "x.dequantize()",
    "torchscript.pt": "torch.jit.load",
}


@pytest.mark.parametrize(("name", "part"), REFUSED.items())
def test_what_arrays_cannot_stand_for_is_refused(name, part):
    with pytest.raises(WeightsError, match=f"{re.escape(name)}: .*{re.escape(part)}"):
        read(GOLDEN / name)


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused(kind, file):
    data, part = HOSTILE[kind]
    path = file(data)
    with pytest.raises(WeightsError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert part in message
    assert len(message) < 600


def test_there_are_enough_hostile_files():
    assert len(HOSTILE) >= 180
    assert all(part for _, part in HOSTILE.values())


def test_a_watched_process_does_nothing_but_read():
    command = [sys.executable, "-m", "tests.weights.audited", "60", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["failures"] == []
    assert found["events"] == {}
    assert all(kind["refused"] > 30 for kind in found["mutants"].values())


def test_the_other_byte_order(file):
    swapped = np.array([0, 1, 2, 3], ">f4").tobytes()
    records = {"a/data.pkl": state(tensor()), "a/data/0": swapped, "a/byteorder": b"big"}
    assert_equal(read(file(archive(records))), {"x": np.arange(4, dtype=np.float32)})
    records["a/data.pkl"] = state(
        tensor(storage(size=2, kind="torch.ComplexFloatStorage"), shape=(2,))
    )
    assert_equal(read(file(archive(records))), {"x": np.array([0 + 1j, 2 + 3j], np.complex64)})
    records["a/data.pkl"] = state(tensor(storage(size=8, kind="torch.BFloat16Storage"), shape=(8,)))
    expected = np.frombuffer(swapped, ">u2").astype("u2").view(jnp.bfloat16)
    assert_equal(read(file(archive(records))), {"x": expected})


def test_a_file_of_python_2(file):
    """A list of pairs for the dict, byte strings, version 1 of the tensor, a view of a storage."""
    part = storage("0", 4, tuple_of(text("view"), number(1), number(3))).replace(b"cpu", b"gpu")
    old = call(
        "torch._utils._rebuild_tensor",
        *(part, number(1), tuple_of(number(2)), tuple_of(number(1))),
    )
    pairs = b"](]U\x01x" + b"a" + old + b"ae"
    data = legacy(program(call("collections.OrderedDict", pairs)))
    assert_equal(read(file(data)), {"x": np.array([2, 3], np.float32)})


def test_strides_of_axes_of_size_one_may_be_anything(file):
    shape = tensor(shape=(1, 4), strides=(2**61, 1))
    assert_equal(read(file(pth(state(shape)))), {"x": np.arange(4, dtype=np.float32)[None]})


def test_safetensors_of_its_own_library(tmp_path):
    arrays = {name: np.ascontiguousarray(array) for name, array in views().items()}
    save_file(arrays, tmp_path / "weights.safetensors", {"format": "np"})
    found = read(tmp_path / "weights.safetensors")
    assert_equal({name: found[name] for name in arrays}, arrays)


def test_bfloat16_in_safetensors(file):
    header = '{"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}'
    data = np.array([1, -2], jnp.bfloat16)
    assert_equal(read(file(safetensors(header, data.tobytes()))), {"x": data})


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_in_every_dtype_and_order(save, tmp_path):
    kinds = ("?", "i1", "<i8", "u2", "f2", "f4", "f8", "c8", "c16")
    arrays = {f"params/{kind}": numbers().astype(kind) for kind in kinds}
    arrays |= {"fortran": np.asfortranarray(numbers()), "scalar": np.array(1.5)}
    arrays["empty"] = np.zeros((0, 2), np.int32)
    save(tmp_path / "a.npz", **arrays)
    assert_equal(read(tmp_path / "a.npz"), arrays)


class Foreign:
    """A tensor with PyTorch's manners."""

    def __init__(self, values, dtype):
        self.values, self.dtype = np.asarray(values, np.float32), dtype
        self.shape = self.values.shape

    def detach(self):
        return self

    cpu = detach

    def float(self):
        return Foreign(self.values, "torch.float32")

    def __array__(self, dtype=None, copy=None):
        if self.dtype == "torch.bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.values


def test_a_mapping_of_arrays():
    state = {
        "module.numpy": np.zeros(2),
        "module.jax": jnp.ones(3),
        "module.torch": Foreign([1, 2], "torch.float32"),
        "module.torch16": Foreign([1, 2], "torch.bfloat16"),
        "n_averaged": np.int64(3),
    }
    found = read({"epoch": 3, "state_dict": state})
    assert {name: str(array.dtype) for name, array in found.items()} == {
        "numpy": "float64",
        "jax": "float32",
        "torch": "float32",
        "torch16": "bfloat16",
    }
    assert type(found["jax"]) is np.ndarray


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ({}, "holds no arrays, but entries none"),
        ({"state_dict": {"x": 1}}, "holds no arrays"),
        ({1: np.zeros(2)}, "no text"),
        ({"x": np.array([object()])}, "'x' has dtype object"),
        ({"x": np.array(["a"])}, "no number"),
    ],
)
def test_a_mapping_without_weights(content, part):
    with pytest.raises(WeightsError, match=part):
        read(content)


def test_prefixes_go_only_where_all_names_bear_them():
    mixed = {"module.a": np.zeros(1), "b": np.zeros(1)}
    assert list(read(mixed)) == ["module.a", "b"]
    assert list(read({"_orig_mod.module.a": np.zeros(1)})) == ["a"]


def test_what_is_no_file(tmp_path):
    with pytest.raises(WeightsError, match="No such file"):
        read(tmp_path / "missing.pth")
    with pytest.raises(WeightsError, match="is no file"):
        read(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WeightsError, match="is no file"):
        read(tmp_path / "pipe")
