"""What is done with runs that exist: evaluate, compare, lesion; and what a run would do."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from configs import digits
from jaxcnn import create_model
from train import cli
from train.__main__ import main
from train.config import Checkpoint, Log, Model, to_json
from train.dry_run import dry_run, sparkline
from train.errors import UserError
from train.find_rate import find_rate, suggestion
from train.finished import from_json, open_finished
from train.profiling import profiled
from train.run import run
from train.verbs import compare
from train.verbs.lesion import lesions, removable


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return the folder of a run of one block a stage, one of which has an identity shortcut."""
    model = Model("resnet20", fields={"blocks": 1})
    config = dataclasses.replace(
        digits.config(),
        length="2 steps",
        model=model,
        log=Log(report=False, tensorboard=False, eval_every="1 steps", every="1 steps"),
        checkpoint=Checkpoint(every="2 steps"),
    )
    directory = tmp_path_factory.mktemp("runs") / "first"
    return directory, config, run("digits", config, directory)


def test_a_config_survives_json():
    config = dataclasses.replace(digits.config(), seed=5, model=Model(fields={"width": (1, 2)}))
    found = from_json(json.loads(to_json(config)))
    assert to_json(found) == to_json(config)


@pytest.mark.slow
def test_evaluate_repeats_the_runs_own_figures(finished, capsys):
    directory, _, summary = finished
    assert main(["evaluate", str(directory), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["top1"] == summary["test"]["top1"]
    assert found["count"] == summary["test"]["count"] == sum(c["count"] for c in found["classes"])
    assert found["right_top1"] == round(found["top1"] * found["count"])


@pytest.mark.slow
def test_lesion_without_any_block_is_the_whole_network(finished, capsys):
    directory, _, _ = finished
    rows = lesions(open_finished(directory), "val")
    assert [row["block"] for row in rows] == ["", "stage1/block1"]
    assert main(["evaluate", str(directory), "--split", "val", "--json"]) == 0
    assert rows[0]["top1"] == json.loads(capsys.readouterr().out)["top1"]


def test_only_identity_shortcuts_are_removable():
    assert removable(create_model("lenet5"), (1, 28, 28, 1)) == []
    paths = removable(create_model("mobilenet_v2"), (1, 64, 64, 3))
    assert len(paths) == 10  # table 2 of the paper: 17 blocks, of which 7 begin a stage


@pytest.mark.slow
def test_compare_tells_what_differs(finished, tmp_path, capsys):
    directory, config, summary = finished
    other = tmp_path / "second"
    run("digits", dataclasses.replace(config, seed=1), other)
    assert main(["compare", str(directory), str(other), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["differences"] == {"seed": [0, 1]}
    assert found["runs"][0]["test_top1"] == summary["test"]["top1"]
    page = tmp_path / "compare.html"
    assert main(["compare", str(directory), str(other), "--output", str(page)]) == 0
    assert page.read_text().count("data:image/png") == 4  # two panels, light and dark
    assert compare.figures(compare.read_run(other))["steps"] == 2


@pytest.mark.parametrize("verb", list(cli.VERBS))
def test_a_folder_that_is_no_run_is_refused(verb, tmp_path, capsys):
    assert main([verb, str(tmp_path)]) == 2
    assert "config.json does not exist" in capsys.readouterr().err


def test_dry_run_counts_what_the_run_does(finished):
    _, config, summary = finished
    found = dry_run(config)
    assert found["parameters"] == summary["parameters"]
    assert found["steps"] == summary["steps"] == 2
    assert found["memory_mb"]["parameters"] == pytest.approx(4e-6 * found["parameters"])
    assert found["batch_per_device"][0] * jax.device_count() == config.data.batch_size
    assert sparkline([0.0, 1.0]) == " █"


@pytest.mark.slow
def test_the_range_test_suggests_a_rate_that_trains(tmp_path):
    found = find_rate(digits.config(), tmp_path / "found.png")
    assert 1e-4 < found["suggestion"] < 0.1  # AdamW; the config trains with 3e-3
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")


def test_a_loss_that_never_falls_gives_no_rate():
    with pytest.raises(UserError, match="never falls"):
        suggestion([1e-3, 1e-2, 1e-1], [1.0, 2.0, 4.0])


def test_final_variables_of_another_network_are_refused(finished, tmp_path, capsys):
    directory, _, _ = finished
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("config.json", "summary.json"):
        (copy / name).write_bytes((directory / name).read_bytes())
    np.savez(copy / "final.npz", **{"params/head/bias": np.zeros(10)})
    assert main(["evaluate", str(copy)]) == 2
    assert "another network" in capsys.readouterr().err


def test_the_trace_of_chosen_steps_is_written(tmp_path):
    calls = []

    def step(state, batch, number):
        calls.append(number)
        return state, jax.numpy.zeros(3) + number

    traced = profiled(step, (2, 3), 4, tmp_path)
    for number in (1, 2, 3, 4):
        traced(None, None, number)
    assert calls == [1, 2, 3, 4]
    assert list(tmp_path.rglob("*.xplane.pb"))
    assert profiled(step, (), 4, tmp_path) is step
    with pytest.raises(UserError, match="within 1 and 4"):
        profiled(step, (3, 9), 4, tmp_path)
