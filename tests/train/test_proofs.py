"""The committed results of the proofs of reliability say what the project claims."""

import gc
import json
from pathlib import Path

import pytest

from benchmarks.lab import ROOT
from benchmarks.proofs import corrupt, devices, disk_full, hosts, kill
from benchmarks.proofs.faults import FAULTS

RESULTS = Path(corrupt.__file__).parents[1] / "results"
RULES = {
    "kill": (kill.good, 40),
    "disk_full": (disk_full.good, 7),
    "devices": (devices.good, 42),
    "corrupt": (lambda row: row["right"], 70),
    "hosts": (hosts.good, 13),
}


@pytest.mark.parametrize("name", RULES)
def test_every_row_of_a_committed_result_is_good(name):
    rule, rows = RULES[name]
    result = json.loads((RESULTS / f"proof_{name}.json").read_text())
    assert len(result["rows"]) >= rows
    assert [row for row in result["rows"] if not rule(row)] == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_seeded_fault_has_its_place(fault):
    assert (ROOT / fault.path).read_text().count(fault.right) == 1


@pytest.mark.slow
def test_a_sample_of_killed_runs():
    assert kill.run(2)["failures"] == []


# Orbax, made to load damaged files without a manifest, leaves calls to a closed event loop behind.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
def test_a_sample_of_damaged_checkpoints():
    assert corrupt.run(1)["failures"] == []
    gc.collect()
