"""The command line on CT volumes: from check to a NIfTI mask of one's own cases."""

import json
import shutil

import nibabel
import numpy as np
import pandas as pd
import pytest

from segcore import cli
from segcore.data import phantom

OPTIONS = "--model unet --width 0.03 --steps 2 --batch-size 2 --device cpu"
TRAIN = ["train", *OPTIONS.split()]


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A folder of five small cases in LiTS' layout, and a run of two steps on it."""
    place = tmp_path_factory.mktemp("volumes")
    phantom.write(place / "mine", length=5, size=(40, 44), depth=6)
    run = ["--data", str(place / "mine"), "--out", str(place / "run"), "--size", "32"]
    assert cli.main([*TRAIN, *run, "32"]) == 0
    return place


@pytest.fixture
def mine(ready, tmp_path):
    shutil.copytree(ready, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_check_says_what_is_there(ready, capsys):
    assert cli.main(["check", str(ready / "mine")]) == 0
    assert (
        "3 classes (background, liver, tumour). No problems" in capsys.readouterr().out
    )


def test_evaluate_prints_and_writes_cases(mine, capsys):
    run = mine / "run"
    arguments = ["evaluate", str(run), "--data", str(mine / "mine")]
    # The run was copied: its data lie where they were, these are others to it.
    assert cli.main(arguments) == 0
    said = capsys.readouterr().out
    assert "liver and tumour, mean ± spread over cases" in said and "Hausdorff" in said
    assert "were trained on" in said
    (table,) = run.glob("evaluate_*.csv")
    cases = pd.read_csv(table)
    assert list(cases["organ"]) == ["liver and tumour", "tumour"] * 5
    (result,) = run.glob("evaluate_*.json")
    content = json.loads(result.read_text())
    assert content["split"] == "all" and "dice" in content["by_case"]["tumour"]


def test_predict_keeps_the_affine_and_overwrites_only_its_own(mine, capsys):
    case = mine / "mine/volume-1.nii"
    out = mine / "masks/one.nii.gz"
    predict = ["predict", str(mine / "run"), str(case), "-o"]
    for _ in range(2):  # its own mask may be written again
        assert cli.main([*predict, str(out)]) == 0
    source, mask = nibabel.load(case), nibabel.load(out)
    np.testing.assert_allclose(mask.affine, source.affine)
    assert mask.shape == source.shape and np.asarray(mask.dataobj).max() <= 2
    before = case.read_bytes()
    capsys.readouterr()
    assert cli.main([*predict, str(mine / "mine/volume-0.nii")]) == 2
    assert "not of segcore's making" in capsys.readouterr().err
    assert case.read_bytes() == before


def test_a_folder_of_cases_and_a_broken_one_among_them(mine, capsys):
    (mine / "in").mkdir()
    for k in (0, 1):
        shutil.copy(mine / f"mine/volume-{k}.nii", mine / "in")
    (mine / "in/broken.nii").write_bytes(b"no volume")
    out = mine / "out"
    assert (
        cli.main(["predict", str(mine / "run"), str(mine / "in"), "-o", str(out)]) == 2
    )
    error = capsys.readouterr().err
    assert "broken.nii" in error and error.count("\n") == 1
    names = sorted(p.name for p in out.iterdir())
    assert names == ["volume-0_mask.nii.gz", "volume-1_mask.nii.gz"]


def test_bad_volumes_are_refused_before_training(mine, capsys):
    good = nibabel.load(mine / "mine/segmentation-2.nii")
    other = np.array(good.dataobj)[:-1]  # a copy: the file is written over
    nibabel.save(
        nibabel.Nifti1Image(other, good.affine), mine / "mine/segmentation-2.nii"
    )
    place = ["--data", str(mine / "mine"), "--out", str(mine / "new")]
    assert cli.main([*TRAIN, *place]) == 2
    assert "segmentation-2.nii" in capsys.readouterr().err
    assert not (mine / "new").exists()


def test_several_volumes_need_a_folder(mine, capsys):
    cases = [str(mine / f"mine/volume-{k}.nii") for k in (0, 1)]
    out = ["-o", str(mine / "x.nii")]
    assert cli.main(["predict", str(mine / "run"), *cases, *out]) == 2
    assert "name a folder" in capsys.readouterr().err


def test_phantoms_are_trained_and_measured(tmp_path, capsys):
    run = ["--data", "phantom", "--size", "32", "32", "--out", str(tmp_path / "run")]
    assert cli.main([*TRAIN, *run]) == 0
    assert cli.main(["evaluate", str(tmp_path / "run")]) == 0
    assert "tumour, mean ± spread over cases" in capsys.readouterr().out
    assert len(pd.read_csv(tmp_path / "run/evaluate_test.csv")) == 24
