"""Files of PyTorch people, in and out, in one call each."""

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

from jaxcnn.models import create_model, model_info
from jaxcnn.typing import Array, Variables
from jaxcnn.weights.convert import abstract_variables, from_arrays, to_arrays
from jaxcnn.weights.files import read
from jaxcnn.weights.files.read import Source
from jaxcnn.weights.names import foreign_names
from jaxcnn.weights.tables import TABLES, table_of


def load_torch(
    name: str,
    source: Source,
    *,
    layout: str | None = None,
    entry: str | None = None,
    **fields: Any,
) -> Variables:
    """Return the variables of a model from a file of PyTorch's, without torch and without trust.

    Args:
      name: Name of the model.
      source: A `.pth`, `.pt`, `.safetensors` or `.npz` file, or a mapping of arrays, as for `read`.
      layout: Whose names the arrays have: "torchvision", "timm" or another with a table for this
        family. None takes the one that most of the names fit.
      entry: Where in the file the state dict is; None looks for it.
      **fields: Fields of `create_model`, such as `num_classes`, with which the model is made.

    Returns:
      `{"params": ..., "batch_stats": ...}` of JAX arrays, float32 (float64 stays under x64).

    Raises:
      WeightsError: If the file cannot be read, or names are missing or unexpected or shapes
        differ: all of them at once.

    Example:
      >>> load_torch("squeezenet1_1", {"state_dict": {"features.0.bias": np.zeros(64)}})
      Traceback (most recent call last):
      jaxcnn.weights.error.WeightsError: squeezenet1_1: 51 mismatches with torchvision names
        missing: ...
    """
    arrays = read(source, entry=entry)
    layout = layout or guess_layout(name, arrays, **fields)
    variables = from_arrays(name, arrays, layout=layout, **fields)
    return jax.tree.map(as_parameter, variables)


def to_torch(
    name: str, variables: Variables, *, layout: str = "torchvision", **fields: Any
) -> dict[str, np.ndarray]:
    """Return a model's variables as a state dict that PyTorch's model of the same name loads.

    `model.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()}, strict=False)`;
    what it misses is `num_batches_tracked`, a counter that has no influence.

    Args:
      name: Name of the model.
      variables: What `model.init` or `load_pretrained` returns.
      layout: Whose names to give: "torchvision", "timm" or another that has a table.
      **fields: Fields of `create_model` with which the model was made, such as `num_classes`.

    Returns:
      NumPy arrays by name.

    Raises:
      WeightsError: If the variables are not those of the model.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> model = create_model("squeezenet1_1", num_classes=3)
      >>> shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 224, 224, 3)))
      >>> variables = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
      >>> to_torch("squeezenet1_1", variables, num_classes=3)["features.0.weight"].shape
      (64, 3, 3, 3)
    """
    return to_arrays(name, variables, layout=layout, **fields)


def save_torch(
    name: str,
    variables: Variables,
    path: str | os.PathLike[str],
    *,
    layout: str = "torchvision",
    **fields: Any,
) -> None:
    """Write a model's variables as a `.safetensors` file with PyTorch's names.

    Args:
      name: Name of the model.
      variables: What `model.init` or `load_pretrained` returns.
      path: The file to write, ending in `.safetensors`; one that exists is replaced at once.
      layout: Whose names to give.
      **fields: Fields of `create_model` with which the model was made.

    Raises:
      WeightsError: If the variables are not those of the model.
      OSError: If the file cannot be written.

    Example:
      >>> import tempfile, jax, jax.numpy as jnp
      >>> model = create_model("squeezenet1_1", num_classes=3)
      >>> shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 224, 224, 3)))
      >>> variables = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     path = os.path.join(folder, "weights.safetensors")
      ...     save_torch("squeezenet1_1", variables, path, num_classes=3)
      ...     len(read(path))
      52
    """
    arrays = to_arrays(name, variables, layout=layout, **fields)
    partial = f"{os.fspath(path)}.{os.getpid()}.part"
    try:
        save_file(arrays, partial, metadata={"format": "pt", "model": name})
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.remove(partial)


def guess_layout(name: str, arrays: dict[str, np.ndarray], **fields: Any) -> str:
    """Return the layout of which most names are among those of the arrays."""
    family = model_info(name).family
    layouts = [layout for kind, layout in TABLES if kind == family]
    if len(layouts) < 2:
        return (*layouts, "torchvision")[0]
    model = create_model(name, **fields)
    expected = abstract_variables(name, model)

    def hits(layout: str) -> int:
        table = table_of(name, model, layout)
        return len(foreign_names(table, expected).keys() & {table.current(key) for key in arrays})

    return max(layouts, key=hits)


def as_parameter(array: np.ndarray) -> Array:
    """Return a JAX array of its own memory, in single precision at least.

    >>> as_parameter(np.zeros(3, np.float16)).dtype
    dtype('float32')
    """
    dtype = jnp.promote_types(array.dtype, jnp.float32)
    # Not jnp.array, which takes the memory of two more copies. An alias would be a view of a file.
    return jax.device_put(array.astype(dtype, copy=False), may_alias=False)
