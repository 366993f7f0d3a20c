"""A network with published weights, whole or as the beginning of another one."""

import dataclasses
from typing import Any

import jax
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.finetune import adapt_channels, new_head
from jaxcnn.models import create_model, model_info
from jaxcnn.typing import Key, Variables
from jaxcnn.weights.catalogue import WeightSet, weight_set
from jaxcnn.weights.download import locate
from jaxcnn.weights.torch_names import load_torch


def load_pretrained(
    name: str,
    tag: str | None = None,
    *,
    num_classes: int | None = None,
    in_channels: int = 3,
    key: Key | None = None,
    progress: bool | None = None,
    **fields: Any,
) -> tuple[nn.Module, Variables, WeightSet]:
    """Return a model with published weights, and all that is known of them.

    The file is taken from an installed package or from the cache (`JAXCNN_CACHE`, else
    `~/.cache/jaxcnn`), else downloaded; its SHA-256 is checked each time, and nothing in it is
    executed.

    Auxiliary heads (GoogLeNet, Inception-v3) are left out unless `aux_heads=True` is given, as
    torchvision does; those in GoogLeNet's file were never trained.

    With `in_channels=1` the first kernel is summed over its input channels, so that a grey image
    gives what its three equal channels gave before the normalisation. `meta.transforms` then
    makes grey images, normalised by the average of the three means and deviations. That is exact
    where these are the same for all channels (EfficientNet-Lite, GoogLeNet, Inception-v3), and
    near elsewhere.

    Args:
      name: Name of the model, or `MODEL.TAG`.
      tag: Which of its sets of weights, see `list_weights`; None for the best in general.
      num_classes: Another number of classes than the weights' gets a new head, initialised as
        `model.init(key, ...)` does it, and everything else is loaded; 0 removes the head.
      in_channels: Channels of the images, 3 or 1.
      key: Random key of a new head, None for `jax.random.key(0)`.
      progress: Whether to show the progress of a download on stderr; None where it is a terminal.
      **fields: Fields of `create_model`, such as `dtype` or `dropout`.

    Returns:
      The model, its variables, and the entry of the catalogue: `meta.transforms`,
      `meta.categories`, `meta.top1` and so on. Where the head is new, `meta.categories` is empty.

    Raises:
      WeightsError: If there are no such weights, if the file is not to be had (the message says
        which to put where), or if it does not fit the model.
      ValueError: If a field is unknown, or `in_channels` is neither 1 nor 3.

    Example:
      >>> from jaxcnn import load_pretrained
      >>> model, variables, meta = load_pretrained("efficientnet_lite0")  # doctest: +SKIP
      >>> logits = model.apply(variables, meta.transforms("cat.jpg"))  # doctest: +SKIP
      >>> meta.categories[logits[0].argmax()]  # doctest: +SKIP
      'tabby'
      >>> load_pretrained("efficientnet_lite0", in_channels=4)
      Traceback (most recent call last):
      jaxcnn.checks.ArgumentError: load_pretrained: in_channels=4: must be 1 or 3. Fix: ...
    """
    report = Report("load_pretrained")
    fix = "load with in_channels=3 and adapt the variables by jaxcnn.finetune.adapt_channels"
    report.expect(in_channels in (1, 3), "in_channels", in_channels, "must be 1 or 3", fix)
    report.done()
    meta = weight_set(name, tag)
    if "aux_heads" in model_info(meta.name).fields:
        fields.setdefault("aux_heads", False)
    model: Any = create_model(meta.name, **fields)
    loaded = {field: value for field, value in fields.items() if field != "dtype"}
    path = locate(meta, progress=progress)
    variables = load_torch(meta.name, path, layout=meta.layout, **loaded)
    if num_classes not in (None, model.num_classes):
        key = jax.random.key(0) if key is None else key
        model, variables = new_head(model, variables, num_classes, key)
        meta = dataclasses.replace(meta, categories=())
    if in_channels == 1:
        variables = adapt_channels(variables, 1)
        meta = dataclasses.replace(meta, transforms=meta.transforms.grey())
    return model, variables, meta
