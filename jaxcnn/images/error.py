"""The one error of an image that cannot be used."""


class ImageError(ValueError):
    """An image cannot be read: the message names the file, the reason and what to do.

    >>> raise ImageError("cat.jpg is truncated; copy it again")
    Traceback (most recent call last):
    jaxcnn.images.error.ImageError: cat.jpg is truncated; copy it again
    """
