"""Early stopping ends a run by its validation split, and does so again where it goes on."""

import dataclasses

import numpy as np
import pytest

from tests.train.test_run import TINY, execute
from train import loop
from train.config import Optim
from train.errors import UserError
from train.patience import Patience
from train.run import run

STILL = dataclasses.replace(TINY, patience=1, optim=Optim("sgd", learning_rate=1e-30))
"""Learns nothing, so that its second evaluation is no better than its first."""


def test_only_what_is_better_ends_the_waiting():
    patience = Patience(limit=2)
    waited = []
    for score in (0.5, 0.4, 0.6, 0.6, np.nan):
        patience.see(score)
        waited.append(patience.waited)
    assert waited == [0, 1, 0, 1, 2]
    assert patience.over


def test_without_a_limit_it_never_ends():
    assert not Patience(best=0.9, waited=1000).over


@pytest.mark.slow
def test_a_run_stops_early_and_an_interrupted_one_at_the_same_step(tmp_path, monkeypatch):
    wanted = execute(STILL, tmp_path / "whole")
    steps = {row["step"] for row in wanted[1] if row["split"] == "val"}
    assert steps == {10, 20}

    def fail(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("train.run.finish", fail)
        with pytest.raises(KeyboardInterrupt):
            run("tiny", STILL, tmp_path / "again")
    with monkeypatch.context() as patch:
        patch.setattr(loop.Loop, "_account", fail)  # No step is taken again.
        assert execute(STILL, tmp_path / "again") == wanted


def test_patience_needs_a_validation_split(tmp_path):
    data = dataclasses.replace(TINY.data, val_fraction=0.0)
    with pytest.raises(UserError, match="--patience 1 needs a validation split"):
        run("tiny", dataclasses.replace(STILL, data=data), tmp_path / "run")
