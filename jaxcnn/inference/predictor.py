"""A network that is compiled before the first image comes."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import numpy as np
from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.inference.batches import Batch, Transforms, batches, padded
from jaxcnn.inference.serving import Serving, image_shape, logits, serving
from jaxcnn.taps.static import Static
from jaxcnn.typing import Dtype, Shape, Variables


class Meta(Protocol):
    """What must be known of weights to use them; a `WeightSet` is one."""

    @property
    def transforms(self) -> Transforms: ...  # noqa: D102

    @property
    def categories(self) -> tuple[str, ...]: ...  # noqa: D102


@dataclass(frozen=True)
class Predictor:
    """Images in, logits out: one compiled program, fed in batches of one shape.

    Made by `predictor` from a network, or by `load` from a file.

    Attributes:
        program: The compiled program: bytes (batch_size, *shape) to logits.
        transforms: Its `pixels` reads and resizes images; the rest is in the program.
        shape: Of one image, (H, W, C).
        batch_size: Images that are computed at once.
        categories: Names of the classes, if they are known.
        name: What the network is called.

    Example:
        >>> from jaxcnn.images import ImageTransform
        >>> red = lambda pixels: pixels.mean((1, 2))
        >>> made = Predictor(red, ImageTransform(2, 2), (2, 2, 3), batch_size=4)
        >>> made([np.full((2, 2, 3), 7, np.uint8)] * 5).shape
        (5, 3)
    """

    program: Callable[[np.ndarray], Any]
    transforms: Transforms
    shape: Shape
    batch_size: int
    categories: tuple[str, ...] = field(default=(), repr=False)
    name: str = ""

    def __call__(self, images: Any) -> np.ndarray:
        """Return the logits of all images, (N, classes).

        Args:
            images: One image or a sequence of them: paths, bytes, Pillow images, uint8 arrays.

        Raises:
            ImageError: If an image cannot be read.
        """
        found = []
        for batch in self.batches(images):
            for error in batch.errors.values():
                raise error
            found.append(batch.logits)
        return np.concatenate(found)

    def batches(self, images: Any) -> Iterator[Batch]:
        """Yield the logits batch by batch; the next is decoded while one is computed.

        Args:
            images: As for a call; those that cannot be read are told in their batch.
        """
        return batches(self.program, self.transforms, images, self.batch_size)

    def of_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Return the logits of prepared images, uint8 (N, *shape), N of any size.

        Raises:
            ValueError: If the array is of another shape or type.
        """
        report = Report("Predictor", pixels)
        ok = pixels.dtype == np.uint8 and pixels.shape[1:] == self.shape and len(pixels) > 0
        rule = f"must be uint8 (N, {', '.join(map(str, self.shape))})"
        report.expect(ok, "pixels", pixels, rule, "use transforms.pixels(images)")
        report.done()
        parts = np.split(pixels, range(self.batch_size, len(pixels), self.batch_size))
        rows = [np.asarray(self.program(padded(p, self.batch_size)))[: len(p)] for p in parts]
        return np.concatenate(rows)


def predictor(
    model: nn.Module,
    variables: Variables,
    meta: Meta,
    *,
    batch_size: int = 32,
    dtype: Dtype | None = None,
    fold: bool = True,
) -> Predictor:
    """Compile a network for inference, from bytes to logits.

    Batch norms become part of the convolutions (`jaxcnn.fold_batch_norm`), the normalisation of
    the pixels part of the program, and nothing is left to compile when the first image comes.
    Equal networks share one program.

    Args:
        model: A classifier.
        variables: Its variables.
        meta: What `jaxcnn.load_pretrained` returns third, or anything with `transforms`, which
            prepare the images, and `categories`.
        batch_size: Images that are computed at once, >= 1.
        dtype: Type of the computation, e.g. `jnp.bfloat16`; None for the model's own. Logits are
            float32 in any case.
        fold: Whether to fold batch norms.

    Returns:
        The predictor.

    Raises:
        ValueError: If a number cannot be meant, or the model has no field `dtype`.

    Example:
        >>> from jaxcnn import load_pretrained
        >>> tell = predictor(*load_pretrained("efficientnet_lite0"))  # doctest: +SKIP
        >>> tell(["palace.jpg", "daisy.jpg"]).argmax(-1)  # doctest: +SKIP
        array([698, 985])
        >>> from jaxcnn.images import ImageTransform
        >>> class Colours:
        ...     transforms = ImageTransform(crop=2, resize=2, mean=(0, 0, 0), std=(1, 1, 1))
        ...     categories = ("red", "green", "blue")
        >>> class Brightest(nn.Module):
        ...     def __call__(self, images, train):
        ...         return images.mean((1, 2))
        >>> tell = predictor(Brightest(), {}, Colours, batch_size=2)
        >>> tell(np.full((6, 4, 3), [255, 0, 51], np.uint8)).round(3)
        array([[1. , 0. , 0.2]], dtype=float32)
    """
    report = Report("predictor")
    report.count("batch_size", batch_size)
    report.done()
    transforms = meta.transforms
    model, variables = serving(model, variables, transforms, dtype=dtype, fold=fold)
    shape = image_shape(transforms)
    leaves, tree = jax.tree.flatten(variables)
    kinds = tuple((leaf.shape, np.dtype(leaf.dtype)) for leaf in leaves)
    program = compiled(Static((model, transforms)), tree, kinds, (batch_size, *shape))
    variables = jax.device_put(variables)
    name = getattr(meta, "name", type(model).__name__)
    run = functools.partial(program, variables)
    return Predictor(run, transforms, shape, batch_size, tuple(meta.categories), name)


@functools.lru_cache(maxsize=8)
def compiled(network: Static, tree: Any, kinds: tuple[Any, ...], shape: Shape) -> Any:
    """Return the program of a network for variables of these types and shapes."""
    variables = jax.tree.unflatten(tree, [jax.ShapeDtypeStruct(*kind) for kind in kinds])
    return compile_ahead(logits(*network.value), variables, shape)


def compile_ahead(function: Serving, variables: Variables, shape: Shape) -> Any:
    """Return the compiled function of variables and bytes of a shape."""
    pixels = jax.ShapeDtypeStruct(shape, np.uint8)
    return jax.jit(function).lower(variables, pixels).compile()
