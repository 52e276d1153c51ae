"""Training: it learns, resumes to the bit, stops at NaN, survives being killed."""

import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import paddle
import pandas as pd
import pytest
from conftest import load_tool
from safetensors.numpy import load_file

from segcore import data, files, inference, training
from segcore.data.transforms import Augment
from segcore.errors import InputError
from segcore.models import MODELS, unet
from segcore.models.unet import UNet

OPTIONS = {"batch_size": 2, "eval_every": 2, "progress": False}


def small_unet(seed=0, classes=6):
    paddle.seed(seed)
    return unet(classes, width=0.03)


@pytest.fixture(scope="module")
def shapes():
    sets = (data.load("shapes", s, size=(48, 48), length=6) for s in ("train", "val"))
    return tuple(sets)


def equal(a, b):
    return all(
        (x.numpy() == y.numpy()).all()
        for x, y in zip(a.state_dict().values(), b.state_dict().values())
    )


def test_fit_learns_and_reports(tmp_path):
    shapes = [
        data.load("shapes", split, size=(48, 48), hard="lookalike", length=6)
        for split in ("train", "val")
    ]
    model = small_unet(classes=3)
    history = training.fit(
        model, *shapes, steps=20, lr=1e-2, out=tmp_path, **{**OPTIONS, "eval_every": 5}
    )
    assert list(history["step"]) == [5, 10, 15, 20]
    assert history["loss"].iloc[-1] < 0.8 * history["loss"].iloc[0]
    assert history["lr"].is_monotonic_decreasing
    assert history["val_mean_iou"].between(0, 1).all()
    written = (tmp_path / "history.csv").read_text().splitlines()
    assert written[0] == "step,loss,lr,val_mean_iou,val_pixel_accuracy,seconds"
    # The best weights are those of the best row.
    training.load_weights(model, tmp_path / "best.safetensors")
    found = inference.evaluate(model, shapes[1]).mean_iou()
    assert found == pytest.approx(history["val_mean_iou"].max())


class Stop(Exception):
    pass


class Interrupted:
    """A data set that fails when asked for its n-th sample."""

    def __init__(self, dataset, after):
        self.dataset, self.left = dataset, after
        self.num_classes = dataset.num_classes

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        self.left -= 1
        if self.left < 0:
            raise Stop
        return self.dataset[index]


def test_resume_goes_on_to_the_bit(shapes, tmp_path):
    whole = small_unet()
    expected = training.fit(whole, *shapes, steps=6, out=tmp_path / "a", **OPTIONS)
    broken = small_unet()
    with pytest.raises(Stop):
        training.fit(
            broken,
            Interrupted(shapes[0], 7),
            shapes[1],
            steps=6,
            out=tmp_path / "b",
            **OPTIONS,
        )
    other = small_unet(seed=9)  # its parameters have other names and other values
    history = training.fit(
        other, *shapes, steps=6, out=tmp_path / "b", resume=True, **OPTIONS
    )
    assert equal(whole, other)
    columns = ["step", "lr", "val_mean_iou"]
    assert history[columns].equals(expected[columns])


@pytest.mark.parametrize("name", MODELS)
def test_every_network_resumes_to_the_bit(name, shapes, tmp_path):
    """Those with dropout too: what is random follows from the seed and the step."""

    def build():
        return MODELS[name](6, width=0.02)

    paddle.seed(0)
    whole = build()
    options = {**OPTIONS, "eval_every": 3, "steps": 4}
    expected = training.fit(whole, *shapes, out=tmp_path / "a", **options)
    paddle.seed(0)
    train = Interrupted(shapes[0], 2 * 2 + 3)
    with pytest.raises(Stop):
        training.fit(build(), train, shapes[1], out=tmp_path / "b", **options)
    paddle.seed(7)  # another process would be somewhere else in its random numbers
    other = build()
    again = training.fit(other, *shapes, out=tmp_path / "b", resume=True, **options)
    assert equal(whole, other)
    expected, again = (table.drop(columns="seconds") for table in (expected, again))
    pd.testing.assert_frame_equal(expected, again, check_exact=True)
    for file in ("best.safetensors", "last.safetensors"):
        a, b = (load_file(tmp_path / run / file) for run in "ab")
        assert a.keys() == b.keys() and all((a[k] == b[k]).all() for k in a)


def state_of(folder, model):
    """The last state of a run, put into a network of its kind."""
    optimizer = paddle.optimizer.AdamW(parameters=model.parameters())
    return training.checkpoint.load_state(folder, model, optimizer)[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", ["step", "validation"])
def test_a_signal_ends_the_step_and_saves(number, place, shapes, tmp_path):
    """Ctrl-C and SIGTERM in a step, or in a validation: nothing is lost."""
    whole = small_unet()
    options = {**OPTIONS, "steps": 6}
    expected = training.fit(whole, *shapes, out=tmp_path / "a", **options)

    class Signalling(UNet):
        """Sends the signal from inside the third training step or validation image."""

        count = 0

        def forward(self, x):
            if self.training == (place == "step"):
                Signalling.count += 1
                if Signalling.count == 3:
                    os.kill(os.getpid(), number)
            return super().forward(x)

    paddle.seed(0)
    model = Signalling(6, 3, 0.03, "same", "default", True, None)
    with pytest.raises(KeyboardInterrupt) as stop:
        training.fit(model, *shapes, out=tmp_path / "b", **options)
    assert stop.value.signal == number
    stopped = state_of(tmp_path / "b", small_unet())
    assert stopped.step == (3 if place == "step" else 2)
    again = small_unet(9)
    history = training.fit(again, *shapes, out=tmp_path / "b", resume=True, **options)
    assert equal(whole, again)
    columns = ["step", "loss", "lr", "val_mean_iou"]
    assert history[columns].equals(expected[columns])


def test_a_signal_before_the_first_step_of_a_resume_loses_nothing(shapes, tmp_path):
    """Nor does one in the validation that a resume begins with."""
    whole = small_unet()
    training.fit(whole, *shapes, steps=6, out=tmp_path / "a", **OPTIONS)
    for place, val in (("b", None), ("c", 1)):
        out = {"steps": 6, "out": tmp_path / place, **OPTIONS}
        with pytest.raises(Stop):  # in the validation after step 2, or in step 4
            broken = Interrupted(shapes[1], val) if val else shapes[1]
            train = shapes[0] if val else Interrupted(shapes[0], 3 * 2 + 1)
            training.fit(small_unet(), train, broken, **out)
        for _ in range(2):  # resumed, and broken off before a step
            with pytest.raises(Stop):
                train = Interrupted(shapes[0], 0)
                training.fit(small_unet(4), train, shapes[1], resume=True, **out)
        again = small_unet(5)
        training.fit(again, *shapes, resume=True, **out)
        assert equal(whole, again), place


def test_a_kill_in_the_last_validation_loses_no_row(shapes, tmp_path):
    with pytest.raises(Stop):
        val = Interrupted(shapes[1], 3)
        training.fit(small_unet(), shapes[0], val, steps=2, out=tmp_path, **OPTIONS)
    history = training.fit(
        small_unet(1), *shapes, steps=2, out=tmp_path, resume=True, **OPTIONS
    )
    assert list(history["step"]) == [2] and (tmp_path / "best.safetensors").exists()
    with pytest.raises(InputError, match="complete with 2 steps"):
        training.fit(
            small_unet(), *shapes, steps=2, out=tmp_path, resume=True, **OPTIONS
        )


def test_a_damaged_state_falls_back_on_the_one_before(shapes, tmp_path, capsys):
    options = {**OPTIONS, "out": tmp_path}
    whole = small_unet()
    training.fit(whole, *shapes, steps=6, **options)
    last = tmp_path / "last.safetensors"
    for spoil in (lambda: last.write_bytes(last.read_bytes()[:999]), last.unlink):
        spoil()
        model = small_unet(3)
        training.fit(model, *shapes, steps=6, resume=True, **options)
        assert "Going on from the state before, step 4." in capsys.readouterr().out
        assert equal(whole, model)
        # What was written while going on: step 6, and before it the one of step 4.
        assert state_of(tmp_path, small_unet()).step == 6
        (tmp_path / "previous.safetensors").write_bytes(before(whole, shapes))


def before(model, shapes):
    """The state of step 4 of a run of six, as a file's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        with pytest.raises(Stop):
            train = Interrupted(shapes[0], 4 * 2 + 1)
            training.fit(small_unet(), train, shapes[1], steps=6, out=folder, **OPTIONS)
        return (Path(folder) / "last.safetensors").read_bytes()


def test_a_longer_run_says_what_becomes_of_the_schedule(shapes, tmp_path, capsys):
    options = {**OPTIONS, "out": tmp_path}
    training.fit(small_unet(), *shapes, steps=2, **options)
    training.fit(small_unet(), *shapes, steps=4, resume=True, **options)
    said = capsys.readouterr().out
    assert "planned for 2 steps: from step 2 on its learning rate falls towards" in said
    assert state_of(tmp_path, small_unet()).steps == 4


def test_two_trainings_in_one_folder_are_refused(shapes, tmp_path):
    with files.locked(tmp_path):
        code = (
            "from segcore import files\n"
            "from segcore.errors import InputError\n"
            f"try:\n    with files.locked({str(tmp_path)!r}): print('two')\n"
            "except InputError as error: print(error)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=1)
    assert "another training is writing into this folder" in done.stdout
    training.fit(small_unet(), *shapes, steps=1, out=tmp_path, **OPTIONS)


class Poisoned(UNet):
    """In its `at`-th training step a bias stops being a number: the last or the first.

    Behind the first there is a ReLU, and relu(NaN) is 0 on a CPU: the loss is finite.
    """

    def __init__(self, at, last):
        paddle.seed(0)
        super().__init__(6, 3, 0.03, "same", "default", True, None)
        self.left, self.last = at, last

    def forward(self, x):
        self.left -= self.training
        if self.left == 0:
            norm = next(p for p in self.parameters() if p.ndim == 1)
            bias = self.classifier.bias if self.last else norm
            bias.set_value(paddle.full(bias.shape, float("nan")))
        return super().forward(x)


@pytest.mark.parametrize("last", [True, False])
def test_not_a_number_stops_and_is_never_kept(last, shapes, tmp_path):
    words = r"nan at step 4, on the batch of shapes/tr" if last else "not all numbers"
    with pytest.raises(InputError, match=words):
        training.fit(Poisoned(4, last), *shapes, steps=20, out=tmp_path, **OPTIONS)
    # What was saved before is still there and sound.
    assert state_of(tmp_path, small_unet()).step == 2
    training.load_weights(small_unet(), tmp_path / "best.safetensors")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"image": np.zeros((48, 48, 3), np.float32)}, "uint8"),
        ({"image": np.zeros((48, 48), np.uint8)}, "uint8"),
        ({"mask": np.zeros((48, 48), np.float32)}, "whole numbers"),
        ({"mask": np.zeros((40, 48), np.uint8)}, "as its image"),
        ({"mask": np.full((48, 48), -1, np.int16)}, "Label -1"),
        ({"mask": np.full((48, 48), 6, np.uint8)}, "Label 6"),
    ],
)
def test_samples_of_another_kind_are_refused(change, words, shapes):
    class Changed(Interrupted):
        def __getitem__(self, index):
            return {**self.dataset[index], **change}

    with pytest.raises(InputError, match=words):
        training.fit(small_unet(), Changed(shapes[0], 0), steps=1, **OPTIONS)


@pytest.mark.parametrize(
    "options",
    [
        {"steps": 0},
        {"steps": 1.5},
        {"seed": -1},
        {"lr": float("nan")},
        {"lr": 0},
        {"class_weights": [1, 1]},
        {"class_weights": [1, 1, 1, 1, 1, -1]},
        {"resume": True},
        {"batch_size": 0},
    ],
)
def test_absurd_options_are_refused(options, shapes):
    with pytest.raises(InputError):
        training.fit(small_unet(), shapes[0], **{**OPTIONS, "steps": 1, **options})


def test_kills_at_random_moments_leave_no_trace(tmp_path):
    """The short form of experiments/kills.py, on a network with dropout."""
    kills = load_tool("kills", "experiments")
    one, other = tmp_path / "one", tmp_path / "other"
    seconds = kills.unbroken("fcn8s", one)
    met = kills.broken("fcn8s", other, 2, seconds, random.Random(0))
    assert met and kills.differences(one, other) == []
    assert kills.differences(one, one) == []
    (other / "history.csv").write_text("step,loss,seconds\n1,2,3\n")
    assert kills.differences(one, other) == ["history.csv"], "the comparison can fail"


def test_wrong_labels_and_sizes_are_named(shapes):
    with pytest.raises(InputError, match="has 2 classes"):
        training.fit(small_unet(classes=2), *shapes, steps=2, **OPTIONS)

    class Mixed(Interrupted):
        def __getitem__(self, index):
            sample = self.dataset[index]
            end = 48 - 8 * (index % 2)
            return {
                **sample,
                "image": sample["image"][:end],
                "mask": sample["mask"][:end],
            }

    with pytest.raises(InputError, match="different sizes"):
        training.fit(small_unet(), Mixed(shapes[0], 0), steps=4, **OPTIONS)
    cropped = {**OPTIONS, "augment": Augment(crop=(32, 32))}
    training.fit(small_unet(), Mixed(shapes[0], 0), steps=2, **cropped)

    class Empty(Interrupted):
        def __len__(self):
            return 0

    with pytest.raises(InputError, match="empty"):
        training.fit(small_unet(), Empty(shapes[0], 0), steps=2, **OPTIONS)


def test_valid_unet_trains_on_the_middle(shapes):
    train = data.load("shapes", "train", size=(188, 188), length=2)
    paddle.seed(0)
    model = unet(6, width=0.02, padding="valid")
    history = training.fit(model, train, train, steps=1, **OPTIONS)
    assert np.isfinite(history["loss"]).all()


def test_weights_of_another_network_are_refused(tmp_path):
    training.save_weights(small_unet(), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="another network"):
        training.load_weights(small_unet(classes=3), tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").write_bytes(b"rubbish")
    with pytest.raises(InputError, match="cannot be read"):
        training.load_weights(small_unet(), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="no such file"):
        training.load_weights(small_unet(), tmp_path / "none.safetensors")


def test_scale_is_chosen_by_the_environment(monkeypatch):
    scales = {"lesson": {"steps": 1}, "full": {"steps": 100}}
    monkeypatch.delenv("SEGCORE_SCALE", raising=False)
    assert training.choose_scale("lesson", **scales).steps == 1
    monkeypatch.setenv("SEGCORE_SCALE", "full")
    assert training.choose_scale("lesson", **scales).name == "full"
    monkeypatch.setenv("SEGCORE_SCALE", "huge")
    with pytest.raises(InputError, match="no scale 'huge'"):
        training.choose_scale("lesson", **scales)


def test_pixel_weights_reach_the_loss():
    """What weighs nothing changes nothing; with equal weights it does."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)

    class Halves:
        classes, num_classes = ["left", "right"], 2

        def __init__(self, right):
            self.truth = np.zeros((32, 32), np.uint8)
            self.truth[:, 16:] = right

        def __len__(self):
            return len(images)

        def __getitem__(self, index):
            name = f"halves/{index}"
            return {"image": images[index], "mask": self.truth, "name": name}

    def left_only(mask):
        weights = np.zeros(mask.shape, np.float32)
        weights[:, :16] = 1
        return weights

    def losses_of(right, pixel_weights):
        history = training.fit(
            small_unet(classes=2),
            Halves(right),
            steps=4,
            augment=lambda image, mask, rng: (image, mask),
            pixel_weights=pixel_weights,
            **OPTIONS,
        )
        return list(history["loss"])

    assert losses_of(0, left_only) == losses_of(1, left_only)
    assert losses_of(0, None) != losses_of(1, None)
