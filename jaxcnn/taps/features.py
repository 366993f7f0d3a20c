"""The activations of named modules, without computing what they do not need."""

import functools
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.taps.arguments import inputs_of, names_of, split
from jaxcnn.taps.listing import list_places, resolve
from jaxcnn.taps.run import Inputs, run
from jaxcnn.taps.static import Static
from jaxcnn.typing import Array, Key, Variables


def features(
    model: nn.Module,
    variables: Variables,
    x: Array,
    at: str | Sequence[str],
    *,
    train: bool = False,
    rngs: Key | Mapping[str, Key] | None = None,
    mutable: Any = None,
    **options: Any,
) -> dict[str, Array]:
    """Return what named modules of any Linen network put out, or take in, for a batch.

    What they do not need is not computed, also outside of `jax.jit`: the network is left after
    the last place, so that the variables of later layers need not even be there, and the
    compiler drops what remains. Equal calls compile once. `jit`, `vmap` and `grad` work through
    it. The model is not changed; what it writes (batch statistics, auxiliary logits) is dropped.

    Args:
      model: Any Linen module: of the zoo or your own, with `setup` or `@nn.compact`, under
        `nn.remat` or `nn.jit`; not bound to variables.
      variables: Its variables, e.g. `{"params": ..., "batch_stats": ...}`.
      x: Its input, e.g. images (N, H, W, C).
      at: Names as `list_taps` lists them: `stage1/block2` is a module's output,
        `stage1/block2:input` its input, `:output` the model's own; or patterns, in which `*`
        stays within one name and `**` goes through all levels.
      train: Whether the model runs in training mode: passed to models that know the argument,
        and then the model may write to all collections but `params`.
      rngs: Random keys, as `model.apply` takes them.
      mutable: Collections that the model may write, where `train` is not its word for training.
      **options: Further arguments of the model.

    Returns:
      The values by name, in the order of `at`. The input of a module that is called with
      several arrays is a tuple of them; in a tree that a module returns, None stands for what is
      no array; within `nn.scan` and `nn.vmap` that lift the collection `taps` (or
      `intermediates`, made writable by `mutable`), values have the lifted axis too.

    Raises:
      ValueError: If `at` is empty, or names what is not there: nearest names are suggested.
      TypeError: If `at` is no name or list of names.

    Example:
      >>> import jax.numpy as jnp
      >>> from jaxcnn import create_model
      >>> model, x = create_model("lenet5"), jnp.zeros((2, 32, 32, 1))
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), x)
      >>> look = lambda variables, x: features(model, variables, x, ["conv*", "head:input"])
      >>> {name: value.shape for name, value in jax.eval_shape(look, variables, x).items()}
      {'conv1': (2, 28, 28, 6), 'conv2': (2, 10, 10, 16), 'head:input': (2, 84)}
    """
    report = Report("features", x)
    names = names_of(report, at)
    setting, arrays = split("features", model, train, mutable, options)
    inputs = inputs_of(variables, x, rngs, arrays)
    return dict(_features(Static(setting), names, inputs))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _features(setting: Static, at: tuple[str, ...], inputs: Inputs) -> OrderedDict[str, Array]:
    report = Report("features", inputs.x)
    places = resolve(list_places(setting.value, inputs), at, report)
    report.done()
    values = run(setting.value, inputs, places.values())
    return OrderedDict((name, values[place]) for name, place in places.items())
