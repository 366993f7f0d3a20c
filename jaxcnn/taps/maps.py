"""Which layer is meant where maps are needed: the given one, or the last there is."""

from flax import linen as nn

from jaxcnn.checks import Report
from jaxcnn.taps.arguments import inputs_of, split
from jaxcnn.taps.listing import Listing, list_places, resolve
from jaxcnn.typing import Array, Variables


def map_layer(
    function: str, model: nn.Module, variables: Variables, x: Array, at: str | None
) -> str:
    """Return the name of a layer with maps (N, H, W, C): the given one, or the last there is."""
    setting, _ = split(function, model, False, None, {})
    listing = list_places(setting, inputs_of(variables, x, None, {}))
    report = Report(function, x)
    if at is None:
        at = last_maps(listing)
        rule, fix = "finds no layer with maps (N, H, W, C) in the network", "it needs a convolution"
        report.expect(at is not None, "at", at, rule, fix)
    else:
        place = resolve(listing, [at], report).get(at)
        shape = getattr(listing.specs[place], "shape", ()) if place is not None else (0,) * 4
        rule, fix = f"has shape {shape}, not (N, H, W, C)", "use the last convolution, or at=None"
        report.expect(len(shape) == 4, "at", at, rule, fix)
    report.done()
    assert at is not None
    return at


def last_maps(listing: Listing) -> str | None:
    """Return the last module with weights that puts out maps, the outermost that ends with it."""
    shapes = {name: getattr(listing.specs[p], "shape", ()) for name, p in listing.places.items()}
    names = [
        name
        for name, shape in shapes.items()
        if name.partition("#")[0] in listing.owners and len(shape) == 4 and shape[1] * shape[2] > 1
    ]
    if not names:
        return None
    outer = [name for name in names if names[-1].startswith(f"{name}/")]
    return min([*outer, names[-1]], key=len)
