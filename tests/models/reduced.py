"""One reduced variant of each family: small enough to compile, whole enough to be the family.

A row: registry name, fields that shrink it, input shape (H, W, C).
"""

from typing import NamedTuple


class Reduced(NamedTuple):
    name: str
    fields: dict
    shape: tuple[int, int, int] = (32, 32, 3)


REDUCED = {
    "lenet": Reduced("lenet5", {}, (16, 16, 1)),
    "convnet": Reduced(
        "convnet", {"stages": [[4, 1, True], [6, 1, True]], "hidden": [8]}, (8, 8, 1)
    ),
    "cifar_resnet": Reduced("resnet20", {"blocks": 1, "width": 4}, (8, 8, 3)),
}
