"""How much memory this process has taken."""

import resource
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """Return the largest resident memory of this program so far, in MB.

    Linux's `ru_maxrss` outlives `exec`: a program would be told to have had what its parent had
    (getrusage(2)). `VmHWM` (proc_pid_status(5)) counts from the program's own start.

    >>> 1 < peak_mb() < 1e6
    True
    """
    if STATUS.exists():
        fields = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) / 2**10
    unit = 1 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
