"""The one error of an index that cannot be used."""


class IndexFolderError(ValueError):
    """An index cannot be used: the message names the folder, what is wrong and what to do."""
