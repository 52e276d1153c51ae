"""A run's folder: settings checked key by key, files written whole, links replaced."""

import dataclasses
import json
import os

import pytest

from segcore import files, runs
from segcore.errors import InputError

SOUND = {
    "model": "unet",
    "data": "shapes",
    "width": 0.02,
    "steps": 2,
    "batch_size": 2,
    "size": [32, 32],
    "crop": None,
    "scale": [0.75, 1.5],
    "lr": 1e-3,
    "balance": False,
    "seed": 0,
    "classes": ["a", "b"],
    "colours": [[0, 0, 0], [1, 2, 3]],
    "values": [[0, 0], [1, 1]],
    "prints": {"train": {"a.png": "00ff"}},
    "versions": {"segcore": "0"},
    "started": "2026-01-01T00:00:00",
    "command": "python -m segcore train",
}


def test_settings_come_back_as_they_were_written(tmp_path):
    settings = runs.Settings(**SOUND)
    runs.write_settings(tmp_path / "run", settings)
    assert runs.read_settings(tmp_path / "run") == settings
    assert os.listdir(tmp_path / "run") == ["settings.json"]


@pytest.mark.parametrize("key", SOUND)
def test_a_missing_key_is_named(key, tmp_path):
    content = {k: v for k, v in SOUND.items() if k != key}
    (tmp_path / "settings.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"damaged .*lacks '{key}'"):
        runs.read_settings(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", 3),
        ("data", None),
        ("width", "0.25"),
        ("width", True),
        ("width", 1e9),
        ("width", float("nan")),
        ("steps", 0),
        ("steps", 2.5),
        ("batch_size", 10**7),
        ("size", [32]),
        ("size", [32, "32"]),
        ("size", [8, 32]),
        ("crop", {"a": 1}),
        ("scale", [1.5, 0.75]),
        ("scale", [1e-9, 1]),
        ("lr", -1),
        ("balance", "yes"),
        ("seed", -1),
        ("seed", 10**30),
        ("classes", []),
        ("classes", [1, 2]),
        ("classes", "ab"),
        ("colours", [[0, 0, 0]]),
        ("colours", [[0, 0, 0], [0, 0, 256]]),
        ("values", [[0, 0, 0]]),
        ("values", {"0": 0}),
        ("prints", []),
        ("prints", {"train": ["a"]}),
        ("versions", None),
        ("started", 5),
        ("command", []),
    ],
)
def test_absurd_values_are_damage_and_the_key_is_named(key, value, tmp_path):
    (tmp_path / "settings.json").write_text(json.dumps({**SOUND, key: value}))
    with pytest.raises(InputError, match=f"damaged .*{key}"):
        runs.read_settings(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", "[" * 100_000, '{"a": 1}', "\0", "NaN"]
)
def test_what_is_no_object_of_settings_is_damage(text, tmp_path):
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(InputError, match=r"settings.json: this file is damaged"):
        runs.read_settings(tmp_path)


def test_a_batch_larger_than_any_memory_is_refused():
    with pytest.raises(InputError, match="more than any memory holds"):
        runs.Settings(**{**SOUND, "batch_size": 4096, "crop": [2048, 2048]})


def test_writing_replaces_a_link_and_leaves_nothing_beside(tmp_path):
    (tmp_path / "theirs.txt").write_text("precious")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/settings.json").symlink_to(tmp_path / "theirs.txt")
    files.write(tmp_path / "run/settings.json", "ours")
    assert (tmp_path / "theirs.txt").read_text() == "precious"
    assert (tmp_path / "run/settings.json").read_text() == "ours"
    assert len(os.listdir(tmp_path / "run")) == 1


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "settings.json"
    path.write_text("before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(
        InputError, match=r"settings.json: it cannot be written .No space"
    ):
        files.write(path, "after")
    assert path.read_text() == "before" and len(os.listdir(tmp_path)) == 1


def test_a_place_is_checked_before_anything_is_written(tmp_path):
    runs.check_place(tmp_path / "new", False)
    with pytest.raises(InputError, match="no training run here"):
        runs.check_place(tmp_path / "new", True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="needs a folder"):
        runs.check_place(tmp_path / "file", False)
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(InputError, match="would be overwritten"):
        runs.check_place(tmp_path, False)
    assert (tmp_path / "settings.json").read_text() == "{}"


def test_what_changed_since_a_run_began_is_named(tmp_path):
    before = runs.Settings(**SOUND)
    runs.write_settings(tmp_path, before)
    same = dataclasses.replace(before, steps=9, command="", started="", versions={})
    assert runs.check_same(tmp_path, same) == before
    for change, words in (
        ({"lr": 1e-2}, "lr = 0.001, not 0.01"),
        ({"values": [[0, 0], [2, 1]]}, "values changed since this run began"),
        ({"prints": {"train": {"a.png": "11"}}}, r"a.png of the train part changed"),
        ({"prints": {"train": {}, "test": {"a.png": "00ff"}}}, r"a.png of the train"),
        ({"data": "camvid"}, "data = shapes, not camvid"),
    ):
        with pytest.raises(InputError, match=words):
            runs.check_same(tmp_path, dataclasses.replace(before, **change))


def test_a_folder_spelled_otherwise_is_the_same(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    for other in ("./mine", "link", str(tmp_path / "mine")):
        assert runs.same_place("mine", other)
    assert not runs.same_place("mine", "nowhere") and runs.same_place(
        "shapes", "shapes"
    )


def test_printable_text_cannot_steer_a_terminal():
    assert files.printable("a\x1b[2Jb\n c\u202e") == "a\\x1b[2Jb c\\u202e"
