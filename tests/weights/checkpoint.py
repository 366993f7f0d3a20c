"""A checkpoint that `torch.save` wrote, see `tests.golden.make_checkpoint`."""

import pathlib

NAME = "shufflenet_v2_x0_5"
FILE = pathlib.Path(__file__).parent.parent / "golden" / "weights" / f"{NAME}.pth"
