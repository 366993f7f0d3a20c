"""`jaxcnn summary`: a model's layers and costs."""

from jaxcnn.cli.options import Json, Name, model_and_shape
from jaxcnn.models import summary


def command(
    name: Name,
    /,
    *,
    size: int | None = None,
    channels: int | None = None,
    num_classes: int | None = None,
    depth: int | None = None,
    as_json: Json = False,
) -> str:
    """Tell what a model is made of and costs, for one image.

    Args:
        name: Name of the model; see jaxcnn list.
        size: Height and width of the image; by default the model's usual ones.
        channels: Channels of the image.
        num_classes: Classes of the head; 0 for none.
        depth: Add up what lies deeper than this in the tree of modules.
        as_json: Print JSON.
    """
    found = summary(*model_and_shape(name, size, channels, num_classes))
    return found.to_json(depth) if as_json else found.table(depth)
