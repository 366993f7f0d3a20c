"""Writes `weights/CHECKPOINT`: a training checkpoint of torchvision's network by `torch.save`.

    python -m tests.golden.make_checkpoint      where torch and torchvision are

The weights are those of `tests.golden.zoo`, in half precision to save space, under the names that
`DataParallel` gives them, beside an optimizer's state.
"""

import torch

# isort: split
import tests.golden.make_zoo  # noqa: F401 - makes the next import possible

# isort: split
from torchvision import models

from tests.golden import zoo
from tests.weights.checkpoint import FILE, NAME


def main() -> None:
    """Write the file."""
    model = models.get_model(NAME, num_classes=zoo.CLASSES)
    arrays = {
        key: torch.from_numpy(zoo.array(key, tuple(value.shape)))
        for key, value in model.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    model.load_state_dict(arrays, strict=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    state = torch.nn.DataParallel(model.half()).state_dict()
    checkpoint = {"epoch": 90, "arch": NAME, "state_dict": state, "best_acc1": 60.55}
    torch.save({**checkpoint, "optimizer": optimizer.state_dict()}, FILE)


if __name__ == "__main__":
    main()
