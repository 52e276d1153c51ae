"""The command line: the whole way once, and every kind of bad input.

Bad input is answered by one line on stderr and exit status 2, never by a traceback.
"""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from segcore import cli

OPTIONS = "--model unet --width 0.02 --steps 2 --batch-size 2 --device cpu"
TRAIN = ["train", *OPTIONS.split()]


def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    """Six images of 40 x 48, masks of background 0 and a square of 1."""
    rng = np.random.default_rng(0)
    for i in range(6):
        mask = np.zeros((40, 48))
        mask[10:30, 5 + i : 25 + i] = 1
        write(tmp_path / f"mine/images/{i}.png", rng.integers(0, 255, (40, 48, 3)))
        write(tmp_path / f"mine/masks/{i}.png", mask)
    return tmp_path / "mine"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two steps on `shapes`; tests copy it before they spoil it."""
    out = tmp_path_factory.mktemp("runs") / "run"
    assert (
        cli.main([*TRAIN, "--data", "shapes", "--size", "32", "32", "--out", str(out)])
        == 0
    )
    return out


def refuse(capsys, arguments, *expected):
    """The command exits with 2 and one line on stderr that holds all of `expected`."""
    capsys.readouterr()
    assert cli.main([str(a) for a in arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert "\n" not in error and error.startswith("segcore: "), error
    for words in expected:
        assert words in error, error


# The whole way


def test_check_train_evaluate_predict(folder, tmp_path, capsys):
    run = tmp_path / "run"
    assert cli.main(["check", str(folder)]) == 0
    assert "6 images, 2 classes (class 0, class 1)" in capsys.readouterr().out
    assert (
        cli.main([*TRAIN, "--data", str(folder), "--out", str(run), "--balance"]) == 0
    )
    said = capsys.readouterr().out
    assert "4 training and 1 validation images" in said
    assert "Best validation mean IoU" in said and "evaluate" in said
    for name in (
        "settings.json",
        "history.csv",
        "best.safetensors",
        "last.safetensors",
    ):
        assert (run / name).exists()
    assert cli.main(["evaluate", str(run)]) == 0
    said = capsys.readouterr().out
    result = json.loads((run / "evaluate_test.json").read_text())
    assert f"mean IoU {result['mean_iou']:.4f}" in said and result["images"] == 1
    image = folder / "images/0.png"
    assert cli.main(["predict", str(run), str(image), "-o", str(tmp_path / "o")]) == 0
    mask = Image.open(tmp_path / "o/0_mask.png")
    assert mask.mode == "P" and mask.size == (48, 40) and np.array(mask).max() <= 1
    assert Image.open(tmp_path / "o/0_overlay.png").size == (48, 40)
    folder_in = str(folder / "images")
    arguments = ["predict", str(run), folder_in, "-o", str(tmp_path / "all")]
    for mode in ("sliding", "multiscale"):
        assert cli.main([*arguments, "--mode", mode]) == 0
    assert len(list((tmp_path / "all").iterdir())) == 12


def test_resume_by_command(folder, tmp_path, capsys):
    run = tmp_path / "run"
    same = ["--data", str(folder), "--out", str(run)]
    assert cli.main([*TRAIN, *same]) == 0
    longer = [*TRAIN, *same, "--resume"]
    longer[longer.index("--steps") + 1] = "4"
    assert cli.main(longer) == 0
    steps = [line.split(",")[0] for line in (run / "history.csv").open()]
    assert steps == ["step", "1", "2", "3", "4"]
    refuse(capsys, longer, "complete", "--steps")


def test_a_run_is_measured_on_another_folder_as_it_was_trained(
    folder, tmp_path, capsys
):
    for path in (folder / "masks").iterdir():
        write(path, np.array(Image.open(path)) * 255)  # now 0 and 255
    run = tmp_path / "run"
    assert cli.main([*TRAIN, "--data", str(folder), "--out", str(run)]) == 0
    assert "read as background (0) and foreground (255)" in capsys.readouterr().out
    other = tmp_path / "other"
    write(other / "images/x.png", np.zeros((40, 40, 3)))
    write(other / "masks/x.png", np.full((40, 40), 255))
    assert cli.main(["evaluate", str(run), "--data", str(other)]) == 0
    assert "over 1 images" in capsys.readouterr().out
    write(other / "masks/x.png", np.full((40, 40), 7))
    refuse(capsys, ["evaluate", run, "--data", other], "x.png: label 7 at row 0")


def test_lists_and_help(capsys):
    assert cli.main(["models"]) == 0
    assert "31,038,933" in capsys.readouterr().out
    assert cli.main(["data"]) == 0
    assert "camvid" in capsys.readouterr().out
    for command in ("", "models", "data", "check", "train", "evaluate", "predict"):
        with pytest.raises(SystemExit) as stop:
            cli.main([*command.split(), "--help"])
        assert stop.value.code == 0
        assert "show this help" in capsys.readouterr().out


# Bad input


def spoil_no_folder(folder):
    return folder.parent / "nowhere"


def spoil_a_file_for_a_folder(folder):
    return folder / "images/0.png"


def spoil_empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()
    return folder


def spoil_no_masks(folder):
    shutil.rmtree(folder / "masks")
    return folder


def spoil_no_images(folder):
    for path in (folder / "images").iterdir():
        path.unlink()
    return folder


def spoil_one_mask_gone(folder):
    (folder / "masks/3.png").unlink()
    return folder


def spoil_mask_of_another_size(folder):
    write(folder / "masks/3.png", np.eye(20))
    return folder


def spoil_label_out_of_range(folder):
    (folder / "classes.txt").write_text("ground\nsquare\n")
    mask = np.array(Image.open(folder / "masks/3.png"))
    mask[2, 9] = 77
    write(folder / "masks/3.png", mask)
    return folder


def spoil_unreadable_image(folder):
    (folder / "images/3.png").write_bytes(b"this is text")
    return folder


def spoil_truncated_image(folder):
    content = (folder / "images/3.png").read_bytes()
    (folder / "images/3.png").write_bytes(content[: len(content) // 2])
    return folder


def spoil_colour_mask(folder):
    write(
        folder / "masks/3.png", np.random.default_rng(0).integers(0, 255, (40, 48, 3))
    )
    return folder


def spoil_blurred_masks(folder):
    for path in (folder / "masks").iterdir():
        write(path, np.random.default_rng(0).integers(30, 250, (40, 48)))
    return folder


def spoil_empty_masks(folder):
    for path in (folder / "masks").iterdir():
        write(path, np.zeros((40, 48)))
    return folder


def spoil_fractions(folder):
    (folder / "masks/3.png").unlink()
    Image.fromarray(np.full((40, 48), 0.5, np.float32)).save(folder / "masks/3.tif")
    return folder


def spoil_list_names_nobody(folder):
    (folder / "train.txt").write_text("0\n1\nghost\n")
    return folder


def spoil_empty_train_list(folder):
    (folder / "train.txt").write_text("")
    return folder


def spoil_one_class_name(folder):
    (folder / "classes.txt").write_text("alone\n")
    return folder


def spoil_two_of_one_name(folder):
    shutil.copy(folder / "images/0.png", folder / "images/0.jpg")
    return folder


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (spoil_no_folder, "nowhere: neither a folder nor the name of a data set"),
        (spoil_a_file_for_a_folder, "0.png: there is no such folder"),
        (spoil_empty, "images/ is missing"),
        (spoil_no_masks, "masks/ is missing"),
        (spoil_no_images, "there are no images"),
        (spoil_one_mask_gone, "3.png: no mask of the same name"),
        (spoil_mask_of_another_size, "the mask is 20 x 20 pixels but its image"),
        (spoil_label_out_of_range, "3.png: label 77 at row 2, column 9"),
        (spoil_unreadable_image, "3.png: this is not an image"),
        (spoil_truncated_image, "3.png: the image cannot be read"),
        (spoil_colour_mask, "3.png: the mask is a colour picture"),
        (spoil_blurred_masks, "more than 64 different values"),
        (spoil_empty_masks, "at least two classes"),
        (spoil_fractions, "3.tif: the mask holds fractions"),
        (spoil_list_names_nobody, "train.txt: line 3 names 'ghost'"),
        (spoil_empty_train_list, "the training part is empty"),
        (spoil_one_class_name, "classes.txt: it names 1 classes"),
        (spoil_two_of_one_name, "has the same name but for the ending"),
    ],
)
def test_bad_data_is_refused_before_training(spoil, expected, folder, tmp_path, capsys):
    data = spoil(folder)
    refuse(capsys, [*TRAIN, "--data", data, "--out", tmp_path / "run"], expected)
    assert not (tmp_path / "run/settings.json").exists()
    if spoil is not spoil_empty_train_list:  # `check` looks at all parts together
        assert cli.main(["check", str(data)]) == 2


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", "required: COMMAND"),
        ("tran", "invalid choice: 'tran'"),
        ("train --data shapes --out x", "--model"),
        (
            "train --model resnet --data shapes --out x",
            "no network 'resnet'; there are fcn32s",
        ),
        ("train --model unet --data shapes --out x --steps 0", "'0' is not a whole"),
        ("train --model unet --data shapes --out x --width -1", "'-1' is not a number"),
        ("train --model unet --data shapes --out x --lr nan", "'nan' is not a number"),
        ("train --model unet --data shapes --out x --size 8 8", "from 32"),
        (
            "train --model unet --data shapes --out x --device tpu",
            "invalid choice: 'tpu'",
        ),
        ("train --model unet --data shapes --out x --device gpu", "No GPU answers"),
        ("evaluate nowhere", "nowhere: there is no training run here"),
        ("predict nowhere a.png -o b", "no training run here"),
    ],
)
def test_bad_options_are_refused(arguments, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "gpu" in arguments:
        import paddle

        if paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count():
            pytest.skip("a GPU answers here")
    refuse(capsys, arguments.split(), expected)


def test_bad_runs_are_refused(trained, tmp_path, capsys, monkeypatch):
    photo = tmp_path / "photo.png"
    write(photo, np.zeros((40, 40, 3)))
    refuse(
        capsys,
        [*TRAIN, "--data", "shapes", "--size", "32", "32", "--out", trained],
        "a run is there already",
    )
    refuse(
        capsys,
        [*TRAIN, "--data", "shapes", "--out", trained, "--resume"],
        "started with size = [32, 32], not None",
    )
    refuse(
        capsys,
        ["predict", trained, tmp_path / "no.png", "-o", tmp_path / "o"],
        "no.png",
    )
    refuse(capsys, ["predict", trained, photo, "-o", photo], "needs a folder")
    (tmp_path / "empty").mkdir()
    refuse(
        capsys, ["predict", trained, tmp_path / "empty", "-o", "o"], "no images in it"
    )
    write(tmp_path / "twin/photo.jpg", np.zeros((40, 40, 3)))
    twins = [photo, tmp_path / "twin/photo.jpg"]
    refuse(capsys, ["predict", trained, *twins, "-o", tmp_path / "o"], "called photo")
    monkeypatch.delenv("SEGCORE_DATA", raising=False)
    refuse(capsys, ["evaluate", trained, "--data", "camvid"], "SEGCORE_DATA")
    monkeypatch.setenv("SEGCORE_DATA", str(tmp_path / "gone"))
    refuse(capsys, ["evaluate", trained, "--data", "camvid"], "does not exist")


def test_checkpoint_of_another_network_is_refused(trained, tmp_path, capsys):
    photo = tmp_path / "photo.png"
    write(photo, np.zeros((40, 40, 3)))
    predict = ["predict", tmp_path / "run", photo, "-o", tmp_path / "o"]
    run = shutil.copytree(trained, tmp_path / "run")
    settings = json.loads((run / "settings.json").read_text())
    (run / "settings.json").write_text(json.dumps({**settings, "width": 0.05}))
    refuse(
        capsys, predict, "best.safetensors: these are the weights of another network"
    )
    (run / "settings.json").write_text(json.dumps(settings))
    (run / "best.safetensors").write_bytes(b"rubbish")
    refuse(capsys, predict, "best.safetensors: this checkpoint cannot be read")
    (run / "best.safetensors").unlink()
    refuse(capsys, predict, "there are no weights yet")
    (run / "settings.json").write_text("{")
    refuse(capsys, predict, "settings.json: this file is damaged")


def test_one_bad_image_does_not_lose_the_others(trained, tmp_path, capsys):
    write(tmp_path / "in/a.png", np.zeros((40, 50, 3)))
    (tmp_path / "in/b.png").write_bytes(b"no image")
    write(tmp_path / "in/c.png", np.zeros((33, 60, 3)))
    out = tmp_path / "out"
    refuse(capsys, ["predict", trained, tmp_path / "in", "-o", out], "b.png", "1 of 3")
    assert sorted(p.name for p in out.glob("*_mask.png")) == [
        "a_mask.png",
        "c_mask.png",
    ]


def test_a_process_of_its_own_prints_no_traceback():
    for arguments in (["check", "nowhere"], ["evaluate", "nowhere"], ["predict"]):
        done = subprocess.run(
            [sys.executable, "-m", "segcore", *arguments],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert done.stderr.startswith("segcore: ") and done.stderr.count("\n") == 1
