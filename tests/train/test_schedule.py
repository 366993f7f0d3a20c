"""Learning rates by the step, and by the size of the batch."""

import numpy as np
import pytest

from train.config import Optim
from train.errors import UserError
from train.schedule import make_schedule, peak_rate


def rates(total: int = 30, **fields) -> np.ndarray:
    """The learning rates of a run whose epochs have five steps."""
    schedule = make_schedule(Optim(learning_rate=0.4, **fields), total, 5, batch_size=8)
    return np.array([float(schedule(step)) for step in range(total + 1)])


def test_the_schedule_warms_up_and_falls_to_zero():
    found = rates(warmup="2 epochs")
    assert found[0] == 0
    assert found[5] == pytest.approx(0.2)
    assert found[10] == max(found) == pytest.approx(0.4)
    assert found[20] == pytest.approx(0.2)
    assert found[30] == pytest.approx(0, abs=1e-8)
    assert all(np.diff(found[10:]) < 0)


def test_a_warm_up_is_no_longer_than_the_run_and_may_be_absent():
    assert rates(10, warmup="9 epochs", schedule="constant")[9] == pytest.approx(0.36)
    assert rates(10, warmup="0 steps", schedule="constant")[0] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"schedule": "constant"}, {10: 0.4, 29: 0.4}),
        ({"schedule": "linear"}, {10: 0.4, 20: 0.2, 30: 0.0}),
        ({"schedule": "linear", "final_rate": 0.5}, {20: 0.3, 30: 0.2}),
        ({"schedule": "poly", "power": 2.0}, {10: 0.4, 20: 0.1, 30: 0.0}),
        ({"schedule": "cosine", "final_rate": 0.1}, {20: 0.22, 30: 0.04}),
        (
            {"schedule": "step", "milestones": ("3 epochs", "5 epochs")},
            {10: 0.4, 14: 0.4, 15: 0.04, 24: 0.04, 25: 0.004},
        ),
        (
            {"schedule": "one_cycle", "warmup": "3 epochs"},
            {0: 0.016, 15: 0.4, 30: 0.016 / 1e4},
        ),
    ],
    ids=lambda value: str(value.get("schedule", "")) if isinstance(value, dict) else "",
)
def test_shapes(fields, expected):
    found = rates(**{"warmup": "2 epochs", **fields})
    assert {step: found[step] for step in expected} == pytest.approx(expected, rel=1e-4)
    assert max(found) == pytest.approx(0.4)


@pytest.mark.parametrize("milestones", [(), ("1 epochs",), ("6 epochs",), ("4 epochs", "3 epochs")])
def test_milestones_that_cannot_be_meant_are_refused(milestones):
    with pytest.raises(UserError, match="optim.milestones"):
        rates(schedule="step", warmup="2 epochs", milestones=milestones)


@pytest.mark.parametrize(("rule", "rate"), [("fixed", 0.1), ("linear", 0.4), ("sqrt", 0.2)])
def test_the_rule_of_the_batch(rule, rate):
    config = Optim(learning_rate=0.1, batch_rule=rule, base_batch=256)
    assert peak_rate(config, 1024) == pytest.approx(rate)
    assert float(make_schedule(config, 10, 5, 1024)(5)) == pytest.approx(rate)
