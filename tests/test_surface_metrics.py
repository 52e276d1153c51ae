"""Surface distances, cases and lesions against independent code and by hand."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial.distance import cdist

from segcore.errors import InputError
from segcore.metrics import (
    average_surface_distance,
    dice_per_case,
    find_lesions,
    hausdorff_distance,
    score_case,
    surface_dice,
)


def pairs(count=100):
    """Mask pairs `[D, H, W]`, spacing unequal: blobs, specks, empty, full, equal."""
    rng = np.random.default_rng(17)
    for k in range(count):
        shape = rng.integers(3, 11, 3)
        fields = [gaussian_filter(rng.normal(size=shape), 1.2) for _ in range(2)]
        one, other = (f > np.quantile(f, rng.uniform(0.5, 0.98)) for f in fields)
        if k % 10 == 0:
            one = np.zeros_like(one)
        if k % 20 == 0 or k % 25 == 1:
            other = np.zeros_like(other)
        if k % 10 == 2:
            other = np.ones_like(other)
        if k % 10 == 3:
            other = one.copy()
        yield one, other, tuple(rng.uniform(0.4, 6, 3))


PAIRS = list(pairs())
FILLED = [p for p in PAIRS if p[0].any() and p[1].any()]


def test_the_pairs_hold_every_kind_of_emptiness():
    kinds = {(bool(a.any()), bool(b.any())) for a, b, _ in PAIRS}
    assert len(kinds) == 4 and len(FILLED) > 80


def outline(mask, spacing):
    """Places in mm of the voxels with one of six neighbours outside, the edge too."""
    padded = np.pad(mask, 1)
    places = []
    for place in np.argwhere(mask):
        z, y, x = place + 1
        around = [padded[z + s, y, x] for s in (-1, 1)]
        around += [padded[z, y + s, x] for s in (-1, 1)]
        around += [padded[z, y, x + s] for s in (-1, 1)]
        if not all(around):
            places.append(place * spacing)
    return np.array(places)


def test_outline_distances_by_hand():
    for one, other, spacing in FILLED:
        away = cdist(outline(one, spacing), outline(other, spacing))
        sides = [away.min(axis) for axis in (0, 1)]
        for percentile in (50, 95, 100):
            want = max(np.percentile(side, percentile) for side in sides)
            found = hausdorff_distance(one, other, percentile, spacing)
            assert found == pytest.approx(want, abs=1e-6)
        found = average_surface_distance(one, other, spacing)
        assert found == pytest.approx(np.concatenate(sides).mean(), abs=1e-6)


def test_outline_distances_equal_simpleitk():
    """Contours and distance maps by ITK's own code, in float32 (0 may be 2e-6)."""
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")

    def image(mask, spacing):
        made = sitk.GetImageFromArray(np.pad(mask, 1).astype(np.uint8))
        made.SetSpacing([float(side) for side in spacing[::-1]])
        return made

    for one, other, spacing in FILLED:
        contours = [sitk.LabelContour(image(m, spacing)) for m in (one, other)]
        maps = [
            np.abs(
                sitk.GetArrayFromImage(
                    sitk.SignedMaurerDistanceMap(
                        c, squaredDistance=False, useImageSpacing=True
                    )
                )
            )
            for c in contours
        ]
        edges = [sitk.GetArrayFromImage(c) > 0 for c in contours]
        sides = [maps[1][edges[0]], maps[0][edges[1]]]
        want = max(np.percentile(side.astype(float), 95) for side in sides)
        found = hausdorff_distance(one, other, 95, spacing)
        assert found == pytest.approx(want, rel=1e-6, abs=5e-6)
        mean = np.concatenate(sides).astype(float).mean()
        found = average_surface_distance(one, other, spacing)
        assert found == pytest.approx(mean, rel=1e-6, abs=5e-6)


def test_overlap_and_volume_equal_simpleitk():
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    for one, other, spacing in FILLED:
        images = [sitk.GetImageFromArray(m.astype(np.uint8)) for m in (one, other)]
        for image in images:
            image.SetSpacing(spacing[::-1])
        overlap = sitk.LabelOverlapMeasuresImageFilter()
        overlap.Execute(*images)
        shapes = [sitk.LabelShapeStatisticsImageFilter() for _ in images]
        for shape, image in zip(shapes, images):
            shape.Execute(image)
        volumes = [shape.GetPhysicalSize(1) / 1000 for shape in shapes]
        found = score_case(one, other, spacing)
        assert found["dice"] == pytest.approx(overlap.GetDiceCoefficient(), abs=1e-6)
        assert found["volume_ml"] == pytest.approx(volumes[1], abs=1e-6)
        error = volumes[0] - volumes[1]
        assert found["volume_error_ml"] == pytest.approx(error, abs=1e-6)


@pytest.mark.parametrize("tolerance", [0.5, 2.0, 5.0])
def test_surface_dice_equals_the_authors_code(tolerance, monkeypatch):
    theirs = pytest.importorskip(
        "surface_distance", reason="surface-distance is not installed"
    )
    # Their release is older than numpy 2.
    monkeypatch.setattr(np, "Inf", np.inf, raising=False)
    for one, other, spacing in PAIRS:
        distances = theirs.compute_surface_distances(other, one, spacing)
        with np.errstate(invalid="ignore"):
            want = theirs.compute_surface_dice_at_tolerance(distances, tolerance)
        found = surface_dice(one, other, tolerance, spacing)
        assert found == pytest.approx(float(want), abs=1e-6, nan_ok=True)


def test_surface_dice_by_hand():
    """Two boxes whose surfaces lie 4 mm apart along one axis only."""
    one, other = np.zeros((2, 20, 20, 20), bool)
    one[4:10, 4:16, 4:16] = True
    other[4:12, 4:16, 4:16] = True
    spacing = (2, 0.5, 0.5)
    assert surface_dice(one, one, 0, spacing) == 1
    assert surface_dice(one, other, 4, spacing) == 1
    # Of 816 square mm, one cap of 6 x 6 is 4 mm away from all of the smaller box, and
    # with it at most the half voxel (1 mm) of the sides that its edge belongs to.
    inside = surface_dice(one, other, 3.9, spacing)
    assert 1 - (36 + 24) / 816 < inside < 1 - 36 / 816


def test_empty_masks():
    empty, full = np.zeros((3, 4, 5), int), np.ones((3, 4, 5), int)
    for a, b in itertools.product((empty, full), repeat=2):
        row = score_case(a, b, (3, 1, 1))
        if a is full and b is full:
            assert row["dice"] == row["surface_dice"] == 1
            assert row["hausdorff_95_mm"] == row["surface_distance_mm"] == 0
        elif a is b:
            keys = ("dice", "surface_dice", "hausdorff_95_mm", "surface_distance_mm")
            assert all(np.isnan(row[key]) for key in keys)
            assert row["volume_ml"] == row["volume_error_ml"] == 0
        else:
            assert row["dice"] == row["surface_dice"] == 0
            assert row["hausdorff_95_mm"] == row["surface_distance_mm"] == np.inf
            assert row["volume_error_ml"] == (-0.18 if b is full else 0.18)


def test_dice_per_case_is_not_the_pooled_one():
    truth = np.zeros((3, 4, 4), int)
    truth[0] = 1
    truth[1, 0, 0] = 1
    said = truth.copy()
    said[1, 0, 0] = 0
    said[1, 3, 3] = 1
    rows = dice_per_case(said, truth)
    np.testing.assert_allclose(rows[:, 1], [1, 0, np.nan])
    np.testing.assert_allclose(rows[:, 0], [np.nan, 14 / 15, 1])
    truth[2], said[2] = 0, 1
    assert dice_per_case(said, truth)[2, 1] == 0, "a class that is not there"
    truth[2, :2] = 255
    assert dice_per_case([said[2] * 0], [truth[2]]).tolist()[0][0] == 1
    volumes = [np.zeros((2, 3, 4), int), np.zeros((5, 6, 7), int)]
    assert dice_per_case(volumes, volumes, 3).shape == (2, 3)
    with pytest.raises(InputError, match="label holds 2"):
        dice_per_case([volumes[0]], [volumes[0] + 2])
    with pytest.raises(ValueError, match="shorter"):
        dice_per_case(volumes, volumes[:1])


def test_lesions_by_hand():
    truth, said = np.zeros((2, 10, 20, 20), int)
    truth[1:3, 2:6, 2:6] = 1  # 32 voxels, 20 of them found
    said[1:3, 2:6, 2:4] = said[1, 2:6, 4] = 1
    truth[6, 10, 10] = truth[7, 11, 11] = 1  # one lesion: they share a corner
    truth[9, 19, 19] = 1  # touched only in part of nothing
    said[5, 0:2, 0:3] = 1  # a false alarm
    lesions, alarms = find_lesions(said, truth, (5, 1, 1))
    assert [row["found"] for row in lesions] == [True, False, False]
    assert lesions[0]["covered"] == 20 / 32
    assert [row["volume_ml"] for row in lesions] == [0.16, 0.01, 0.005]
    ball = 4 / 3 * np.pi * (lesions[0]["diameter_mm"] / 2) ** 3
    assert ball == pytest.approx(160)
    assert [row["volume_ml"] for row in alarms] == [0.03]
    assert not find_lesions(said, truth, (5, 1, 1), share=0.7)[0][0]["found"]
    assert find_lesions(said * 0, truth * 0, (1, 1, 1)) == ([], [])
    assert len(find_lesions(said, truth * 0, (1, 1, 1))[1]) == 2


def test_lesions_are_those_of_scikit_image():
    from skimage.measure import label, regionprops

    for one, other, spacing in PAIRS:
        lesions, alarms = find_lesions(one, other, spacing)
        regions = regionprops(label(other, connectivity=3))
        assert len(lesions) == len(regions)
        for row, region in zip(lesions, regions):
            inside = one[tuple(region.coords.T)]
            assert row["covered"] == inside.mean() and row["found"] == (
                inside.mean() >= 0.5
            )
            volume = region.area * np.prod(spacing) / 1000
            assert row["volume_ml"] == pytest.approx(volume)
        pieces = regionprops(label(one, connectivity=3))
        alone = [p for p in pieces if not other[tuple(p.coords.T)].any()]
        assert len(alarms) == len(alone)


def test_nonsense_is_refused():
    one = np.ones((3, 4, 5), int)
    for measure in (hausdorff_distance, average_surface_distance):
        with pytest.raises(InputError, match="at one size"):
            measure(one, one[1:])
        with pytest.raises(InputError, match="one length above 0"):
            measure(one, one, spacing=(1, 1))
    with pytest.raises(InputError, match="one length above 0"):
        surface_dice(one, one, 1, (0, 1, 1))
    with pytest.raises(InputError, match="volumes"):
        surface_dice(one[0], one[0], 1, (1, 1))
    with pytest.raises(InputError, match="one size"):
        find_lesions(one, one[1:], (1, 1, 1))
    with pytest.raises(InputError, match="share"):
        find_lesions(one, one, (1, 1, 1), share=0)
