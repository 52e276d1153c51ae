"""Training: it learns, resumes to the bit, stops at NaN, survives being killed."""

import signal
import subprocess
import sys
import time

import numpy as np
import paddle
import pytest

from segcore import data, inference, training
from segcore.data.transforms import Augment
from segcore.errors import InputError
from segcore.models import unet

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


def test_a_killed_run_leaves_a_whole_checkpoint(tmp_path):
    code = f"""
from segcore import data, training
from segcore.models import unet
train = data.load("shapes", "train", size=(48, 48), length=6)
training.fit(unet(6, width=.03), train, None, steps=10000, batch_size=2, eval_every=1,
             out={str(tmp_path)!r}, progress=False)
"""
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.time() + 120
    while not (tmp_path / "last.safetensors").exists() and time.time() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    train = data.load("shapes", "train", size=(48, 48), length=6)
    notes = training.checkpoint.load_state(
        tmp_path / "last.safetensors",
        *(lambda m: (m, paddle.optimizer.AdamW(parameters=m.parameters())))(
            small_unet()
        ),
    )
    step = notes["step"]
    assert step >= 1
    options = {**OPTIONS, "eval_every": 1}
    history = training.fit(
        small_unet(), train, steps=step + 1, out=tmp_path, resume=True, **options
    )
    assert history["step"].iloc[-1] == step + 1


def test_not_a_number_names_the_batch_and_saves(shapes, tmp_path):
    model = small_unet()

    class Poisoned(Interrupted):
        def __getitem__(self, index):
            self.left -= 1
            if self.left == 0:
                model.classifier.bias.set_value(paddle.full([6], float("nan")))
            return self.dataset[index]

    with pytest.raises(InputError, match=r"nan at step \d+, on the batch of shapes/tr"):
        train = Poisoned(shapes[0], 14)
        training.fit(model, train, steps=20, out=tmp_path, **OPTIONS)
    # What was saved before is still there and sound.
    training.load_weights(model, tmp_path / "best.safetensors")
    again = small_unet()
    optimizer = paddle.optimizer.AdamW(parameters=again.parameters())
    notes = training.checkpoint.load_state(
        tmp_path / "last.safetensors", again, optimizer
    )
    assert notes["step"] >= 2
    assert all(bool(p.isfinite().all()) for p in again.parameters())


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
    with pytest.raises(InputError, match="no such checkpoint"):
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
