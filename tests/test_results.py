"""Numbers that pages quote from `results/` are those in the files."""

import json
import re
from pathlib import Path

import pytest
from conftest import ROOT
from test_notebooks import MACHINE_PATH

RESULTS = sorted((ROOT / "results").glob("*.json"))


def load(name):
    return json.loads((ROOT / "results" / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_results_say_where_they_come_from(path):
    result = json.loads(path.read_text(encoding="utf-8"))
    for key in ("command", "versions", "date"):
        assert result.get(key), f"{path.name} has no {key}"
    assert "device" in result or "device" in result["versions"]
    script = re.search(r"experiments/\w+\.py", result["command"])
    assert not script or (ROOT / script[0]).exists()
    assert not MACHINE_PATH.search(path.read_text(encoding="utf-8"))


def test_the_readme_quotes_camvid():
    result = load("camvid_unet_cpu.json")
    readme = " ".join(Path(ROOT / "README.md").read_text(encoding="utf-8").split())
    assert result["images"] == 233 and len(result["iou"]) == 11
    assert result["mean_iou"] >= 0.42
    assert f"mean IoU {result['mean_iou']:.3f}" in readme
    assert f"accuracy {result['pixel_accuracy']:.3f}" in readme
    assert f"{result['train_seconds'] / 60:.0f} minutes" in readme
    # The command in the README is the one that was run.
    command = " ".join(result["command"].split()[3:]).replace("--out RUN", "")
    shown = readme.replace("\\ ", "").replace("--out runs/camvid", "")
    assert command.strip() in shown


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_no_run_is_a_copy_of_another(path):
    """Two seeds of one arm that agree in every digit are one run written twice."""
    runs = json.loads(path.read_text(encoding="utf-8")).get("runs", [])
    seen = {}
    for run in runs:
        measured = [
            value for key, value in sorted(run.items()) if isinstance(value, float)
        ]
        kind = tuple(run.get(k) for k in ("experiment", "arm", "images", "view"))
        # A floor, such as an IoU of exactly 0, may well repeat.
        if len(measured) >= 3:
            assert seen.setdefault((kind, *measured), run) is run, f"{path.name}: {run}"


def test_skips_find_the_membranes():
    runs = load("unet_isbi2012.json")["runs"]
    with_skips, without = (
        [run["iou"]["membrane"] for run in runs if run["arm"] == arm]
        for arm in ("with skips", "without skips")
    )
    assert len(with_skips) == len(without) == 3
    assert sum(with_skips) / 3 > 0.63
    assert all(a > b for a, b in zip(with_skips, without))


def test_every_network_was_trained_on_camvid_three_times():
    result = load("camvid_networks.json")
    scores = {(run["arm"], run["seed"]): run["mean_iou"] for run in result["runs"]}
    arms = list(result["settings"]["networks"])
    assert len(arms) == 8
    assert set(scores) == {(arm, seed) for arm in arms for seed in (0, 1, 2)}
    assert min(scores.values()) > 5 * result["floor"]["mean_iou"]
    for seed in (0, 1, 2):
        coarse, middle, fine = (scores[f"fcn{k}s", seed] for k in (32, 16, 8))
        assert coarse < middle < fine


def test_the_comparison_gave_every_arm_the_same_time():
    result = load("comparison.json")
    heads = {"plain", "skips", "pyramid", "ASPP"}
    arms = heads | {"FCN-8s", "U-Net", "DeepLab v1"}
    short = [r for r in result["runs"] if r["minutes"] == 2 and r["arm"] in arms]
    assert {(r["arm"], r["seed"]) for r in short} == {
        (a, s) for a in arms for s in range(3)
    }
    for run in result["runs"]:
        # Beside other work a second of the processor's does less.
        assert 0.9 < run["cpu_seconds"] / (60 * run["minutes"]) < 1.5, run["arm"]
        tried = [r for r in result["rates"] if r["arm"] == run["arm"]]
        assert run["lr"] == max(tried, key=lambda r: r["mean_iou"])["lr"]


def test_killed_trainings_end_as_the_unbroken_ones():
    runs = load("kills.json")["runs"]
    assert sum(len(run["signals"]) for run in runs) >= 50
    assert {name for run in runs for name in run["signals"]} == {
        "SIGKILL",
        "SIGTERM",
        "SIGINT",
    }
    assert not any(run["different"] for run in runs)


def test_a_large_image_needs_less_than_a_gigabyte():
    assert all(r["above_network_mib"] < 1024 for r in load("memory.json")["runs"])


def test_the_longer_run_reaches_half():
    (run,) = load("camvid_longer.json")["runs"]
    assert run["mean_iou"] >= 0.5 and len(run["iou"]) == 11
    assert run["cpu_seconds"] <= 2 * 3600  # an hour on two cores
    readme = " ".join(Path(ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"mean IoU {run['mean_iou']:.3f}" in readme
