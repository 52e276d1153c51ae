"""Data sets: the synthetic world, pairs of files, a user's folder, CamVid."""

import os
import time

import numpy as np
import pytest
from PIL import Image

from segcore import data
from segcore.data import shapes, transforms
from segcore.data.pairs import read_image, read_mask
from segcore.errors import InputError


def needs(name):
    """Skip a test where a real data set is absent."""
    return pytest.mark.skipif(
        not os.path.isdir(os.path.join(os.environ.get("SEGCORE_DATA", ""), name)),
        reason=f"SEGCORE_DATA names no folder that holds {name}",
    )


def write(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """Ten images of 40 x 48 with masks of the values 0, 1, 2 and 255."""
    rng = np.random.default_rng(0)
    for i in range(10):
        mask = rng.integers(0, 3, (40, 48))
        mask[0, 0] = 255
        write(tmp_path / f"images/{i}.jpg", rng.integers(0, 255, (40, 48, 3)))
        write(tmp_path / f"masks/{i}.png", mask)
    return tmp_path


# The synthetic world


@pytest.mark.parametrize("hard", shapes.HARD)
def test_shapes_are_made_again_by_their_seed(hard):
    one, two = (data.load("shapes", "train", hard=hard, seed=3) for _ in range(2))
    other = data.load("shapes", "train", hard=hard, seed=4)
    for key in ("image", "mask", "instances"):
        np.testing.assert_array_equal(one[5][key], two[5][key])
    assert (one[5]["image"] != other[5]["image"]).any()
    assert (
        one[5]["image"] != data.load("shapes", "val", hard=hard, seed=3)[5]["image"]
    ).any()


@pytest.mark.parametrize("hard", shapes.HARD)
def test_shapes_truths_agree(hard):
    dataset = data.load("shapes", "val", hard=hard, length=8, size=(64, 96))
    seen = set()
    for sample in (dataset[i] for i in range(8)):
        assert (
            sample["image"].shape == (64, 96, 3) and sample["image"].dtype == np.uint8
        )
        assert sample["mask"].max() < dataset.num_classes == len(dataset.colours)
        for identity in np.unique(sample["instances"])[1:]:
            kinds = np.unique(sample["mask"][sample["instances"] == identity])
            assert len(kinds) == 1, "one identity, one class"
        segments = shapes.panoptic(sample)
        np.testing.assert_array_equal(segments // 1000, sample["mask"])
        np.testing.assert_array_equal(segments % 1000, sample["instances"])
        seen |= set(np.unique(sample["mask"]))
    assert seen == set(range(dataset.num_classes))


def test_shapes_frames_move_and_keep_identities():
    dataset = data.load("shapes", "val")
    moved = 0
    for index in range(5):
        first, *rest = dataset.frames(index, 4)
        np.testing.assert_array_equal(first["image"], dataset[index]["image"])
        for frame in rest:
            for identity in set(np.unique(frame["instances"])) - {0}:
                then = first["mask"][first["instances"] == identity]
                now = frame["mask"][frame["instances"] == identity]
                assert not len(then) or set(then) == set(now)
            moved += (frame["instances"] != first["instances"]).sum()
    assert moved > 100


def test_shapes_hard_cases_are_what_they_say():
    tiny, usual = (
        data.class_pixels(data.load("shapes", "val", hard=h)) for h in ("tiny", None)
    )
    assert tiny[3:].sum() < 0.4 * usual[3:].sum()
    discs = data.load("shapes", "train", hard="scales", size=(128, 128), length=60)
    areas = [
        count
        for i in range(60)
        for count in np.unique(discs[i]["instances"], return_counts=True)[1][1:]
    ]
    assert np.percentile(areas, 95) / np.percentile(areas, 5) > 30  # radius 1:5.5
    alike = data.load("shapes", "val", hard="lookalike")
    for i in range(10):
        discs = alike[i]["mask"] > 0
        # The disc itself is grey, whatever its class.
        assert np.ptp(alike[i]["image"][discs].mean(0)) < 3
        assert len(np.unique(alike[i]["mask"][discs])) == 1
        assert not discs[: 96 // 3].any()


def test_two_hundred_scenes_in_a_blink():
    """Meant to take 2 s; the limit leaves room for a busy machine."""
    began = time.perf_counter()
    dataset = data.load("shapes", "train", size=(96, 96))
    for index in range(200):
        dataset[index]
    assert time.perf_counter() - began < 20


def test_shapes_refuse_nonsense():
    for options in (
        {"hard": "huge"},
        {"size": (8, 8)},
        {"seed": -1},
        {"seed": 0.5},
        {"length": 0},
        {"length": -3},
    ):
        with pytest.raises(InputError, match=next(iter(options)).replace("size", "32")):
            data.load("shapes", "train", **options)
    with pytest.raises(InputError, match="no split 'dev'"):
        data.load("shapes", "dev")
    with pytest.raises(IndexError):
        data.load("shapes", "val")[50]


# Transforms


def coordinates(height, width):
    """An image whose every pixel says where it came from, and a mask to match."""
    y, x = np.mgrid[:height, :width]
    return np.stack([y, x, y * 0], -1).astype(np.uint8), ((y + x) % 3).astype(np.uint8)


def test_image_and_mask_stay_together():
    image, mask = coordinates(50, 60)
    rng = np.random.default_rng(0)
    for _ in range(50):
        a, b = transforms.random_crop(image, mask, (24, 32), rng)
        if rng.random() < 0.5:
            a, b = transforms.flip(a, b)
        np.testing.assert_array_equal((a[..., 0].astype(int) + a[..., 1]) % 3, b)
        assert b.shape == (24, 32)


def test_padding_is_ignored_and_crops_hold_the_class_asked_for():
    image, mask = coordinates(20, 30)
    padded, labels = transforms.pad(image, mask, (32, 32))
    assert padded.shape == (32, 32, 3)
    assert (labels[20:] == 255).all() and (labels[:, 30:] == 255).all()
    np.testing.assert_array_equal(labels[:20, :30], mask)
    big, rare = np.zeros((100, 90, 3), np.uint8), np.zeros((100, 90), np.uint8)
    rare[97, 3] = 4
    rng = np.random.default_rng(1)
    for _ in range(30):
        assert 4 in transforms.random_crop(big, rare, (32, 32), rng, around=(4,))[1]


def test_labels_are_never_mixed():
    rng = np.random.default_rng(0)
    mask = np.zeros((40, 40), np.uint8)
    mask[10:30, 10:30] = 3
    image = rng.integers(0, 255, (40, 40, 3)).astype(np.uint8)
    for _ in range(20):
        scaled, labels = transforms.random_scale(image, mask, 0.4, 2.3, rng)
        assert scaled.shape[:2] == labels.shape
        assert set(np.unique(labels)) == {0, 3}
    one = transforms.resize_mask(mask, (20, 20))
    np.testing.assert_array_equal(one, mask[1::2, 1::2])  # pixel centres


def test_elastic_bends_image_and_mask_alike_and_smoothly():
    y, x = np.mgrid[:90, :70]
    ramp = np.stack([y, x, y + x], -1).astype(np.uint8)  # each pixel says where it was
    disc = ((y - 45) ** 2 + (x - 35) ** 2 < 400).astype(np.uint8)
    disc[:3] = 255
    rng, moved = np.random.default_rng(0), []
    for _ in range(100):
        image, mask = transforms.elastic(ramp, disc, rng, deviation=6)
        assert image.shape == ramp.shape and image.dtype == mask.dtype == np.uint8
        assert set(np.unique(mask)) <= {0, 1, 255}
        rows, columns = image[..., 0].astype(int), image[..., 1].astype(int)
        # The label is that of the pixel from which the colour came, to a pixel.
        inside = (rows > 4) & (rows < 86)
        distance = np.hypot(rows - 45, columns - 35)
        assert (mask[inside & (distance < 18)] == 1).all()
        assert (mask[inside & (distance > 22)] == 0).all()
        moved.append(rows - y)
        assert np.abs(np.diff(rows, axis=1)).max() <= 2, "no tears"
    moved = np.array(moved)[:, 20:70, 15:55]
    assert 2 < moved.std() < 8 and abs(moved.mean()) < 2


def test_elastic_of_nothing_changes_nothing():
    image, mask = coordinates(50, 60)
    rng = np.random.default_rng(0)
    bent, labels = transforms.elastic(image, mask, rng, deviation=0)
    np.testing.assert_array_equal(bent, image)
    np.testing.assert_array_equal(labels, mask)
    plain = transforms.Augment(crop=(32, 32))
    none = transforms.Augment(crop=(32, 32), elastic=0)
    one, two = (a(image, mask, np.random.default_rng(3)) for a in (plain, none))
    np.testing.assert_array_equal(one[0], two[0])


def test_to_array_has_mean_zero():
    image = np.tile(np.round(255 * transforms.MEAN).astype(np.uint8), (4, 5, 1))
    array = transforms.to_array(image)
    assert array.shape == (3, 4, 5) and array.dtype == np.float32
    assert np.abs(array).max() < 0.02


def test_augment_follows_the_generator_alone():
    image, mask = coordinates(50, 60)
    augment = transforms.Augment((32, 32), scale=(0.5, 2.0), rare=(2,), elastic=5)
    a, b, c = (augment(image, mask, np.random.default_rng(s)) for s in (7, 7, 8))
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(a[1], b[1])
    assert (a[0] != c[0]).any()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("crop", (0, 32)),
        ("crop", (-8, 32)),
        ("crop", (32.5, 32)),
        ("crop", 32),
        ("crop", (32, 32, 3)),
        ("crop", (10**6, 10**6)),
        ("scale", (1.5, 0.75)),
        ("scale", (0, 1)),
        ("scale", (1, float("inf"))),
        ("scale", (float("nan"), 1)),
        ("scale", (1e9, 1e9)),
        ("scale", 2),
        ("jitter", -0.1),
        ("jitter", float("nan")),
        ("rare_share", 1.1),
        ("rare_share", -0.1),
        ("elastic", -1),
        ("elastic", "much"),
    ],
)
def test_augment_refuses_nonsense(name, value):
    with pytest.raises(InputError, match="A size is" if name == "crop" else name):
        transforms.Augment(**{name: value})


@pytest.mark.parametrize("size", [(0, 9), (-1, 9), (9.5, 9), 9, (9, 9, 9), "ab", ()])
def test_sizes_are_two_whole_numbers(size):
    image, mask = coordinates(20, 30)
    for act in (
        lambda: data.load("shapes", "val", size=size),
        lambda: transforms.resize(image, mask, size),
        lambda: transforms.random_crop(image, mask, size, np.random.default_rng(0)),
    ):
        with pytest.raises(InputError, match="A size is"):
            act()


def test_arrays_that_are_no_sample_are_refused():
    image, mask = coordinates(20, 30)
    rng = np.random.default_rng(0)
    for bad, labels, words in (
        (image[..., 0], mask, "An image is"),
        (image[:0], mask[:0], "An image is"),
        (image, mask[:9], "The mask is"),
    ):
        with pytest.raises(InputError, match=words):
            transforms.random_crop(bad, labels, (8, 8), rng)
    for bad in (image[..., 0], image[:0]):
        with pytest.raises(InputError, match="An image is"):
            transforms.resize_image(bad, (8, 8))
    for bad in (mask[:0], image):
        with pytest.raises(InputError, match="A mask is"):
            transforms.resize_mask(bad, (8, 8))


def test_more_classes_than_a_byte_holds_are_refused():
    assert data.Pairs([], ["class"] * 254).num_classes == 254
    with pytest.raises(InputError, match="254 classes, not 255"):
        data.Pairs([], ["class"] * 255)
    for values in ({0: 2}, {-1: 0}, {2**16: 1}):
        with pytest.raises(InputError, match="`values` maps"):
            data.Pairs([], ["a", "b"], values=values)


# A user's folder


def test_folder_is_split_by_name_and_stays_so(folder):
    parts = {s: data.load(folder, s) for s in ("train", "val", "test")}
    names = {s: {p.name(i) for i in range(len(p))} for s, p in parts.items()}
    assert [len(names[s]) for s in ("train", "val", "test")] == [8, 1, 1]
    assert len(set.union(*names.values())) == 10
    assert parts["train"].classes == ["class 0", "class 1", "class 2"]
    assert any("255 is read as ignored" in note for note in parts["train"].notes)
    sample = parts["train"][0]
    assert sample["image"].shape == (40, 48, 3) and sample["mask"][0, 0] == 255
    assert data.check(folder) == []


def test_folder_lists_and_class_names(folder):
    (folder / "train.txt").write_text("0\n1.jpg\nimages/2.jpg masks/2.png\n\n")
    (folder / "test.txt").write_text("3\n")
    (folder / "classes.txt").write_text("ground\ncell\nwall\nrare\n")
    assert len(data.load(folder, "train")) == 3
    assert len(data.load(folder, "val")) == 0
    assert data.load(folder, "train").classes == ["ground", "cell", "wall", "rare"]
    (folder / "test.txt").write_text("3\nnowhere\n")
    with pytest.raises(InputError, match=r"test.txt: line 2 names 'nowhere'"):
        data.load(folder, "train")


@pytest.mark.parametrize(
    ("stored", "classes", "expected"),
    [
        ([0, 255], ["background", "foreground"], [0, 1]),
        ([0, 100, 200], ["value 0", "value 100", "value 200"], [0, 1, 2]),
        ([1, 2, 255], ["value 1", "value 2"], [0, 1, 255]),
        ([0, 1, 255], ["class 0", "class 1"], [0, 1, 255]),
    ],
)
def test_mask_values_are_understood_and_said(tmp_path, stored, classes, expected):
    for i in range(3):
        mask = np.resize(stored, (40, 40))
        write(tmp_path / f"images/{i}.png", np.zeros((40, 40, 3)))
        write(tmp_path / f"masks/{i}.png", mask)
    dataset = data.load(tmp_path, "train")
    assert dataset.classes == classes and dataset.notes
    np.testing.assert_array_equal(dataset.mask(0)[0, : len(stored)], expected)


def test_palette_masks_give_indices(tmp_path):
    mask = np.resize([0, 1, 2], (8, 8)).astype(np.uint8)
    picture = Image.fromarray(mask).convert("P")
    picture.putpalette([0, 0, 0, 200, 30, 30, 30, 30, 200])
    picture.save(tmp_path / "p.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "p.png"), mask)
    Image.fromarray(np.stack([mask] * 3, -1)).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "grey.png"), mask)
    Image.fromarray(mask == 1).save(tmp_path / "bits.png")
    assert set(np.unique(read_mask(tmp_path / "bits.png"))) == {0, 255}
    Image.fromarray(mask * np.uint16(300)).save(tmp_path / "deep.png")
    np.testing.assert_array_equal(
        read_mask(tmp_path / "deep.png"), mask * np.uint16(300)
    )
    with pytest.raises(InputError, match="colour picture"):
        picture.convert("RGB").save(tmp_path / "rgb.png")
        read_mask(tmp_path / "rgb.png")


def test_images_of_every_mode_become_rgb(tmp_path):
    grey = np.resize(np.arange(256), (16, 16)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "l.png")
    Image.fromarray(grey.astype(np.uint16) * 16).save(tmp_path / "i16.png")
    rgba = np.dstack([grey] * 4)
    Image.fromarray(rgba).save(tmp_path / "rgba.png")
    for name in ("l", "i16", "rgba"):
        image = read_image(tmp_path / f"{name}.png")
        assert image.shape == (16, 16, 3) and image.dtype == np.uint8
        np.testing.assert_array_equal(image[..., 0], grey)


def test_check_lists_every_problem_at_once(folder):
    write(folder / "masks/1.png", np.zeros((10, 10)))
    (folder / "images/2.jpg").write_bytes(b"no image")
    (folder / "images/3.jpg").unlink()
    (folder / "masks/4.png").unlink()
    (folder / "classes.txt").write_text("a\nb\nc\n")
    bad = np.zeros((40, 48))
    bad[12, 40] = 77
    write(folder / "masks/5.png", bad)
    problems = data.check(folder)
    assert len(problems) == 5
    for expected in (
        "1.png: the mask is 10 x 10 pixels but its image",
        "2.jpg: this is not an image",
        "3.png: no image of the same name",
        "4.jpg: no mask of the same name",
        "5.png: label 77 at row 12, column 40 (1 such pixels); classes are 0..2",
    ):
        assert any(expected in problem for problem in problems), (expected, problems)
    with pytest.raises(InputError, match="python -m segcore check"):
        data.load(folder, "train")


def test_illegal_labels_raise_when_read(folder):
    dataset = data.load(folder, "train")
    mask = np.zeros((40, 48))
    mask[3, 4] = 9
    write(dataset.pairs[0][1], mask)
    with pytest.raises(InputError, match="label 9 at row 3, column 4"):
        dataset[0]


# CamVid


@needs("camvid")
def test_camvid():
    sizes = {s: len(data.load("camvid", s)) for s in ("train", "val", "test")}
    assert sizes == {"train": 367, "val": 101, "test": 233}
    dataset = data.load("camvid", "val", size=(90, 120))
    sample = dataset[0]
    assert sample["image"].shape == (90, 120, 3)
    assert set(np.unique(sample["mask"])) <= {*range(11), 255}
    assert dataset.mask(0).shape == (360, 480)
    assert len(dataset.classes) == len(dataset.colours) == 11


def test_camvid_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.delenv("SEGCORE_DATA", raising=False)
    with pytest.raises(InputError, match="SEGCORE_DATA"):
        data.load("camvid", "train")
    with pytest.raises(InputError, match="CamVid is not there"):
        data.load("camvid", "train", root=tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        data.load("camvid", "train", root=tmp_path / "none")


# ISBI 2012 and the nuclei


@needs("isbi2012")
def test_isbi2012():
    train, val = data.load("isbi2012", "train"), data.load("isbi2012", "val")
    assert (len(train), len(val)) == (24, 6)
    assert not {a for a, _ in train.pairs} & {a for a, _ in val.pairs}
    assert [path.stem for path, _ in val.pairs] == [str(k) for k in range(24, 30)]
    sample = train[3]
    assert sample["image"].shape == (512, 512, 3) and sample["mask"].shape == (512, 512)
    assert set(np.unique(sample["mask"])) == {0, 1}, "255 means cell here, not ignored"
    # Membranes are dark lines and the smaller part.
    grey = sample["image"][..., 0]
    assert grey[sample["mask"] == 1].mean() < grey[sample["mask"] == 0].mean() - 30
    assert 0.1 < sample["mask"].mean() < 0.4
    with pytest.raises(InputError, match="no test split with a public truth"):
        data.load("isbi2012", "test")


@needs("nuclei")
def test_nuclei():
    parts = {split: data.load("nuclei", split) for split in data.splits("nuclei")}
    assert {k: len(v) for k, v in parts.items()} == {
        "train": 234,
        "val": 50,
        "test": 50,
    }
    names = [part.name(k) for part in parts.values() for k in range(len(part))]
    assert len(set(names)) == 334
    sample = parts["val"][0]
    assert sample["image"].shape == (256, 256, 3)
    assert ((sample["instances"] > 0) == (sample["mask"] == 1)).all()
    assert sample["instances"].dtype == np.uint16
    small = data.load("nuclei", "val", size=(64, 80))[0]
    assert small["instances"].shape == small["mask"].shape == (64, 80)
    assert ((small["instances"] > 0) == (small["mask"] == 1)).all()
    most = max(int(parts["train"][k]["instances"].max()) for k in range(0, 234, 9))
    assert most > 30


@pytest.mark.parametrize("name", ["isbi2012", "nuclei"])
def test_absent_sets_say_where_they_come_from(name, tmp_path):
    with pytest.raises(InputError, match="not there"):
        data.load(name, "train", root=tmp_path)


@needs("isbi2012")
def test_a_missing_slice_is_named(tmp_path):
    import shutil

    folder = shutil.copytree(
        os.path.join(os.environ["SEGCORE_DATA"], "isbi2012"), tmp_path / "isbi2012"
    )
    os.chmod(folder / "train/label", 0o755)
    (folder / "train/label/7.png").unlink()
    with pytest.raises(InputError, match="slice 7 lacks"):
        data.load("isbi2012", "train", root=tmp_path)
    assert len(data.load("isbi2012", "val", root=tmp_path)) == 6


# Cells that touch


def test_touching_cells_are_apart_in_the_mask():
    from scipy.ndimage import label

    dataset = data.load("shapes", "train", hard="touching")
    assert dataset.classes == ["background", "cell"] and len(dataset.colours) == 2
    for index in range(5):
        sample = dataset[index]
        inside = sample["instances"] > 0
        assert (inside == (sample["mask"] == 1)).all()
        regions, count = label(inside)
        assert count > 15
        # No region holds two cells.
        for region in range(1, count + 1):
            assert len(np.unique(sample["instances"][regions == region])) == 1
