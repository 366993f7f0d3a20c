"""The one error of this room."""


class WeightsError(ValueError):
    """A file of weights cannot be read, or does not fit the model."""
