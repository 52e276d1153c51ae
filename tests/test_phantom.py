"""The synthetic CT: repeatable, in LiTS' layout, and beyond grey and place alone."""

import os

import nibabel
import numpy as np
import pytest
from scipy.ndimage import label
from sklearn.ensemble import HistGradientBoostingClassifier

from segcore.data import lits, liver2d, phantom
from segcore.data.volumes import window
from segcore.errors import InputError
from segcore.metrics import dice_per_case

SEED = 400  # of no table


@pytest.fixture(scope="module")
def parts():
    """Windowed volumes and masks of 14 training and 6 validation cases."""
    return [
        [
            (case.image(), case.mask())
            for case in phantom.load(part, length=count, seed=SEED).cases
        ]
        for part, count in (("train", 14), ("val", 6))
    ]


def dice(predictions, cases, class_id):
    """Mean Dice by case; tumours are part of the liver."""
    truths = [truth >= class_id for _, truth in cases]
    return np.nanmean(dice_per_case(predictions, truths)[:, 1])


def test_cases_follow_from_their_seed():
    one, two = (phantom.load("val", length=2, seed=3, depth=8) for _ in range(2))
    others = [
        phantom.load("val", length=2, seed=4, depth=8),
        phantom.load("test", length=2, seed=3, depth=8),
    ]
    for index in (0, 9):
        np.testing.assert_array_equal(one[index]["image"], two[index]["image"])
        np.testing.assert_array_equal(one[index]["mask"], two[index]["mask"])
    for other in others:
        assert (one[4]["image"] != other[4]["image"]).any()
    assert (one.cases[0].image() != one.cases[1].image()).any()
    # Taking a later case first changes nothing.
    late = phantom.load("val", length=2, seed=3, depth=8).cases[1].image()
    np.testing.assert_array_equal(late, one.cases[1].image())


def test_samples_are_those_of_any_data_set():
    data = phantom.load("train", size=(64, 80), depth=10, length=3, neighbours=True)
    assert len(data) == 30 and len(phantom.load("train").cases) == 24
    sample = data[14]
    assert sample["image"].shape == (64, 80, 3) and sample["image"].dtype == np.uint8
    assert sample["mask"].shape == (64, 80) and sample["mask"].dtype == np.uint8
    assert (sample["case"], sample["slice"]) == ("phantom/train/1", 4)
    image = data.cases[1].image()
    np.testing.assert_array_equal(sample["image"], np.moveaxis(image[3:6], 0, -1))
    plain = phantom.load("train", size=(64, 80), depth=10, length=3)[14]["image"]
    np.testing.assert_array_equal(plain, image[4][..., None].repeat(3, -1))
    spacings = {case.spacing for case in data.cases}
    assert len(spacings) == 3, "voxels differ from case to case"
    assert data.having(1) and set(data.having(2)) <= set(data.having(1))
    for index in range(30):
        assert (1 in data.mask(index)) == (index in data.having(1))


def test_organs_are_where_they_belong():
    """One liver of a liver's size, on the patient's right; tumours of many sizes."""
    volumes, empty, diameters = [], 0, []
    for case in phantom.load("train", length=14, seed=SEED).cases:
        mask = case.mask()
        liver = mask > 0
        voxel = np.prod(case.spacing) / 1000
        volumes.append(liver.sum() * voxel)
        body = case.image().max(0) > 80
        assert np.nonzero(liver)[2].mean() < np.nonzero(body)[1].mean()
        pieces = np.bincount(label(liver)[0].ravel())[1:]
        assert pieces.max() > 0.9 * pieces.sum()
        numbers, count = label(mask == 2)
        empty += count == 0
        sizes = np.bincount(numbers.ravel())[1:] * voxel * 1000
        diameters += list((6 * sizes / np.pi) ** (1 / 3))
    # Millilitres; some livers are cut by the end of the scan.
    assert 500 < np.median(volumes) < 2500
    assert 0 < empty < 7
    assert min(diameters) < 10 and max(diameters) > 40


def test_grey_and_place_do_not_name_the_liver(parts):
    """Boosted trees on grey, row, column and slice stay far below a network's .9."""
    train, val = parts
    rng = np.random.default_rng(0)

    def values(image, kept=slice(None)):
        places = np.indices(image.shape).reshape(3, -1)
        return np.vstack([image.reshape(1, -1), places]).T[kept]

    rows, classes = [], []
    for image, truth in train:
        kept = rng.random(image.size) < 0.03
        rows.append(values(image, kept))
        classes.append(truth.ravel()[kept])
    model = HistGradientBoostingClassifier(max_iter=40, random_state=0)
    model.fit(np.concatenate(rows), np.concatenate(classes))
    chances = [model.predict_proba(values(image)) for image, _ in val]
    for class_id, most in ((1, 0.75), (2, 0.3)):
        for least in (0.15, 0.3, 0.5):
            said = [
                (chance[:, class_id:].sum(1) > least).reshape(image.shape)
                for chance, (image, _) in zip(chances, val)
            ]
            assert dice(said, val, class_id) < most


@pytest.mark.parametrize(("class_id", "most"), [(1, 0.65), (2, 0.25)])
def test_no_threshold_finds_liver_or_tumours(parts, class_id, most):
    """The best pair of thresholds, chosen on the cases that it is scored on."""
    _, val = parts
    wanted, all_ = (
        sum(np.bincount(image[chosen(truth)], minlength=256) for image, truth in val)
        for chosen in (lambda t: t >= class_id, lambda t: t >= 0)
    )
    hits, voxels = (np.concatenate([[0], np.cumsum(h)]) for h in (wanted, all_))
    low, high = np.triu_indices(257, 1)
    scores = 2 * (hits[high] - hits[low]) / (voxels[high] - voxels[low] + wanted.sum())
    best = scores.argmax()
    said = [(image >= low[best]) & (image < high[best]) for image, _ in val]
    assert scores[best] < most and dice(said, val, class_id) < most


def test_another_scanner_sees_the_same_patients():
    a, b = (phantom.load("val", length=3, scanner=s, seed=SEED) for s in "AB")
    for one, other in zip(a.cases, b.cases):
        np.testing.assert_array_equal(one.mask(), other.mask())
        (hu_a, mask), (hu_b, _) = one.voxels(), other.voxels()
        inside = mask == 1
        assert hu_b[inside].std() > hu_a[inside].std() + 5
        # 25 HU more, of 85 % of the contrast.
        want = 0.85 * hu_a[inside].mean() + 25
        assert hu_b[inside].mean() == pytest.approx(want, abs=1)
        assert hu_a.dtype == np.int16 and hu_a.min() < -900
    with pytest.raises(InputError, match="no scanner 'C'"):
        phantom.load("val", scanner="C")
    with pytest.raises(InputError, match="at least 4 slices of 32 x 32"):
        phantom.load("val", size=(16, 96))


def test_written_cases_are_read_as_lits(tmp_path):
    phantom.write(tmp_path, length=4, size=(48, 64), depth=8, seed=SEED)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        f"{part}-{k}.nii" for part in ("volume", "segmentation") for k in range(4)
    }
    data = lits.read(tmp_path, "all")
    orders = set()
    for k, case in enumerate(data.cases):
        made = phantom.Case(case.name, [SEED, 3, k], (8, 48, 64))
        hu, mask = made.voxels()
        np.testing.assert_array_equal(case.volume.hu(), hu)
        np.testing.assert_array_equal(case.image(), window(hu, *lits.WINDOW))
        np.testing.assert_array_equal(case.mask(), mask)
        assert case.spacing == pytest.approx(made.spacing, rel=1e-6)
        image = nibabel.load(case.volume.path)
        orders.add(nibabel.aff2axcodes(image.affine))
    assert len(orders) == 3 and data.notes == [] and lits.problems(tmp_path) == []


# Real slices


@pytest.mark.skipif(
    not os.path.isdir(os.path.join(os.environ.get("SEGCORE_DATA", ""), "liver2d")),
    reason="SEGCORE_DATA names no folder that holds liver2d",
)
def test_liver2d():
    sizes, cases = {}, {}
    for part in ("train", "val", "test"):
        data = liver2d.load(part)
        sizes[part] = len(data)
        cases[part] = {data.case(k) for k in range(len(data))}
    assert sizes == {"train": 436, "val": 55, "test": 132}
    assert [len(c) for c in cases.values()] == [86, 12, 24]
    assert len(set.union(*cases.values())) == 122
    sample = liver2d.load("test", size=(64, 96))[7]
    assert sample["image"].shape == (64, 96, 3) and sample["mask"].shape == (64, 96)
    assert f"{sample['case']}_{sample['slice']}.png" in sample["name"]
    # Upright: the liver left of the middle, and the spine's bright bone below it.
    columns, rows = [], []
    for index in range(0, 132, 6):
        sample = data[index]
        columns.append(np.nonzero(sample["mask"])[1].mean())
        rows.append(np.nonzero(sample["image"][..., 0] > 240)[0].mean())
        assert (sample["mask"] == data.mask(index)).all()
    assert np.mean(columns) < 110 and np.mean(rows) > 120


@pytest.mark.skipif(
    not os.path.isdir(os.path.join(os.environ.get("SEGCORE_DATA", ""), "liver2d")),
    reason="SEGCORE_DATA names no folder that holds liver2d",
)
def test_liver2d_split_by_slice_leaks_cases():
    for seed in (0, 1):
        for by in ("case", "slice"):
            parts = [liver2d.load(p, split_by=by, seed=seed) for p in lits.PARTS]
            names = [{p.name(k) for k in range(len(p))} for p in parts]
            cases = [{p.case(k) for k in range(len(p))} for p in parts]
            assert len(set.union(*names)) == sum(map(len, parts)) == 623
            shared = cases[0] & cases[2]
            if by == "case":
                assert [len(c) for c in cases] == [86, 12, 24] and not shared
            else:
                assert [len(p) for p in parts] == [436, 55, 132]
                assert len(shared) > 50
    one, two = (liver2d.load("test", split_by="slice", seed=s) for s in (0, 1))
    assert one.pairs != two.pairs
    with pytest.raises(InputError, match='"case" or "slice"'):
        liver2d.load("test", split_by="patient")


def test_liver2d_says_what_is_missing(tmp_path):
    with pytest.raises(InputError, match="liver2d is not there"):
        liver2d.load("train", root=tmp_path)
