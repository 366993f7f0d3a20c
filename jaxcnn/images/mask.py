"""Read the classes of pixels that a file holds."""

import numpy as np

from jaxcnn.images.error import ImageError
from jaxcnn.images.open import MAX_PIXELS, File, opened
from jaxcnn.images.read import orientation, upright


def read_mask(file: File, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Return the class of each pixel as it is stored, not the colour that shows it.

    A palette's numbers are the classes, as in the masks of PASCAL VOC, and so are the values of an
    8-bit grey image; black and white are 0 and 1.

    Args:
        file: A path, the bytes of a file, or a file opened for reading bytes; usually a PNG, since
            a JPEG changes values.
        max_pixels: Largest height x width.

    Returns:
        uint8 (H, W); never read-only.

    Raises:
        ImageError: If the file is missing, damaged, too large, of no known kind, or holds colours
            rather than classes.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.fromarray(np.array([[0, 2], [255, 1]], np.uint8)).save(file, "PNG")
        >>> read_mask(file.getvalue()).tolist()
        [[0, 2], [255, 1]]

    Reference:
        Everingham et al., "The PASCAL Visual Object Classes Challenge", IJCV 2010, section 3.2.
    """
    with opened(file, max_pixels) as image:
        if image.format == "JPEG":
            raise ImageError("is a JPEG, which does not keep classes exactly; save masks as PNG")
        if image.mode not in ("1", "L", "P"):
            raise ImageError(
                f"has pixels of kind {image.mode}, and a mask holds one number below 256 a pixel; "
                "save it as 8-bit grey or with a palette"
            )
        return upright(np.asarray(image).astype(np.uint8), orientation(image))
