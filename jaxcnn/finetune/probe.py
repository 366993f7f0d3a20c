"""Linear probe: what a network's features are worth, and the cheapest way to use it."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jax.typing import ArrayLike

from jaxcnn.checks import Report
from jaxcnn.typing import Array, Variables


def cached_features(
    model: nn.Module,
    variables: Variables,
    images: Any,
    *,
    batch_size: int = 64,
    prepare: Callable[[Array], Array] | None = None,
) -> np.ndarray:
    """Return the features of all images, the input of the last layer, computed once.

    Training a head on these costs next to nothing, however many epochs and trials it takes.

    Args:
      model: A Linen module with a field `num_classes`.
      variables: Its variables, with or without those of a head.
      images: (N, H, W, C), whatever can be cut into batches by slices.
      batch_size: Images in a batch; the last one is padded, so that one program does all.
      prepare: What makes the model's input of a batch (resizing, normalising), on the device.

    Returns:
      Features (N, F) in the host's memory.

    Raises:
      ValueError: If there are no images, or no field `num_classes`.

    Example:
      >>> from jaxcnn.models import create_model
      >>> model, images = create_model("lenet5"), np.zeros((5, 32, 32, 1), np.float32)
      >>> variables = model.init(jax.random.key(0), images)
      >>> cached_features(model, variables, images, batch_size=2).shape
      (5, 84)
    """
    report = Report("cached_features", np.shape(images))
    report.count("batch_size", batch_size)
    report.expect(len(images) > 0, "images", images, "must not be empty", "pass some")
    rule = "must have a field num_classes"
    report.expect(hasattr(model, "num_classes"), "model", type(model).__name__, rule, "add it")
    report.done()
    backbone = model.clone(num_classes=0)  # type: ignore[call-arg]

    @jax.jit
    def extract(variables: Variables, batch: Array) -> Array:
        return backbone.apply(variables, batch if prepare is None else prepare(batch))  # type: ignore[return-value]

    found = []
    for i in range(0, len(images), batch_size):
        batch = np.asarray(images[i : i + batch_size])
        rest = [(0, batch_size - len(batch))] + [(0, 0)] * (batch.ndim - 1)
        features = extract(variables, np.pad(batch, rest) if rest[0][1] else batch)
        found.append(np.asarray(features)[: len(batch)])
    return np.concatenate(found)


def linear_probe(
    features: ArrayLike,
    labels: ArrayLike,
    num_classes: int,
    *,
    l2: float = 0.1,
    steps: int = 200,
) -> dict[str, Array]:
    r"""Return the head that logistic regression finds for features: kernel and bias.

    .. math::
        \min_{W, b} \frac{1}{N} \sum_i -\log \operatorname{softmax}(W^T \hat x_i + b)_{y_i}
        + \frac{\lambda}{2} \lVert W \rVert^2

    where the features are centred and divided by one number, the root of their mean variance, so
    that one lambda serves all networks; the head that is returned takes them as they are. (Each
    divided by its own deviation would give most weight to features that few examples have.) The
    problem is convex: L-BFGS needs neither a learning rate nor a seed.

    Args:
      features: (N, F); see `cached_features`.
      labels: Classes, int (N,).
      num_classes: Number of classes K, >= 2.
      l2: lambda, > 0.
      steps: Most steps; it ends before where the gradient vanishes.

    Returns:
      `{"kernel": (F, K), "bias": (K,)}`, which is `variables["params"]["head"]` of most models.

    Raises:
      ValueError: If shapes do not fit, or labels lie outside of [0, K).

    Reference:
      Alain and Bengio, "Understanding intermediate layers using linear classifier probes", 2016;
      Liu and Nocedal, "On the limited memory BFGS method", 1989.

    Example:
      >>> head = linear_probe(np.array([[0.0], [1.0]]), np.array([0, 1]), 2)
      >>> (np.array([[0.0], [1.0]]) @ head["kernel"] + head["bias"][None]).argmax(1).tolist()
      [0, 1]
    """
    x, y = jnp.asarray(features, jnp.result_type(float)), jnp.asarray(labels)
    _check(x, y, num_classes, l2)
    mean, scale = x.mean(0), jnp.sqrt(x.var(0).mean())
    scale = jnp.where(scale > 0, scale, 1)
    x = (x - mean[None]) / scale
    head = _minimum(x, y, jnp.asarray(l2, x.dtype), classes=num_classes, steps=steps)
    kernel = head["kernel"] / scale
    return {"kernel": kernel, "bias": head["bias"] - mean @ kernel}


def _check(x: Array, y: Array, num_classes: int, l2: float) -> None:
    report = Report("linear_probe", x)
    report.count("num_classes", num_classes, low=2)
    report.expect(l2 > 0, "l2", l2, "must be > 0", "use e.g. 0.1")
    rule, fix = "must be (N, F)", "use cached_features"
    report.expect(x.ndim == 2 and len(x) > 0, "features", x, rule, fix)
    ok = y.shape == x.shape[:1] and bool(jnp.issubdtype(y.dtype, jnp.integer))
    report.expect(ok, "labels", y, "must be int (N,)", "one class for each row of features")
    if ok and len(x):
        inside = int(y.min()) >= 0 and int(y.max()) < num_classes
        report.expect(inside, "labels", y, f"must lie in [0, {num_classes})", "count from 0")
    report.done()


def _loss(head: dict[str, Array], x: Array, y: Array, l2: Array) -> Array:
    logits = x @ head["kernel"] + head["bias"][None]
    nll = optax.losses.softmax_cross_entropy_with_integer_labels(logits, y).mean()
    return nll + l2 / 2 * jnp.square(head["kernel"]).sum()


@functools.partial(jax.jit, static_argnames=("classes", "steps"))
def _minimum(x: Array, y: Array, l2: Array, *, classes: int, steps: int) -> dict[str, Array]:
    """Return the minimum of the loss, by L-BFGS with a line search."""
    solver = optax.lbfgs()
    tolerance = 10 * jnp.finfo(x.dtype).eps

    def loss(head: dict[str, Array]) -> Array:
        return _loss(head, x, y, l2)

    def step(carry: Any) -> Any:
        head, state, _, count = carry
        value, grad = optax.value_and_grad_from_state(loss)(head, state=state)
        updates, state = solver.update(grad, state, head, value=value, grad=grad, value_fn=loss)
        return optax.apply_updates(head, updates), state, optax.tree.norm(grad), count + 1

    zero = {"kernel": jnp.zeros((x.shape[1], classes), x.dtype)}
    zero["bias"] = jnp.zeros(classes, x.dtype)
    start = (zero, solver.init(zero), jnp.asarray(jnp.inf, x.dtype), 0)
    return jax.lax.while_loop(lambda c: (c[2] > tolerance) & (c[3] < steps), step, start)[0]
