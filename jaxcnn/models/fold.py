"""Batch norms folded into the convolutions before them, for inference."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.errors import FlaxError
from flax.traverse_util import flatten_dict, unflatten_dict
from jax import lax
from jax.ad_checkpoint import checkpoint_name

from jaxcnn import layers
from jaxcnn.checks import Report
from jaxcnn.layers.folded import FoldedNorm, FoldedNormConfig
from jaxcnn.typing import Shape, Variables

CONVOLUTIONS = (layers.Conv, nn.Conv, nn.Dense)
"""Whose kernels end with the output channels, and are used as they are stored."""
NORMS = (layers.BatchNorm, nn.BatchNorm)

Path = tuple[str, ...]


class Pair(NamedTuple):
    """A batch norm, the convolution whose output only it reads, and its epsilon."""

    conv: Path
    norm: Path
    epsilon: float


def fold_batch_norm(
    model: nn.Module, variables: Variables, *, input_shape: Shape | None = None
) -> tuple[nn.Module, Variables]:
    r"""Return a network for inference whose batch norms are part of its convolutions.

    .. math::
        w'_k = \frac{\gamma_k}{\sqrt{\sigma_k^2 + \epsilon}}\, w_k, \qquad
        b'_k = \beta_k + \frac{\gamma_k}{\sqrt{\sigma_k^2 + \epsilon}}\,(b_k - \mu_k)

    A norm is folded where it reads the output of a convolution or linear layer, and nothing
    else does; one trace of the network tells. So nothing is left to normalise in networks of
    `conv - norm - act`. Where the norm comes first (the first of each layer of DenseNet and of
    each preactivated block), in norms of other kinds, and in what inference does not run
    (auxiliary heads), all stays as it is. The module paths stay too, so that taps and
    explanations find the same layers; a folded convolution puts out scaled maps.

    Args:
      model: A Linen module whose batch norms come from its fields, as in the zoo: a
        `layers.BatchNormConfig`, or the class `BatchNorm` of this library or of Flax.
      variables: Its variables, with `batch_stats`.
      input_shape: Of an input with its batch axis; None for images of the smallest size.

    Returns:
      The model whose `norm` is a `layers.FoldedNormConfig`, and its variables: the same logits
      with `train=False`. It cannot train. Without batch norms, what was given.

    Raises:
      ValueError: If batch norms do not come from fields, or the network does not take the shape.

    Source: Jacob et al. 2018, "Quantization and training of neural networks for efficient
    integer-arithmetic-only inference", section 3.2.

    Example:
      >>> from jaxcnn.models import create_model
      >>> model = create_model("resnet20", blocks=1)
      >>> images = jax.ShapeDtypeStruct((1, 8, 8, 3), jnp.float32)
      >>> variables = jax.eval_shape(model.init, jax.random.key(0), images)
      >>> fold = lambda variables: fold_batch_norm(model, variables)[1]
      >>> folded = jax.eval_shape(fold, variables)
      >>> sorted(folded), jax.tree.map(jnp.shape, folded["params"]["stem"])
      (['params'], {'conv': {'kernel': (3, 3, 3, 16)}, 'norm': {'bias': (16,)}})
    """
    if not variables.get("batch_stats"):
        return model, variables
    folded = with_folded_norms(model)
    flat = flatten_dict(variables)
    for pair in pairs(folded, variables, input_shape):
        fold(flat, pair)
    return folded, unflatten_dict(flat)


def with_folded_norms(value: Any) -> Any:
    """Return a module, or a value of its fields, in which batch norms may be folded."""
    if isinstance(value, layers.BatchNormConfig) or value in NORMS:
        return FoldedNormConfig(value)
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return tuple(map(with_folded_norms, value))
    if not isinstance(value, nn.Module):
        return value
    names = value.__dataclass_fields__.keys() - {"parent", "name"}
    fields = {name: getattr(value, name) for name in names}
    changed = {name: with_folded_norms(field) for name, field in fields.items()}
    return value.clone(**{n: v for n, v in changed.items() if v is not fields[n]})


def fold(flat: dict[Any, Any], pair: Pair) -> None:
    """Move a norm's variables into its convolution's."""

    def take(collection: str, name: str, default: float) -> Any:
        return flat.pop((collection, *pair.norm, name), jnp.full((), default, kernel.dtype))

    at = ("params", *pair.conv)
    kernel = flat[*at, "kernel"]
    mean, var = take("batch_stats", "mean", 0), take("batch_stats", "var", 1)
    factor = take("params", "scale", 1) * lax.rsqrt(var + pair.epsilon)
    bias = take("params", "bias", 0)
    flat[*at, "kernel"] = (kernel * expanded(factor, kernel.ndim)).astype(kernel.dtype)
    own = flat.get((*at, "bias"))
    place = (*at, "bias") if own is not None else ("params", *pair.norm, "bias")
    flat[place] = (bias + factor * ((0 if own is None else own) - mean)).astype(kernel.dtype)


def expanded(vector: Any, ndim: int) -> Any:
    """Return one number a channel with the axes of a kernel."""
    return jnp.expand_dims(vector, range(ndim - 1))


def pairs(model: nn.Module, variables: Variables, input_shape: Shape | None) -> list[Pair]:
    """Return the convolutions and norms of a model that can be folded."""
    epsilons: dict[Path, float] = {}
    calls: list[Path] = []
    shells: list[Path] = []

    def mark(next_fun: Any, args: Any, kwargs: Any, context: nn.module.InterceptorContext) -> Any:
        module, path = context.module, context.module.path
        if context.method_name != "__call__":
            return next_fun(*args, **kwargs)
        if type(module) is FoldedNorm:
            shells.append(path)
        if type(module) in NORMS and module.axis == -1:  # type: ignore[attr-defined]
            calls.append(path)
            epsilons[path] = module.epsilon  # type: ignore[attr-defined]
            args = (checkpoint_name(args[0], "norm:" + "/".join(path)), *args[1:])
        if type(module) is nn.Dense:
            args = (fitting(module, args[0]), *args[1:])
        y = next_fun(*args, **kwargs)
        if type(module) in CONVOLUTIONS:
            calls.append(path)
            y = checkpoint_name(y, "conv:" + "/".join(path))
        return y

    def run(variables: Variables, x: Any) -> Any:
        with nn.intercept_methods(mark):
            return model.apply(variables, x)

    found, program = [], traced(run, model, variables, input_shape)
    report = Report("fold_batch_norm")
    rule = "must make its batch norms by a field: none holds a BatchNormConfig or BatchNorm"
    fix = "give the module a field norm=layers.BatchNormConfig() and build its norms from that"
    report.expect(bool(shells), "model", type(model).__name__, rule, fix)
    report.done()
    for conv, norm in sole_readers(program):
        both = tuple(conv.split("/")), tuple(norm.split("/"))
        if all(calls.count(path) == 1 for path in both):  # shared ones serve several inputs
            found.append(Pair(*both, epsilons[both[1]]))
    return found


def fitting(module: nn.Module, x: Any) -> Any:
    """Return an input as wide as the layer's kernel, which knows the size of the images."""
    width = jnp.shape(module.get_variable("params", "kernel"))[0]
    return x if x.shape[-1] == width else jnp.full((*x.shape[:-1], width), x.ravel()[0])


def traced(run: Any, model: Any, variables: Variables, input_shape: Shape | None) -> Any:
    """Return the program of the network for a shape that it takes."""
    if input_shape is not None:
        return jax.make_jaxpr(run)(variables, jnp.zeros(input_shape))
    side = getattr(model, "min_size", 224)
    kernels = [v for v in jax.tree.leaves(variables["params"]) if jnp.ndim(v) == 4]
    # The channels of the images are those of some kernel: mostly 3, else 1, else few.
    known = sorted({k.shape[2] for k in kernels}, key=lambda c: (c != 3, c))
    for channels in known:
        try:
            return jax.make_jaxpr(run)(variables, jnp.zeros((1, side, side, channels)))
        except (ValueError, TypeError, FlaxError):
            continue  # other channels
    report = Report("fold_batch_norm")
    rule = f"must be told: the network takes no images (1, {side}, {side}, C) with C in {known}"
    report.expect(False, "input_shape", None, rule, "pass input_shape=(1, H, W, C)")
    return report.done()


def sole_readers(program: Any) -> Iterator[tuple[str, str]]:
    """Yield the marks of each convolution and of the norm that alone reads its output."""
    jaxpr = getattr(program, "jaxpr", program)
    uses: dict[Any, list[Any]] = {}
    for eqn in (*jaxpr.eqns, None):
        for atom in jaxpr.outvars if eqn is None else eqn.invars:
            if not hasattr(atom, "val"):  # literals cannot be hashed, and come from nowhere
                uses.setdefault(atom, []).append(eqn)
    for eqn in jaxpr.eqns:
        mark = mark_of(eqn)
        readers = uses.get(eqn.outvars[0], []) if mark.startswith("conv:") else []
        if len(readers) == 1 and (norm := mark_of(readers[0])).startswith("norm:"):
            yield mark.removeprefix("conv:"), norm.removeprefix("norm:")
        for value in eqn.params.values():
            for inner in value if isinstance(value, list | tuple) else [value]:
                if hasattr(inner, "eqns") or hasattr(inner, "jaxpr"):
                    yield from sole_readers(inner)


def mark_of(eqn: Any) -> str:
    """Return the name that `checkpoint_name` gave, or nothing."""
    return eqn.params["name"] if eqn is not None and eqn.primitive.name == "name" else ""
