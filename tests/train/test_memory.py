"""A program's memory is its own."""

import subprocess
import sys

import numpy as np

LOOK = "from train.memory import peak_mb; import numpy as np; np.ones(2**{}); print(peak_mb())"


def told(power: int) -> float:
    return float(subprocess.check_output([sys.executable, "-c", LOOK.format(power)]))


def test_a_program_is_told_its_own_largest_memory_and_not_its_parents():
    held = np.ones(2**25)  # 256 MB, as the second one has for a moment
    small, large = told(0), told(25)
    assert small < 200 < 256 < large
    assert held.nbytes == 2**28
