"""The names that a torch file may mention, and the plain values that stand for them.

A pickle mentions functions and classes by name. None of them is imported or called here: a name
is looked up in these tables, and one that is missing refuses the file.
"""

from typing import Any

import jax.numpy as jnp

from jaxcnn.weights.error import WeightsError
from jaxcnn.weights.files.stand_ins import (
    Builder,
    Opaque,
    StorageType,
    mapping,
    rebuild_from_type,
    rebuild_parameter,
    rebuild_tensor,
)

DTYPES = {
    "float64": "Double",
    "float32": "Float",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "int64": "Long",
    "int32": "Int",
    "int16": "Short",
    "int8": "Char",
    "uint8": "Byte",
    "bool": "Bool",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
    "uint16": None,
    "uint32": None,
    "uint64": None,
    "float8_e4m3fn": None,
    "float8_e4m3fnuz": None,
    "float8_e5m2": None,
    "float8_e5m2fnuz": None,
    "float8_e8m0fnu": None,
}
"""Names of dtypes, and of the storage class of those that have one."""

REFUSED = {
    "torch._utils._rebuild_qtensor": ("quantised", "save x.dequantize()"),
    "torch._utils._rebuild_sparse_tensor": ("sparse", "save x.to_dense()"),
    "torch._utils._rebuild_nested_tensor": ("nested", "save x.unbind()"),
    "torch._utils._rebuild_meta_tensor_no_storage": ("without data", "load the model's weights"),
    "torch._utils._rebuild_wrapper_subclass": ("of another class", "save plain tensors"),
}
"""Tensors that no plain array can stand for."""

BUILTINS = (
    *("set", "frozenset", "bytearray", "complex", "range", "slice"),
    *("object", "list", "dict", "tuple", "int", "float", "bool", "str"),
)
METADATA: dict[str, tuple[str, ...]] = {
    "argparse": ("Namespace",),
    "types": ("SimpleNamespace",),
    "builtins": BUILTINS,
    "__builtin__": BUILTINS,
    "_codecs": ("encode",),
    "copyreg": ("_reconstructor",),
    "copy_reg": ("_reconstructor",),
    "collections": ("deque",),
    "pathlib": ("PosixPath", "WindowsPath", "PurePosixPath"),
    "pathlib._local": ("PosixPath", "WindowsPath", "PurePosixPath"),
    "datetime": ("datetime", "date", "timedelta"),
    "typing": ("Any",),
    "numpy": ("dtype", "ndarray"),
    "numpy.core.multiarray": ("scalar", "_reconstruct"),
    "numpy._core.multiarray": ("scalar", "_reconstruct"),
    "torch": ("device", "Size", "Tensor", "complex32", "quint8", "qint8", "qint32"),
    "torch.nn.parameter": ("Parameter", "Buffer"),
    "torch.serialization": ("_get_layout",),
    "yacs.config": ("CfgNode",),
    "easydict": ("EasyDict",),
    "addict.addict": ("Dict",),
    "mmengine.config.config": ("ConfigDict",),
    "omegaconf.dictconfig": ("DictConfig",),
    "omegaconf.listconfig": ("ListConfig",),
    "omegaconf.nodes": ("AnyNode",),
    "omegaconf.base": ("ContainerMetadata", "Metadata"),
    "pytorch_lightning.utilities.parsing": ("AttributeDict",),
    "lightning.fabric.utilities.data": ("AttributeDict",),
    "lightning_fabric.utilities.data": ("AttributeDict",),
}
"""Classes of the arguments, paths and counters that training scripts save beside the weights."""


def _vocabulary() -> dict[str, Any]:
    known = [f"{module}.{name}" for module, names in METADATA.items() for name in names]
    names: dict[str, Any] = {name: Opaque(name) for name in known}
    builders = {
        "collections.OrderedDict": mapping,
        "collections.defaultdict": mapping,
        "collections.Counter": mapping,
        "torch._utils._rebuild_tensor": rebuild_tensor,
        "torch._utils._rebuild_tensor_v2": rebuild_tensor,
        "torch._utils._rebuild_tensor_v3": rebuild_tensor,
        "torch._utils._rebuild_parameter": rebuild_parameter,
        "torch._utils._rebuild_parameter_with_state": rebuild_parameter,
        "torch._tensor._rebuild_from_type_v2": rebuild_from_type,
    }
    names |= {name: Builder(name, build) for name, build in builders.items()}
    for dtype, storage in DTYPES.items():
        names[f"torch.{dtype}"] = jnp.dtype(dtype)
        if storage:
            kind = StorageType(jnp.dtype(dtype))
            names |= {f"{room}.{storage}Storage": kind for room in ("torch", "torch.cuda")}
    untyped = ("UntypedStorage", "_UntypedStorage")
    return names | {f"torch.storage.{name}": StorageType(None) for name in untyped}


VOCABULARY = _vocabulary()


def look_up(name: str) -> Any:
    """Return what stands for a name.

    >>> look_up("torch.float32"), look_up("argparse.Namespace")
    (dtype('float32'), Opaque(name='argparse.Namespace'))
    >>> look_up("os.system")
    Traceback (most recent call last):
    jaxcnn.weights.error.WeightsError: names 'os.system', ...
    """
    if name in REFUSED:
        kind, fix = REFUSED[name]
        raise WeightsError(f"holds a tensor that is {kind}; {fix}")
    if name not in VOCABULARY:
        raise WeightsError(
            f"names {name[:80]!r}, which no file of weights needs; if you trust the file, save its "
            "state dict alone (model.state_dict()) with torch.save, else delete it"
        )
    return VOCABULARY[name]
