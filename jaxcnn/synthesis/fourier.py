"""Images as spectra with decorrelated colours: descent then changes all frequencies alike."""

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import register_dataclass

from jaxcnn.taps.target import STATIC
from jaxcnn.typing import Array, Key, Shape

AXES = np.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)
VARIANCES = np.array([0.2175, 0.0188, 0.0045])
"""Principal components of red, green and blue over ImageNet's pixels, a column an axis: those of
Krizhevsky et al. 2012, section 4.1, as https://github.com/facebookarchive/fb.resnet.torch has."""

CONTRAST = 0.25
"""With steps of 0.05 the image leaves grey within a few dozen of them."""


@register_dataclass
@dataclass(frozen=True)
class Fourier:
    r"""The image is :math:`\sigma(C \, \mathrm{irfft2}(s \odot z))`: colours C, a sigmoid.

    The scale s of a frequency f is :math:`1 / f^{decay}`, as the amplitudes of photographs are, so
    that a step moves coarse structures as easily as fine ones.

    Attributes:
      decay: Exponent of the frequency; 0 treats all alike.
      noise: Deviation of random spectra.

    Source: Olah et al. 2017, "Feature visualization", section "Preconditioning and
    parameterization"; Mordvintsev et al. 2018, "Differentiable image parameterizations".

    Example:
      >>> fourier = Fourier()
      >>> fourier.image(fourier.init(jax.random.key(0), (2, 8, 9, 3))).shape
      (2, 8, 9, 3)
    """

    decay: float = field(default=1.0, metadata=STATIC)
    noise: float = field(default=0.01, metadata=STATIC)

    def init(self, key: Key, shape: Shape) -> dict[str, Array]:
        """Return random spectra; their image is about grey."""
        count, height, width, channels = shape
        bins = (count, height, width // 2 + 1, channels)
        real, imaginary = self.noise * jax.random.normal(key, (2, *bins))
        # The width travels as a shape: the spectrum does not tell odd from even.
        return {"real": real, "imaginary": imaginary, "width": jnp.zeros((0, width))}

    def of(self, images: Array) -> dict[str, Array]:
        """Return the spectra of images; black and white become nearly so."""
        values = jax.scipy.special.logit(jnp.clip(images, 0.004, 0.996))
        values = values @ jnp.asarray(np.linalg.inv(self._colors(images.shape[-1])), values.dtype).T
        spectrum = jnp.fft.rfft2(values, axes=(1, 2), norm="ortho")
        spectrum = spectrum / self._scale(images.shape, values.dtype)
        return {
            "real": spectrum.real,
            "imaginary": spectrum.imag,
            "width": jnp.zeros((0, images.shape[2])),
        }

    def image(self, params: dict[str, Array]) -> Array:
        """Return the images, in (0, 1)."""
        count, height, _, channels = params["real"].shape
        shape = (count, height, params["width"].shape[1], channels)
        scale = self._scale(shape, params["real"].dtype)
        spectrum = jax.lax.complex(params["real"] * scale, params["imaginary"] * scale)
        values = jnp.fft.irfft2(spectrum, shape[1:3], axes=(1, 2), norm="ortho")
        return jax.nn.sigmoid(values @ jnp.asarray(self._colors(channels), values.dtype).T)

    def project(self, params: dict[str, Array]) -> dict[str, Array]:
        """All spectra are allowed."""
        return params

    def _scale(self, shape: Shape, dtype: np.dtype) -> Array:
        """Return the scale of each frequency, (1, H, W // 2 + 1, 1)."""
        height, width = shape[1:3]
        rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
        frequency = np.maximum(np.hypot(rows, columns), 1 / max(height, width))
        # Times the root of the size, so that a step moves pixels of all sizes alike.
        share = (frequency * max(height, width)) ** -self.decay
        return jnp.asarray(CONTRAST * np.sqrt(height * width) * share[None, ..., None], dtype)

    def _colors(self, channels: int) -> np.ndarray:
        """Return what decorrelated channels are mixed with: the colours of photographs."""
        if channels != 3:
            return np.eye(channels)
        return AXES * np.sqrt(VARIANCES / VARIANCES.max())
