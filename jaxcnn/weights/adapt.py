"""Weights of one network as the beginning of another: a new head, a summed first kernel."""

from typing import Any

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxcnn.typing import Array, Key, Shape, Variables
from jaxcnn.weights.error import WeightsError


def adapt(model: Any, variables: Variables, shape: Shape, key: Key) -> Variables:
    """Return variables for a model that differs in its head or in the channels of its input.

    Arrays that fit are kept. A kernel that only has more input channels than needed is summed
    over them, if one is needed. Arrays that end in another number of features, or that are not
    there, are initialised anew, and those that the model lacks are dropped.

    Args:
      model: The model that is wanted.
      variables: Those of the other.
      shape: Shape of a batch of its images.
      key: Random key of what is new, which comes out as `model.init(key, images)` has it.

    Raises:
      WeightsError: If the models differ otherwise.

    >>> from flax import linen as nn
    >>> conv, key = nn.Conv(1, (1, 1)), jax.random.key(0)
    >>> colour = {"params": {"kernel": jnp.ones((1, 1, 3, 1)), "bias": jnp.zeros(1)}}
    >>> adapt(conv, colour, (1, 8, 8, 1), key)["params"]["kernel"].tolist()
    [[[[3.0]]]]
    """
    images = jax.ShapeDtypeStruct(shape, jnp.float32)
    expected: Any = flatten_dict(jax.eval_shape(model.init, key, images))
    given: Any = flatten_dict(dict(variables))
    kept, new = {}, []
    for path, want in expected.items():
        if path in given and given[path].shape == want.shape:
            kept[path] = given[path]
        elif path in given and is_summed(given[path].shape, want.shape):
            kept[path] = given[path].sum(-2, keepdims=True)
        elif path not in given or given[path].shape[:-1] == want.shape[:-1]:
            new.append(path)
        else:
            raise WeightsError(
                f"{'/'.join(path)}: has shape {given[path].shape}, the model needs {want.shape}. "
                "Fix: change only num_classes and in_channels"
            )
    return unflatten_dict(kept | initial(model, new, shape, key))


def is_summed(given: Shape, want: Shape) -> bool:
    """Whether a kernel differs in its input channels, of which one is wanted.

    >>> is_summed((7, 7, 3, 64), (7, 7, 1, 64)), is_summed((7, 7, 3, 64), (7, 7, 3, 32))
    (True, False)
    """
    return want == (*given[:-2], 1, *given[-1:]) and len(given) > 2


def initial(model: Any, paths: list[tuple], shape: Shape, key: Key) -> dict[tuple, Array]:
    """Return some of the arrays of `model.init(key, images)`; XLA leaves the others out."""

    def some(key: Key) -> list[Array]:
        flat: Any = flatten_dict(model.init(key, jnp.zeros(shape)))
        return [flat[path] for path in paths]

    return dict(zip(paths, jax.jit(some)(key) if paths else [], strict=True))
