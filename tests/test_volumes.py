"""CT volumes: orientation there and back, broken files, lazy reading, LiTS' layouts."""

import gzip
import itertools
import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel
import numpy as np
import pytest
from nibabel import orientations
from scipy.spatial.transform import Rotation

from segcore.data import lits, volumes
from segcore.data.volumes import Volume, shape_at, slice_image, window
from segcore.errors import InputError

# As `Volume` gives it: upward, to the back, to the left.
SHAPE, SPACING = (3, 4, 5), (5.0, 0.7, 0.9)
HU = (np.arange(60).reshape(SHAPE) * 7 - 200).astype(np.int16)
PLACE = (-20.0, 31.5, 400.0)
ORDERS = [
    np.array(list(zip(axes, flips)))
    for axes in itertools.permutations(range(3))
    for flips in itertools.product((1, -1), repeat=3)
]


def affine_of(spacing=SPACING, turn=(0, 0, 0)):
    """From `(d, h, w)` to the scanner, turned by angles in degrees."""
    axes = np.array([[0, 0, -1], [0, -1, 0], [1, 0, 0]]) * spacing
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() @ axes
    affine[:3, 3] = PLACE
    return affine


def image_of(values=HU, affine=None):
    return nibabel.Nifti1Image(values, affine_of() if affine is None else affine)


def save(path, values=HU, affine=None, change=None):
    """A NIfTI file at `path`, its header changed by `change(header)`; the path."""
    image = image_of(values, affine)
    if change:
        header = image.header.copy()
        change(header)
        image = nibabel.Nifti1Image(values, None, header)
        # What nibabel forgets for a new image, and then keeps.
        image.header.set_slope_inter(*header.get_slope_inter())
    nibabel.save(image, path)
    return path


# There and back


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("turn", [(0, 0, 0), (12, -20, 25)])
def test_all_48_axis_orders_there_and_back(tmp_path, suffix, turn):
    assert len(ORDERS) == 48
    affine, shapes = affine_of(turn=turn), set()
    for number, order in enumerate(ORDERS):
        stored = image_of(affine=affine).as_reoriented(order)
        path = tmp_path / f"{number}{suffix}"
        nibabel.save(stored, path)
        volume = Volume(path)
        np.testing.assert_array_equal(volume.hu(), HU)
        np.testing.assert_allclose(volume.spacing, SPACING, rtol=1e-6)
        np.testing.assert_allclose(volume.affine, affine, atol=1e-4)

        back = tmp_path / f"mask-{number}{suffix}"
        volume.write_mask(back, HU > 50)
        mask = nibabel.load(back)
        np.testing.assert_array_equal(mask.affine, nibabel.load(path).affine)
        np.testing.assert_array_equal(
            np.asarray(mask.dataobj), np.asarray(stored.dataobj) > 50
        )
        assert mask.get_data_dtype() == np.uint8
        np.testing.assert_array_equal(Volume(back).labels(2), HU > 50)
        shapes.add((mask.shape, nibabel.aff2axcodes(mask.affine)))
    assert len(shapes) == 48


def test_another_reader_sees_mask_and_volume_in_one_place(tmp_path):
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    for number, order in enumerate(ORDERS):
        path = tmp_path / f"{number}.nii.gz"
        turned = image_of(affine=affine_of(turn=(5, 10, -15))).as_reoriented(order)
        nibabel.save(turned, path)
        volume = Volume(path)
        volume.write_mask(tmp_path / "mask.nii.gz", HU > 50)
        ct, mask = (sitk.ReadImage(p) for p in (path, tmp_path / "mask.nii.gz"))
        assert ct.GetSize() == mask.GetSize()
        assert ct.GetSpacing() == mask.GetSpacing()
        assert ct.GetOrigin() == mask.GetOrigin()
        assert ct.GetDirection() == mask.GetDirection()
        np.testing.assert_array_equal(
            sitk.GetArrayFromImage(mask), sitk.GetArrayFromImage(ct) > 50
        )
        # ITK's first two axes run the other way: to the left and to the back.
        place = (1, 3, 2)
        ours = volume.affine @ (*place, 1) * (-1, -1, 1, 1)
        index = ct.TransformPhysicalPointToIndex(ours[:3].tolist())
        assert ct.GetPixel(index) == HU[place]


def test_volumes_within_a_plane_are_as_a_radiologist_sees_them(tmp_path):
    """A voxel in front, on the patient's right, at the feet comes first."""
    ras = np.zeros((6, 5, 4), np.int16)
    ras[-1, -1, 0] = 1000
    path = save(tmp_path / "v.nii", ras, np.diag([1, 2, 3, 1]))
    volume = Volume(path)
    assert volume.shape == (4, 5, 6) and volume.spacing == (3, 2, 1)
    assert volume.hu()[0, 0, 0] == 1000


@pytest.mark.parametrize("codes", [(0, 1), (1, 0), (1, 1), (2, 4), (0, 0)])
def test_header_keeps_both_of_its_places(tmp_path, codes):
    def change(header):
        header.set_qform(affine_of(turn=(0, 0, 5)), codes[0])
        header.set_sform(affine_of(turn=(0, 0, 5)), codes[1])

    path = save(tmp_path / "v.nii", change=change)
    before = nibabel.load(path).header
    volume = Volume(path)
    volume.write_mask(tmp_path / "m.nii", volume.hu() > 0)
    after = nibabel.load(tmp_path / "m.nii").header
    assert (int(before["qform_code"]), int(before["sform_code"])) == codes
    for key in before:
        if key not in ("datatype", "bitpix", "scl_slope", "scl_inter", "descrip"):
            np.testing.assert_array_equal(before[key], after[key], err_msg=key)


def test_slope_and_intercept(tmp_path):
    def change(header):
        header.set_slope_inter(0.5, -1024)

    for suffix in volumes.SUFFIXES:
        path = save(tmp_path / f"v{suffix}", (HU + 1024) * 2, change=change)
        raw = nibabel.load(path).dataobj
        assert (raw.slope, raw.inter) == (0.5, -1024)
        np.testing.assert_array_equal(raw.get_unscaled(), (HU + 1024) * 2)
        np.testing.assert_array_equal(Volume(path).hu(), HU)
        Volume(path).write_mask(tmp_path / f"m{suffix}", HU > 0)
        np.testing.assert_array_equal(Volume(tmp_path / f"m{suffix}").labels(2), HU > 0)


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_four_axes_with_one_volume(tmp_path, shape):
    path = save(tmp_path / "v.nii.gz", HU.reshape(*SHAPE, *shape))
    np.testing.assert_array_equal(Volume(path).hu(), HU)
    Volume(path).write_mask(tmp_path / "m.nii", HU > 0)
    assert nibabel.load(tmp_path / "m.nii").shape == SHAPE


@pytest.mark.parametrize(
    "kind", ["u1", "i1", "i2", "u2", "i4", "f4", "f8", ">i2", ">f4"]
)
def test_every_kind_of_number(tmp_path, kind):
    values = np.abs(HU % 100).astype(kind)
    header = nibabel.Nifti1Header(endianness=">" if ">" in kind else "<")
    header.set_data_dtype(kind)
    nibabel.save(nibabel.Nifti1Image(values, affine_of(), header), tmp_path / "v.nii")
    np.testing.assert_array_equal(Volume(tmp_path / "v.nii").hu(), values)
    Volume(tmp_path / "v.nii").write_mask(tmp_path / "m.nii", HU > 0)
    np.testing.assert_array_equal(Volume(tmp_path / "m.nii").labels(2), HU > 0)


def test_nifti_2_and_micrometres(tmp_path):
    image = nibabel.Nifti2Image(HU, affine_of())
    image.header.set_xyzt_units("micron")
    nibabel.save(image, tmp_path / "v.nii")
    volume = Volume(tmp_path / "v.nii")
    np.testing.assert_allclose(volume.spacing, np.array(SPACING) / 1000)
    volume.write_mask(tmp_path / "m.nii", HU > 0)
    assert isinstance(nibabel.load(tmp_path / "m.nii"), nibabel.Nifti2Image)


def test_files_are_read_in_pieces(tmp_path, monkeypatch):
    path = save(tmp_path / "v.nii.gz")
    monkeypatch.setattr(volumes, "PIECE", 2 * 3 * 4 * 2)
    volume = Volume(path)
    assert [start for start, _ in volume._pieces()] == [0, 2, 4]
    np.testing.assert_array_equal(volume.hu(), HU)


# Broken files


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def corrupt(path):
    """The last byte of gzip's checksum."""
    content = bytearray(path.read_bytes())
    content[-5] ^= 255
    path.write_bytes(content)


def noisy():
    return np.random.default_rng(0).integers(-1000, 1000, (20, 30, 40)).astype(np.int16)


def with_value(value):
    values = HU.astype(np.float32)
    values[1, 2, 3] = value
    return values


def header_bytes(path, **fields):
    """The header of the file at `path` written again with other fields, unchecked."""
    content = path.read_bytes()
    header = nibabel.Nifti1Header(content[:348], check=False)
    for key, value in fields.items():
        header[key] = value
    path.write_bytes(header.binaryblock + content[348:])


BROKEN = {
    "truncated gzip": (
        "v.nii.gz",
        lambda p: (save(p, noisy()), cut(p)),
        "cannot be read to its end .*again",
    ),
    "checksum": ("v.nii.gz", lambda p: (save(p, noisy()), corrupt(p)), "CRC.*again"),
    "truncated": ("v.nii", lambda p: (save(p), cut(p)), "too short for the 3 x 4 x 5"),
    "not packed": (
        "v.nii.gz",
        lambda p: (save(p.with_name("w.nii")), p.with_name("w.nii").rename(p)),
        "cannot be read to its end .*[Gg]zip",
    ),
    "text": ("v.nii", lambda p: p.write_text("no volume " * 99), "no NIfTI file"),
    "nothing": ("v.nii", lambda p: p.write_bytes(b""), "no NIfTI file"),
    "packed nothing": ("v.nii.gz", lambda p: p.write_bytes(b""), "no NIfTI file"),
    "a folder": ("v.nii", lambda p: p.mkdir(), "a folder"),
    "no file": ("v.nii", lambda p: None, "no such file"),
    "a picture": ("v.png", lambda p: p.write_bytes(b"x"), "NIfTI files, .nii or"),
    "an endless claim": (
        "v.nii",
        lambda p: (save(p), header_bytes(p, dim=[3, 30000, 30000, 30000, 1, 1, 1, 1])),
        "30000 x 30000 x 30000 voxels .* the most is 536870912",
    ),
    "a large claim, packed": (
        "v.nii.gz",
        lambda p: (
            save(p.with_suffix("")),
            header_bytes(p.with_suffix(""), dim=[3, 512, 512, 1000, 1, 1, 1, 1]),
            p.write_bytes(gzip.compress(p.with_suffix("").read_bytes())),
        ),
        "too short for the 512 x 512 x 1000",
    ),
    "voxels beyond the end": (
        "v.nii",
        lambda p: (save(p), header_bytes(p, vox_offset=1e9)),
        "from byte 1000000000 on",
    ),
    "negative sizes": (
        "v.nii",
        lambda p: (save(p), header_bytes(p, dim=[3, -3, 4, 5, 1, 1, 1, 1])),
        "three axes",
    ),
    "no voxels": (
        "v.nii",
        lambda p: (save(p), header_bytes(p, dim=[3, 3, 0, 5, 1, 1, 1, 1])),
        "three axes with voxels",
    ),
    "one value": ("v.nii", lambda p: save(p, HU * 0), "empty, every voxel is 0"),
    "two axes": ("v.nii", lambda p: save(p, HU[0]), "three axes .* 4 x 5"),
    "two volumes": ("v.nii", lambda p: save(p, np.stack([HU, HU], -1)), "x 5 x 2"),
    "colours": (
        "v.nii",
        lambda p: save(p, np.zeros(SHAPE, [(c, "u1") for c in "RGB"])),
        "not plain numbers",
    ),
    "complex": ("v.nii", lambda p: save(p, HU.astype("c8")), "not plain numbers"),
    "half a pair": (
        "v.nii",
        lambda p: (save(p), header_bytes(p, magic=b"ni1")),
        "of one part",
    ),
    "NaN": ("v.nii", lambda p: save(p, with_value(np.nan)), r"\(1, 2, 3\) is nan"),
    "infinity": (
        "v.nii",
        lambda p: save(p, with_value(np.inf)),
        "is inf, not a number",
    ),
    "spacing 0": (
        "v.nii",
        lambda p: (save(p), header_bytes(p, srow_z=[0, 0, 0, 400])),
        "0 x 0.7 x 0.9; it must be above 0 mm",
    ),
    "spacing 0 without affine": (
        "v.nii",
        lambda p: (
            save(p),
            header_bytes(p, sform_code=0, pixdim=[1, 0, 1, 1, 0, 0, 0, 0]),
        ),
        "0 x 1 x 1; it must be above 0 mm",
    ),
    "affine of NaN": (
        "v.nii",
        lambda p: (save(p), header_bytes(p, srow_x=[np.nan] * 4)),
        "above 0 mm",
    ),
    "tilted": (
        "v.nii",
        lambda p: save(p, affine=affine_of() + np.eye(4)[[1, 2, 0, 3]] * 0.5),
        "right angles",
    ),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_are_named_in_one_sentence(tmp_path, kind, capfd):
    name, make, message = BROKEN[kind]
    path = tmp_path / name
    make(path)
    tracemalloc.start()
    with pytest.raises(InputError, match=message) as error:
        Volume(path).windowed(60, 400)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    text = str(error.value)
    assert name in text and "\n" not in text and text.endswith(".")
    assert most < 2e7, "what the header claims is not laid out in memory"
    assert capfd.readouterr() == ("", ""), "nibabel's own words are not shown"


def test_a_bomb_is_unpacked_no_further_than_its_header_says(tmp_path):
    plain = save(tmp_path / "v.nii").read_bytes()
    bomb = tmp_path / "bomb.nii.gz"
    with gzip.open(bomb, "wb", compresslevel=1) as file:
        file.write(plain)
        for _ in range(100):
            file.write(bytes(2**21))
    assert bomb.stat().st_size < 2e6
    tracemalloc.start()
    np.testing.assert_array_equal(Volume(bomb).hu(), HU)
    assert tracemalloc.get_traced_memory()[1] < 2e7
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.37, r"holds 0.37 at voxel \(1, 2, 3\); classes are 0..2. Resample masks by"),
        (np.nan, "holds nan"),
        (np.inf, "holds inf"),
        (7, "holds 7 .*Relabel"),
        (-1, "holds -1"),
    ],
)
def test_masks_hold_class_ids_alone(tmp_path, value, message):
    mask = (HU > 0).astype(np.float32)
    path = save(tmp_path / "m.nii.gz", mask)
    np.testing.assert_array_equal(Volume(path).labels(3), HU > 0)
    mask[1, 2, 3] = value
    save(path, mask)
    with pytest.raises(InputError, match=message):
        Volume(path).labels(3)
    mask[1, 2, 3] = 255
    save(path, mask)
    assert Volume(path).labels(3)[1, 2, 3] == 255


def test_masks_that_do_not_fit_are_not_written(tmp_path):
    volume = Volume(save(tmp_path / "v.nii"))
    with pytest.raises(InputError, match="resize the mask"):
        volume.write_mask(tmp_path / "m.nii", np.zeros((3, 4, 6), np.uint8))
    with pytest.raises(InputError, match=r"name it \.nii"):
        volume.write_mask(tmp_path / "m.png", HU > 0)
    assert [p.name for p in tmp_path.iterdir()] == ["v.nii"]


# Windows, slices, sizes


def test_window_by_hand():
    hu = [-1000, -140, 60, 61, 259, 260, 3000]
    assert window(hu, 60, 400).tolist() == [0, 0, 128, 128, 254, 255, 255]


def test_slices_with_and_without_neighbours():
    volume = np.arange(5, dtype=np.uint8).repeat(6).reshape(5, 2, 3)
    assert slice_image(volume, 2).shape == (2, 3, 3)
    assert slice_image(volume, 2)[0, 0].tolist() == [2, 2, 2]
    assert slice_image(volume, 2, True)[0, 0].tolist() == [1, 2, 3]
    assert slice_image(volume, 0, True)[0, 0].tolist() == [0, 0, 1]
    assert slice_image(volume, 4, True)[0, 0].tolist() == [3, 4, 4]


def test_resampling_keeps_places_and_labels():
    shape = shape_at((10, 20, 30), (5, 1, 2), (2.5, 2, 2))
    assert shape == (20, 10, 30)
    ramp = np.indices((10, 20, 30)).astype(np.float32)
    for axis, (new, old) in enumerate(zip(shape, (10, 20, 30))):
        resized = volumes.resize(ramp[axis], shape)
        want = (np.indices(shape)[axis] + 0.5) * old / new - 0.5
        inner = tuple(slice(2, -2) for _ in shape)
        np.testing.assert_allclose(resized[inner], want[inner], atol=0.02)
    rng = np.random.default_rng(0)
    mask = (2 * (rng.random((10, 20, 30)) > 0.5)).astype(np.uint8)
    larger = volumes.resize(mask, (20, 40, 60), labels=True)
    np.testing.assert_array_equal(larger, mask.repeat(2, 0).repeat(2, 1).repeat(2, 2))
    np.testing.assert_array_equal(volumes.resize(larger, mask.shape, labels=True), mask)
    assert volumes.resize(mask, (5, 9, 7)).dtype == np.uint8


# LiTS


def masks():
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:, 1:] = 1
    mask[2, 2] = 2
    return mask


def lits_folder(folder, count=10, suffix=".nii"):
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(count):
        save(folder / f"volume-{k}{suffix}", HU + k)
        save(folder / f"segmentation-{k}{suffix}", masks())
    return folder


def test_lits_layouts_are_one(tmp_path):
    lits_folder(tmp_path / "one/Training Batch 1")
    for a, b in (("imagesTr", "labelsTr"), ("images", "masks")):
        folder = tmp_path / a
        for k in range(10):
            for sub, values in ((a, HU + k), (b, masks())):
                (folder / sub).mkdir(parents=True, exist_ok=True)
                save(folder / sub / f"liver_{k}.nii.gz", values)
                (folder / sub / f"._liver_{k}.nii.gz").write_bytes(b"apple")
    for folder in (tmp_path / "one", tmp_path / "imagesTr", tmp_path / "images"):
        data = lits.read(folder, "all")
        assert len(data.cases) == 10 and len(data) == 30 and data.notes == []
        sample = data[3 * 4 + 2]
        assert sample["case"] == data.cases[4].name and sample["slice"] == 2
        assert sample["name"].endswith("4/2") and sample["image"].dtype == np.uint8
        np.testing.assert_array_equal(
            sample["image"][..., 0], window(HU[2] + 4, 60, 400)
        )
        np.testing.assert_array_equal(sample["mask"], masks()[2])
        np.testing.assert_array_equal(data.mask(14), masks()[2])
        assert lits.problems(folder) == []
        assert data.num_classes == len(data.colours) == 3
        assert data.having(2) == [3 * k + 2 for k in range(10)]
        parts = [lits.read(folder, part) for part in ("train", "val", "test")]
        names = [{case.name for case in part.cases} for part in parts]
        assert [len(n) for n in names] == [7, 1, 2] and len(set.union(*names)) == 10


def test_lits_neighbours_and_size(tmp_path):
    data = lits.read(lits_folder(tmp_path, 1), "train", (8, 10), neighbours=True)
    assert data.cases[0].shape == (3, 8, 10)
    assert data.cases[0].spacing == pytest.approx((5, 0.35, 0.45))
    sample = data[1]
    assert sample["image"].shape == (8, 10, 3) and sample["mask"].shape == (8, 10)
    assert sample["image"].mean((0, 1)).argsort().tolist() == [0, 1, 2]
    assert set(np.unique(sample["mask"])) == {0, 1}


@pytest.mark.parametrize(
    ("count", "parts"), [(1, [1, 0, 0]), (2, [1, 0, 1]), (3, [1] * 3)]
)
def test_few_cases(tmp_path, count, parts):
    folder = lits_folder(tmp_path, count)
    sizes = [len(lits.read(folder, part).cases) for part in ("train", "val", "test")]
    assert sizes == parts


def test_lits_lists(tmp_path):
    folder = lits_folder(tmp_path, 3)
    (folder / "train.txt").write_text("volume-2\nvolume-0.nii\n\n")
    (folder / "test.txt").write_text("volume-1\n")
    names = [case.name for case in lits.read(folder, "train").cases]
    assert names == ["volume-2", "volume-0"] and not len(lits.read(folder, "val"))
    (folder / "val.txt").write_text("volume-1\n")
    with pytest.raises(InputError, match=r"test.txt: case 'volume-1' .* val.txt too"):
        lits.read(folder, "train")
    (folder / "val.txt").write_text("volume-7\n")
    with pytest.raises(InputError, match="'volume-7', and there is no such case"):
        lits.read(folder, "train")
    assert len(lits.problems(folder)) == 1


def test_other_cases_go_on_where_some_are_broken(tmp_path):
    folder = lits_folder(tmp_path, 7)
    cut(folder / "volume-0.nii")
    save(folder / "segmentation-1.nii", masks()[:2])
    save(folder / "segmentation-2.nii", masks() * 0.3)
    save(folder / "volume-3.nii", with_value(np.nan))
    (folder / "segmentation-4.nii").unlink()
    (folder / "volume-5.nii").unlink()
    found = lits.problems(folder)
    assert len(found) == 6
    for words in (
        "volume-0.nii: the file is too short",
        "segmentation-1.nii: the mask is 2 x 4 x 5 voxels but its volume",
        "segmentation-2.nii: the mask holds 0.3",
        "volume-3.nii: voxel (1, 2, 3) is nan",
        "volume-4.nii: it has no partner in segmentation-N.nii",
        "segmentation-5.nii: it has no partner in volume-N.nii",
    ):
        assert any(words in problem for problem in found), (words, found)
    with pytest.raises(InputError, match="no partner"):
        lits.read(folder, "train")


def test_a_mask_in_another_place(tmp_path):
    """Refused in a user's folder; read voxel for voxel, and said, in LiTS' own."""
    other = np.diag([1.0, 1, 1, 1])
    folder = lits_folder(tmp_path / "lits", 2)
    save(folder / "segmentation-1.nii", masks(), other)
    data = lits.read(folder, "all")
    assert data.notes == ["volume-1: mask read voxel for voxel, its affine differs"]
    np.testing.assert_array_equal(data.cases[1].mask(), masks())
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    save(tmp_path / "images/a.nii")
    far = affine_of()
    far[2, 3] += 10
    save(tmp_path / "masks/a.nii", masks(), far)
    with pytest.raises(InputError, match=r"lies up to 10.0 mm beside its volume"):
        lits.read(tmp_path, "all")
    # The same place in another axis order is no trouble.
    nibabel.save(image_of(masks()).as_reoriented(ORDERS[29]), tmp_path / "masks/a.nii")
    np.testing.assert_array_equal(lits.read(tmp_path, "all").cases[0].mask(), masks())
    assert lits.read(tmp_path, "all").notes == []
    save(tmp_path / "masks/a.nii", masks())
    # LiTS' volumes 28 to 47.
    save(folder / "volume-0.nii", HU, np.eye(4))
    save(folder / "segmentation-0.nii", masks(), np.eye(4))
    assert "spacing and orientation are not in" in lits.read(folder, "all").notes[0]
    # Files that a program wrote without a place.
    header_bytes(tmp_path / "images/a.nii", sform_code=0, qform_code=0)
    header_bytes(tmp_path / "masks/a.nii", sform_code=0, qform_code=0)
    notes = lits.read(tmp_path, "all").notes
    assert notes == ["a: spacing and orientation are not in the header"]


def test_lits_says_what_is_missing(tmp_path):
    with pytest.raises(InputError, match="LiTS is not there"):
        lits.load("train", root=tmp_path)
    (tmp_path / "lits").mkdir()
    with pytest.raises(InputError, match="no volumes in it"):
        lits.load("train", root=tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        lits.read(tmp_path / "none", "train")
    lits_folder(tmp_path / "lits", 3)
    assert len(lits.load("train", root=tmp_path)) == 3
    save(tmp_path / "lits/volume-1.nii.gz")
    with pytest.raises(InputError, match="is the same case"):
        lits.load("train", root=tmp_path)


# Lazily


def test_no_volume_is_unpacked_twice(tmp_path, monkeypatch):
    """500 slices in random order, from two threads, at the cost of one unpacking."""
    rng = np.random.default_rng(0)
    for k, depth in enumerate((500, 60)):
        values = rng.integers(-200, 300, (depth, 24, 20)).astype(np.int16)
        save(tmp_path / f"volume-{k}.nii.gz", values)
        save(tmp_path / f"segmentation-{k}.nii.gz", (values > 200).astype(np.uint8))
    unpacked = []
    pieces = Volume._pieces

    def counted(self):
        unpacked.append(self.path.name)
        return pieces(self)

    monkeypatch.setattr(Volume, "_pieces", counted)
    data = lits.read(tmp_path, "all", neighbours=True)
    assert len(data) == 560 and unpacked == []
    order = rng.permutation(560)
    with ThreadPoolExecutor(2) as pool:
        samples = list(pool.map(lambda i: data[int(i)], order))
    assert sorted(unpacked) == sorted(p.name for p in tmp_path.iterdir())
    for index, sample in zip(order[:50], samples):
        assert sample["name"] == data.name(index)
        assert (sample["mask"] <= (sample["image"][..., 1] > 200)).all()


def test_memory_while_unpacking_does_not_grow_with_the_volume(tmp_path, monkeypatch):
    monkeypatch.setattr(volumes, "PIECE", 2**18)
    rng = np.random.default_rng(0)
    most = {}
    for depth in (16, 128):
        folder = tmp_path / str(depth)
        folder.mkdir()
        values = rng.integers(-200, 300, (depth, 128, 128)).astype(np.int16)
        # As LiTS stores it: slices last.
        ornt = orientations.axcodes2ornt("LPS")
        turn = orientations.ornt_transform(orientations.axcodes2ornt("SPL"), ornt)
        for name, kind in (("volume", values), ("segmentation", (values > 0) * 1)):
            image = image_of(kind.astype(np.int16)).as_reoriented(turn)
            nibabel.save(image, folder / f"{name}-0.nii.gz")
        del values, image, kind
        data = lits.read(folder, "all", size=(64, 64))
        tracemalloc.start()
        data[3]
        most[depth] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most[128] < 1.5 * most[16] < 8e6


def test_unpacked_files_are_gone_with_the_data(tmp_path):
    data = lits.read(lits_folder(tmp_path, 1), "all")
    data[0]
    folder = Path(data.cases[0]._folder.name)
    assert {p.name for p in folder.iterdir()} == {"image.npy", "mask.npy"}
    del data
    assert not folder.exists()


# Real data


@pytest.mark.skipif(
    not os.path.isdir(os.path.join(os.environ.get("SEGCORE_DATA", ""), "liver_volume")),
    reason="SEGCORE_DATA names no folder that holds liver_volume",
)
def test_a_real_volume_there_and_back(tmp_path):
    path = Path(os.environ["SEGCORE_DATA"], "liver_volume/ct_set_256.npz")
    with np.load(path) as stored:
        # Its slices run from the head to the feet.
        hu, liver, spacing = (
            stored["hu"][::-1],
            stored["liver"][::-1],
            stored["spacing_mm"],
        )
    ornt = orientations.axcodes2ornt("RAS")
    turn = orientations.ornt_transform(orientations.axcodes2ornt("SPL"), ornt)
    for name, values in (("images", hu), ("masks", liver)):
        (tmp_path / name).mkdir()
        image = image_of(values, affine_of(spacing)).as_reoriented(turn)
        nibabel.save(image, tmp_path / name / "chaos.nii.gz")
    (case,) = lits.read(tmp_path, "all").cases
    np.testing.assert_array_equal(case.image(), window(hu, 60, 400))
    np.testing.assert_array_equal(case.mask(), liver)
    assert case.spacing == pytest.approx((2, 1.453, 1.453), abs=1e-3)
    # The liver: portal-venous grey, on the patient's right, so left in the picture.
    _, columns = np.nonzero(case.mask().any(0))
    assert 150 < np.median(case.image()[case.mask() > 0]) < 240
    assert columns.mean() < 128 - 15
    case.volume.write_mask(tmp_path / "said.nii.gz", case.mask())
    said = nibabel.load(tmp_path / "said.nii.gz")
    truth = nibabel.load(tmp_path / "masks/chaos.nii.gz")
    np.testing.assert_array_equal(said.affine, truth.affine)
    np.testing.assert_array_equal(np.asarray(said.dataobj), np.asarray(truth.dataobj))
