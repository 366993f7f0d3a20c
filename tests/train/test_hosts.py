"""How processes are found, and what one of them does alone."""

import json

import pytest

from train.config import Hosts
from train.errors import UserError
from train.hosts import LAUNCHERS, Job, joined, launched

SLURM = {"SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "n[1-4]", "SLURM_PROCID": "0"}


@pytest.fixture(autouse=True)
def _nothing_launched(monkeypatch):
    for variables in LAUNCHERS.values():
        for variable in variables:
            monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, ""),
        ({**SLURM, "SLURM_NTASKS": "4"}, "SLURM"),
        ({**SLURM, "SLURM_NTASKS": "1"}, ""),
        ({"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4"}, ""),
        ({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"}, "Open MPI"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, ""),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "JOB_COMPLETION_INDEX": "0"}, "Kubernetes"),
        ({"TPU_WORKER_HOSTNAMES": "a,b", "TPU_WORKER_ID": "0"}, "TPU"),
        ({"TPU_WORKER_HOSTNAMES": "localhost", "TPU_WORKER_ID": "0"}, ""),
    ],
)
def test_launchers_are_known_by_what_they_set(monkeypatch, variables, wanted):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert launched() == wanted


def test_alone_a_job_is_trivial():
    with joined(Hosts()) as job:
        assert (job.index, job.count, job.first) == (0, 1, True)
        assert job.collect({"a": 1}) == [{"a": 1}]
        assert job.any(True)
        job.agree(config="x")
        job.mark("anything")
        job.announce("anything", 75)


def test_alone_errors_pass_through():
    with pytest.raises(ZeroDivisionError), joined(Hosts()):
        raise ZeroDivisionError


@pytest.mark.parametrize("hosts", [Hosts(coordinator="a:1"), Hosts(count=2), Hosts(index=0)])
def test_flags_are_needed_together(hosts):
    with pytest.raises(UserError, match="--hosts.index I are needed together"), joined(hosts):
        pass


def test_one_process_needs_no_others():
    with joined(Hosts(coordinator="127.0.0.1:1", count=1, index=0)) as job:
        assert job.count == 1


def test_nothing_is_asked_where_none_is_wanted(monkeypatch):
    for name, value in {**SLURM, "SLURM_NTASKS": "4"}.items():
        monkeypatch.setenv(name, value)
    with joined(Hosts(launcher="none")) as job:
        assert job.count == 1


def test_processes_that_differ_are_named(monkeypatch):
    said = [
        {"config": "a", "data": "x"},
        {"config": "a", "data": "x"},
        {"config": "b", "data": "x"},
    ]
    monkeypatch.setattr(Job, "collect", lambda self, value: json.loads(json.dumps(said)))
    with pytest.raises(UserError, match="process 2 has another config than process 0"):
        Job(0, 3).agree(config="a", data="x")


@pytest.mark.slow
def test_a_process_that_is_killed_in_a_step_ends_the_job_which_then_goes_on():
    from benchmarks.proofs import hosts

    result = hosts.run(1)
    assert result["failures"] == []
