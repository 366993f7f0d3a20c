"""A page on one set of weights, for people."""

from jaxcnn.models import model_info
from jaxcnn.weights.catalogue import WeightSet, weight_set

LICENCES = {
    "BSD-3-Clause": "https://github.com/pytorch/vision/blob/main/LICENSE",
    "CC-BY-NC-4.0": "https://github.com/facebookresearch/SWAG/blob/main/LICENSE",
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
}
PUBLISHERS = {
    "torchvision": "torchvision's preset for Pillow images",
    "efficientnet_lite_pytorch": (
        "TensorFlow's crop, then Pillow's resizing; the published accuracy was measured with "
        "TensorFlow's resizing, which does not antialias"
    ),
}
"""Layout -> how the preparation of images relates to that of the publisher."""


def card(name: str, tag: str | None = None) -> str:
    """Return a model card of a set of weights as Markdown.

    Args:
      name: Name of the model, or `MODEL.TAG`.
      tag: Which of its sets, None for the default.

    Returns:
      Use, accuracy, preparation of images, training, limits, licence and origin.

    Raises:
      WeightsError: If there is no such set.

    Example:
      >>> lines = card("resnet50", "IMAGENET1K_V1").splitlines()
      >>> lines[0]
      '# resnet50, IMAGENET1K_V1'
      >>> [line for line in lines if "Top-1" in line]
      ['| Top-1 accuracy, published | 76.13% |']
    """
    weights = weight_set(name, tag)
    info = model_info(weights.name)
    top5 = "not published" if weights.top5 is None else _percent(weights.top5)
    return f"""# {weights.name}, {weights.tag}

Classifies photographs into the 1,000 classes of ImageNet-1K (ILSVRC 2012).

```python
model, variables, meta = jaxcnn.load_pretrained("{weights.name}", "{weights.tag}")
logits = model.apply(variables, meta.transforms("photograph.jpg"))
```

| | |
|---|---|
| Architecture | {info.source} |
| Parameters | {weights.params:,} |
| Multiply-adds | {_macs(info.macs, info.input_size, weights.transforms.crop)} |
| Top-1 accuracy, published | {_percent(weights.top1)} |
| Top-5 accuracy, published | {top5} |
| Size of the file | {weights.size / 1e6:,.1f} MB |

Accuracies are for the 50,000 validation images, one crop each.

## Images

{_images(weights)}

## Training

{weights.recipe}

## Limits

- The classes are ImageNet's: mostly animals and objects, of which 120 are breeds of dogs; hardly
  any is of people, and an image that belongs to none gets one all the same.
- The photographs were collected from the web until 2012, mostly in North America and Europe, and
  accuracy is lower for objects from elsewhere.
- The probabilities are not calibrated.

## Licence and origin

- Licence of the weights as published: [{weights.licence}]({LICENCES[weights.licence]}).
  {"Not for commercial use. " if "-NC-" in weights.licence else ""}The terms of the training \
images may restrict the use of the weights besides.
- File: {weights.url}{f" (`{weights.member}` in it)" if weights.member else ""}
- SHA-256: `{weights.sha256}`{" (first digits)" if len(weights.sha256) < 64 else ""}
"""


def _images(weights: WeightSet) -> str:
    transform = weights.transforms
    if transform.crop_first:
        size = (
            f"The middle, {transform.crop}/{transform.resize} of the shorter side, is cut out and "
            f"resized to {transform.crop} x {transform.crop} pixels"
        )
    else:
        size = (
            f"The shorter side is resized to {transform.resize} pixels, and the middle "
            f"{transform.crop} x {transform.crop} cut out"
        )
    mean, std = (_numbers(values) for values in (transform.mean, transform.std))
    return (
        f"{size} ({transform.interpolation}, antialiased). Values in [0, 1] are normalised with "
        f"mean {mean} and deviation {std}. This is {PUBLISHERS[weights.layout]}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.5g}%"


def _numbers(values: tuple[float, ...]) -> str:
    shown = values if len(set(values)) > 1 else values[:1]
    return ", ".join(f"{value:.4g}" for value in shown)


def _macs(macs: int | None, usual: int, crop: int) -> str:
    if macs is None or usual != crop:
        return f"see `jaxcnn.summary` (for {crop} x {crop} pixels)"
    return f"{macs:,} (for {crop} x {crop} pixels)"
