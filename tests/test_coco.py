"""COCO's formats: others read what we write; what others wrote we read or refuse."""

import contextlib
import io
import json
import os
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as rle
from pycocotools.coco import COCO

from segcore.data import coco
from segcore.data.reading import read_mask
from segcore.errors import InputError

SAMPLE = os.path.join(os.environ.get("SEGCORE_DATA", ""), "coco_panoptic_sample")
CATEGORIES = coco.categories(["sky", "ball", "box"], things=(1, 2))
IMAGES = [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "b.jpg"}]
# One id a byte: red, green, blue.
IDS = np.array([[0, 3, 3, 3], [2**8, 2**8, 2**16 + 5, 0], [2**24 - 1, 0, 0, 0]])
SEGMENTS = [
    {"id": 2**8, "class_id": 2, "iscrowd": 0},
    {"id": 3, "class_id": 0, "iscrowd": 0},
    {"id": 2**24 - 1, "class_id": 1, "iscrowd": 1},
    {"id": 2**16 + 5, "class_id": 1, "iscrowd": 0},
]


def refused(call, *arguments):
    """The message of the `InputError` that a call raises: one printable line."""
    with pytest.raises(InputError) as raised:
        call(*arguments)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 500
    return str(raised.value)


@pytest.fixture
def written(tmp_path):
    """A panoptic file of two images, the second of them all void."""
    entries = [(IMAGES[0], IDS, SEGMENTS), (IMAGES[1], 0 * IDS[:2], [])]
    coco.write_panoptic(tmp_path / "p.json", CATEGORIES, entries)
    return tmp_path / "p.json"


def test_panoptic_comes_back(written):
    found = coco.read_panoptic(written)
    assert found.classes == ["sky", "ball", "box"] and found.things == [1, 2]
    assert [image["id"] for image in found.images] == [7, 9] and len(found) == 2
    ids, segments = found[0]
    np.testing.assert_array_equal(ids, IDS)
    assert sorted(segments, key=str) == sorted(SEGMENTS, key=str)
    ids, segments = found[1]
    assert ids.shape == (2, 4) and not ids.any() and not segments


def test_panoptic_as_another_program_reads_it(written):
    """Read by Pillow and json alone, by COCO's description of the format."""
    content = json.loads(written.read_text())
    category = {each["id"]: each for each in content["categories"]}
    image = {each["id"]: each for each in content["images"]}
    first, second = content["annotations"]
    assert second["segments_info"] == []
    r, g, b = np.moveaxis(np.array(Image.open(written.parent / "p/a.png")), 2, 0)
    ids = r.astype(int) + 256 * g.astype(int) + 256**2 * b.astype(int)
    np.testing.assert_array_equal(ids, IDS)
    assert first["file_name"] == "a.png"
    assert image[first["image_id"]] == {**IMAGES[0], "height": 3, "width": 4}
    for each in first["segments_info"]:
        ours = next(s for s in SEGMENTS if s["id"] == each["id"])
        assert each["category_id"] == ours["class_id"] + 1
        assert category[each["category_id"]]["isthing"] == (ours["class_id"] > 0)
        y, x = np.nonzero(each["id"] == ids)
        assert (each["area"], each["iscrowd"]) == (len(y), ours["iscrowd"])
        size = [np.ptp(x) + 1, np.ptp(y) + 1]
        assert each["bbox"] == [x.min(), y.min(), *size]


@pytest.mark.skipif(
    not os.path.isdir(SAMPLE),
    reason="SEGCORE_DATA names no folder that holds coco_panoptic_sample",
)
def test_the_public_sample_is_read_and_written_as_it_is(tmp_path):
    path = f"{SAMPLE}/sample_data/panoptic_examples.json"
    found = coco.read_panoptic(path)
    entries = [(image, *found[i]) for i, image in enumerate(found.images)]
    coco.write_panoptic(tmp_path / "again.json", found.categories, entries)
    with open(path, encoding="utf-8") as file:
        theirs = json.load(file)
    ours = json.loads((tmp_path / "again.json").read_text())
    assert ours["categories"] == theirs["categories"]
    assert ours["images"] == theirs["images"]
    for one, other in zip(ours["annotations"], theirs["annotations"]):
        for key in ("image_id", "file_name"):
            assert one[key] == other[key]
        in_order = [sorted(a["segments_info"], key=str) for a in (one, other)]
        listed = [{s["id"]: s for s in segments} for segments in in_order]
        assert listed[0] == listed[1] and len(listed[0]) > 10
    again = coco.read_panoptic(tmp_path / "again.json")
    for i in range(len(found)):
        np.testing.assert_array_equal(again[i][0], found[i][0])


def change(path, edit):
    """Edits the JSON file at `path` by a function."""
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def segment(content):
    return content["annotations"][0]["segments_info"][0]


SPOILT = {
    "no categories": (lambda c: c.pop("categories"), "no list 'categories'"),
    "empty categories": (lambda c: c.update(categories=[]), "needs categories"),
    "one category twice": (
        lambda c: c["categories"].append(c["categories"][0]),
        "each with its own id",
    ),
    "a category of text": (lambda c: c["categories"].append("dog"), "number 3"),
    "isthing 2": (lambda c: c["categories"][0].update(isthing=2), "'isthing'"),
    "no annotations": (lambda c: c.update(annotations=None), "no list 'annotations'"),
    "annotation of null": (lambda c: c["annotations"].append(None), "number 2"),
    "image twice": (lambda c: c["annotations"][0].update(image_id=9), "image twice"),
    "image of text": (lambda c: c["annotations"][0].update(image_id="7"), "image_id"),
    "upward": (lambda c: c["annotations"][0].update(file_name="../a.png"), "plain"),
    "absolute": (lambda c: c["annotations"][0].update(file_name="/etc/x"), "plain"),
    "on a drive": (lambda c: c["annotations"][0].update(file_name="C:a.png"), "plain"),
    "control": (lambda c: c["annotations"][0].update(file_name="\x1b[2J"), "plain"),
    "id 0": (lambda c: segment(c).update(id=0), "'id' outside of 1 to 16777215"),
    "huge id": (lambda c: segment(c).update(id=2**24), "'id' outside"),
    "id of 0.5": (lambda c: segment(c).update(id=0.5), "no whole number 'id'"),
    "id of true": (lambda c: segment(c).update(id=True), "no whole number 'id'"),
    "id twice": (lambda c: segment(c).update(id=2**8), "lists a segment twice"),
    "unknown category": (lambda c: segment(c).update(category_id=4), "category 4"),
    "iscrowd -1": (lambda c: segment(c).update(iscrowd=-1), "'iscrowd' outside"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_spoilt_json_is_refused(written, name):
    edit, message = SPOILT[name]
    change(written, edit)
    said = refused(coco.read_panoptic, written)
    assert message in said and "p.json" in said


def replaced(content, value, path):
    """`content` with `value` in place of what the numbers in `path` lead to."""
    keys = list(content) if isinstance(content, dict) else range(len(content))
    if not path or not keys:
        return value
    key = keys[path[0] % len(keys)]
    inner = content[key]
    if isinstance(inner, dict | list):
        value = replaced(inner, value, path[1:])
    copy = content.copy()
    copy[key] = value
    return copy


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=ANY, path=st.lists(st.integers(0, 9), max_size=6))
def test_any_value_anywhere_is_read_or_refused(written, value, path):
    sound = written.with_name("sound.json")
    if not sound.exists():
        shutil.copy(written, sound)
    content = replaced(json.loads(sound.read_text()), value, path)
    written.write_text(json.dumps(content))
    try:
        list(coco.read_panoptic(written))
    except InputError as error:
        assert str(error).isprintable() and len(str(error)) < 500


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"[" * 10**5, b"\xff\xfe", b'{"a": ' + b"9" * 5000 + b"}", b"7"],
)
def test_what_is_no_json_is_refused(tmp_path, content):
    (tmp_path / "p.json").write_bytes(content)
    assert "p.json" in refused(coco.read_panoptic, tmp_path / "p.json")


def test_a_missing_file_is_refused(written):
    assert "no such file" in refused(coco.read_panoptic, written.parent / "q.json")
    (written.parent / "p/a.png").unlink()
    assert "a.png: there is no such file" in refused(
        coco.read_panoptic(written).__getitem__, 0
    )


def test_pictures_that_do_not_fit_are_refused(written):
    def at_0():
        return coco.read_panoptic(written)[0]

    change(written, lambda c: segment(c).update(id=77))
    assert "segment 3 is in the picture, but not in the JSON" in refused(at_0)
    change(written, lambda c: segment(c).update(id=3))
    change(
        written,
        lambda c: c["annotations"][0]["segments_info"].append(
            {"id": 99, "category_id": 1}
        ),
    )
    assert "segment 99 is in the JSON file, but not in the picture" in refused(at_0)
    picture = written.parent / "p/a.png"
    Image.fromarray(np.zeros((3, 4), np.uint8)).save(picture)
    assert "in colours (RGB), not a PNG (L)" in refused(at_0)
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(picture, "JPEG")
    assert "not a JPEG" in refused(at_0)
    picture.write_bytes(b"GIF89a")
    assert "a.png" in refused(at_0)
    picture.unlink()
    picture.mkdir()
    assert "a folder" in refused(at_0)


def test_the_pictures_may_lie_elsewhere(written):
    shutil.move(written.parent / "p", written.parent / "elsewhere")
    found = coco.read_panoptic(written, written.parent / "elsewhere")
    np.testing.assert_array_equal(found[0][0], IDS)


@pytest.mark.parametrize(
    ("ids", "segments", "message"),
    [
        (IDS + 1, SEGMENTS, "16777216; ids go from 0 to 16777215"),
        (-IDS, SEGMENTS, "holds -3"),
        (IDS / 2, SEGMENTS, "float64"),
        (IDS, SEGMENTS[1:], "not those of the id map"),
        (IDS, [*SEGMENTS, SEGMENTS[0]], "not those of the id map"),
        (IDS, [{**each, "class_id": 3} for each in SEGMENTS], "no class 3"),
    ],
)
def test_bad_maps_are_not_written(tmp_path, ids, segments, message):
    path = tmp_path / "p.json"
    entries = [(IMAGES[0], ids, segments)]
    assert message in refused(coco.write_panoptic, path, CATEGORIES, entries)
    assert not path.exists()


def test_two_images_of_one_name_are_not_written(tmp_path):
    entries = [
        (IMAGES[0], IDS, SEGMENTS),
        ({"id": 1, "file_name": "a.png"}, IDS, SEGMENTS),
    ]
    said = refused(coco.write_panoptic, tmp_path / "p.json", CATEGORIES, entries)
    assert "a.png: two images" in said
    assert ".json" in refused(coco.write_panoptic, tmp_path / "p", CATEGORIES, [])


@settings(deadline=None)
@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 40))))
def test_run_lengths_are_those_of_pycocotools(mask):
    expected = rle.encode(np.asfortranarray(mask, np.uint8))
    found = coco.run_lengths(np.flatnonzero(mask.T), mask.shape)
    assert found == {**expected, "counts": expected["counts"].decode()}


def test_long_runs_are_those_of_pycocotools():
    mask = np.zeros((700, 900), bool)
    mask[5:600, 3] = mask[300:, 500:] = mask[:, 40] = True
    expected = rle.encode(np.asfortranarray(mask, np.uint8))["counts"].decode()
    assert coco.run_lengths(np.flatnonzero(mask.T), mask.shape)["counts"] == expected


def blocks(count, seed=0):
    rng = np.random.default_rng(seed)
    masks = np.zeros((count, 40, 30), bool)
    for mask in masks:
        top, left = rng.integers(0, 20, 2)
        mask[top : top + rng.integers(1, 20), left : left + rng.integers(1, 10)] = True
    return masks


def test_instances_are_read_by_pycocotools(tmp_path):
    masks, ids = blocks(3), np.zeros((25, 35), np.uint16)
    ids[2:9, 3:8], ids[9:20, 3:30] = 1, 3
    scores, classes = [0.25, 0.5, 0.75], [1, 2, 1]
    entries = [(IMAGES[0], masks, scores, classes), (IMAGES[1], ids, scores, classes)]
    path = tmp_path / "i.json"
    coco.write_instances(path, CATEGORIES, entries)
    with contextlib.redirect_stdout(io.StringIO()):
        found = COCO(str(path))
        results = found.loadRes(json.loads(path.read_text())["annotations"])
    assert found.loadCats(found.getCatIds()) == CATEGORIES
    expected = [*masks, ids == 1, ids == 3]
    for read in (found, results):
        listed = read.loadAnns(sorted(read.getAnnIds()))
        assert [a["image_id"] for a in listed] == [7, 7, 7, 9, 9]
        assert [a["category_id"] for a in listed] == [2, 3, 2, 2, 2]
        assert [a["score"] for a in listed] == [*scores, 0.25, 0.75]
        for annotation, mask in zip(listed, expected):
            np.testing.assert_array_equal(read.annToMask(annotation), mask)
            encoded = read.annToRLE(annotation)
            assert annotation["area"] == mask.sum() == rle.area(encoded)
            assert annotation["bbox"] == rle.toBbox(encoded).tolist()
    assert found.loadImgs(9)[0] == {**IMAGES[1], "height": 25, "width": 35}


def test_a_truth_without_scores_and_an_image_without_instances(tmp_path):
    nothing = np.zeros((0, 40, 30), bool)
    entries = [(IMAGES[0], blocks(1), None, [0]), (IMAGES[1], nothing, None, [])]
    coco.write_instances(tmp_path / "i.json", CATEGORIES, entries)
    content = json.loads((tmp_path / "i.json").read_text())
    assert len(content["images"]) == 2 and len(content["annotations"]) == 1
    assert "score" not in content["annotations"][0]


@pytest.mark.parametrize(
    ("masks", "scores", "classes", "message"),
    [
        (blocks(2), [0.5], [1, 1], "2 masks; give one class"),
        (blocks(2), None, [1], "2 masks"),
        (blocks(1), [np.nan], [1], "nan or inf"),
        (blocks(1), [0.5], [3], r"no class 3; classes are 0..2"),
        (blocks(1) * 0.5, [0.5], [1], "float64"),
        (blocks(1)[0] * 2, [0.5], [1], "holds 2; ids go from 0 to 1"),
    ],
)
def test_bad_instances_are_not_written(tmp_path, masks, scores, classes, message):
    path = tmp_path / "i.json"
    entries = [(IMAGES[0], masks, scores, classes)]
    assert message in refused(coco.write_instances, path, CATEGORIES, entries)
    assert not path.exists()


def test_ids_of_16_bits_come_back(tmp_path):
    ids = np.array([[0, 1, 255], [256, 257, 2**16 - 1]])
    coco.write_ids(tmp_path / "ids.png", ids)
    found = read_mask(tmp_path / "ids.png")
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, ids)
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "ids.png")), ids)
    for bad, message in (
        (ids + 1, "65536"),
        (-ids, "-1"),
        (ids[0], "[3]"),
        (ids / 3, "fl"),
    ):
        assert message in refused(coco.write_ids, tmp_path / "no.png", bad)
    assert not (tmp_path / "no.png").exists()
