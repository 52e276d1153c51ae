"""CT volumes as NIfTI files: read in one orientation, written back in the file's own.

Whatever axis order and flips a file has, arrays here are `[D, H, W]` as a radiologist
looks at them: slices from the feet up, rows from front to back, columns from the
patient's right to the left. Spacing is in mm, in that order.

Files are read from front to back in pieces of 16 MB: a packed file is unpacked once
for a whole volume, where asking it for slices would unpack it again for each.
"""

import gzip
import logging
import math
import zlib
from contextlib import contextmanager

import nibabel
import numpy as np
from nibabel import orientations
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from skimage.transform import resize as sk_resize

from segcore import files
from segcore.data.transforms import IGNORE
from segcore.errors import InputError

SUFFIXES = (".nii", ".nii.gz")
ORDER = "SPL"  # upward, to the back, to the patient's left: what [D, H, W] counts along
MOST_VOXELS = 2**29  # twice the largest case of LiTS
MOST_HEADER = 2**24  # bytes before the voxels
PIECE = 2**24  # bytes
PACKED = 1100  # gzip makes nothing smaller than by this factor
MILLIMETRES = {"meter": 1000, "micron": 1e-3}
MAKER = b"mask by segcore"  # stands in what is written here
MEND = "Export it again as NIfTI, for example from 3D Slicer."
QUIET = logging.getLogger("segcore.nifti")  # for what nibabel mends in a header
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False


class Volume:
    """A NIfTI file, `.nii` or `.nii.gz`; making one reads its header alone.

    `shape` is `[D, H, W]`, `spacing` the voxel's size along these axes in mm, `affine`
    `[4, 4]` takes `(d, h, w)` to the scanner's place. Four axes are accepted if the
    fourth is 1. `like`, another `Volume`, lends its place where the file's own is
    wrong. Raises `InputError` for a file or header that makes no sense.
    """

    def __init__(self, path, like=None):
        self.path = files.regular(path)
        self.header, stored, self._offset = _checked_header(self.path)
        own = (like or self).header.get_best_affine()
        found = orientations.io_orientation(own)
        wanted = orientations.axcodes2ornt(ORDER)
        self._turn = orientations.ornt_transform(found, wanted)
        self._turn_back = orientations.ornt_transform(wanted, found)
        self.stored_shape = stored
        self.shape = orientations.apply_orientation(
            np.broadcast_to(0, stored), self._turn
        ).shape
        self.affine = own @ orientations.inv_ornt_aff(self._turn, stored)
        self.spacing = tuple(
            float(side) * MILLIMETRES.get(_unit(self.header), 1)
            for side in nibabel.affines.voxel_sizes(self.affine)
        )

    def hu(self):
        """Hounsfield units, float32 `[D, H, W]`; raises if a voxel is no number."""
        return self.read(lambda piece, place: piece, np.empty(self.shape, np.float32))

    def windowed(self, centre, width, out=None):
        """`window` of the volume, uint8 `[D, H, W]`, made by pieces; into `out`."""
        out = np.empty(self.shape, np.uint8) if out is None else out
        return self.read(lambda piece, place: window(piece, centre, width), out)

    def labels(self, num_classes, out=None):
        """A mask's class ids, uint8 `[D, H, W]`; raises for what is no class or 255."""
        legal = np.array([*range(num_classes), IGNORE])

        def checked(piece, start):
            good = np.isin(piece, legal)
            if not good.all():
                place = np.argwhere(~good)[0]
                value = piece[tuple(place)]
                i, j, k = (int(p) for p in place + (0, 0, start))
                mend = "Relabel it, or set it to 255 for ignored."
                if not float(value).is_integer():
                    mend = (
                        "Resample masks by nearest neighbour, and save whole numbers."
                    )
                raise InputError(
                    f"{files.short(self.path)}: the mask holds {value:g} at voxel"
                    f" ({i}, {j}, {k}); classes are 0..{num_classes - 1}. {mend}"
                )
            return piece.astype(np.uint8)

        out = np.empty(self.shape, np.uint8) if out is None else out
        return self.read(checked, out, finite=False)

    def read(self, convert, out, finite=True):
        """`out`, `[D, H, W]`, filled with `convert(piece, start)` of all pieces.

        A piece is float32 `[I, J, some K]`, in the file's own order, from slice `start`
        on, its slope and intercept applied. Memory: `out` and a few pieces.
        """
        # The same memory as `out`, seen in the order of the file.
        stored = orientations.apply_orientation(out, self._turn_back)
        low, high = np.inf, -np.inf
        for start, piece in self._pieces():
            low, high = min(low, piece.min()), max(high, piece.max())
            if finite and not np.isfinite(piece).all():
                i, j, k = (int(p) for p in np.argwhere(~np.isfinite(piece))[0])
                raise InputError(
                    f"{files.short(self.path)}: voxel ({i}, {j}, {k + start}) is"
                    f" {piece[i, j, k]}, not a number of Hounsfield units. Set such"
                    " voxels to -1000, which is air."
                )
            stored[..., start : start + piece.shape[2]] = convert(piece, start)
        if finite and low == high:
            raise InputError(
                f"{files.short(self.path)}: the volume is empty, every voxel is"
                f" {low:g}. {MEND}"
            )
        return out

    def write_mask(self, path, mask):
        """Writes class ids `[D, H, W]` in this file's axis order and affine."""
        if np.shape(mask) != self.shape:
            raise InputError(
                f"The mask is {np.shape(mask)} and {files.short(self.path)} is"
                f" {self.shape}; resize the mask to the volume first."
            )
        if not str(path).endswith(SUFFIXES):
            raise InputError(f"{files.short(path)}: name it .nii or .nii.gz.")
        header = self.header.copy()
        header.set_data_dtype(np.uint8)
        header.set_slope_inter(1, 0)
        header["cal_min"] = header["cal_max"] = 0
        header["descrip"] = MAKER
        mask = orientations.apply_orientation(mask, self._turn_back).astype(np.uint8)
        # Without an affine of its own, the image keeps qform and sform to the bit.
        two = isinstance(header, nibabel.Nifti2Header)
        kind = nibabel.Nifti2Image if two else nibabel.Nifti1Image
        content = kind(mask, None, header).to_bytes()
        if str(path).endswith(".gz"):
            content = gzip.compress(content, mtime=0)
        files.write(path, content)

    def _pieces(self):
        """`(start, piece)`, from the first slice of the file to the last."""
        kind = self.header.get_data_dtype()
        slope, inter = self.header.get_slope_inter()
        rows, columns, depth = self.stored_shape
        plane = rows * columns * kind.itemsize
        count = max(1, PIECE // plane)
        with _opened(self.path) as file:
            file.seek(self._offset)
            for start in range(0, depth, count):
                some = min(count, depth - start)
                content = file.read(plane * some)
                if len(content) < plane * some:
                    raise InputError(
                        f"{files.short(self.path)}: the file ends before its voxels do."
                        " Copy or download it again."
                    )
                piece = np.frombuffer(content, kind)
                piece = piece.reshape((rows, columns, some), order="F")
                if slope is not None and (slope, inter) != (1, 0):
                    piece = piece * slope + inter
                with np.errstate(over="ignore"):  # infinite is told as such
                    yield start, piece.astype(np.float32)
            file.read(1)  # at its end, gzip compares its checksum


def same_grid(image, mask):
    """Raises `InputError` unless two `Volume`s have one shape and lie in one place."""
    name = files.short(mask.path)
    if image.shape != mask.shape:
        raise InputError(
            f"{name}: the mask is {' x '.join(map(str, mask.shape))} voxels but its"
            f" volume {files.short(image.path)} is"
            f" {' x '.join(map(str, image.shape))}. Export it again on the volume's"
            " grid."
        )
    away = distance_apart(image, mask)
    if away > min(image.spacing) / 2:
        raise InputError(
            f"{name}: by its affine the mask lies up to {away:.1f} mm beside its volume"
            f" {files.short(image.path)}. Export it again on the volume's grid."
        )


def distance_apart(one, other):
    """The most by which corners of two `Volume`s of one shape lie apart, in mm."""
    ends = [(0, side - 1) for side in one.shape]
    corners = np.stack(np.meshgrid(*ends, [1]), -1).reshape(-1, 4)
    return float(np.abs(corners @ (one.affine - other.affine).T).max())


def window(hu, centre, width):
    """Hounsfield units from `centre - width / 2` to `centre + width / 2` as 0..255."""
    grey = (np.asarray(hu, np.float32) - (centre - width / 2)) * (255 / width)
    return np.clip(grey, 0, 255).round().astype(np.uint8)


def slice_image(volume, k, neighbours=False):
    """Slice `k` of a uint8 volume `[D, H, W]` as an image `[H, W, 3]`.

    With `neighbours` (2.5-D) the channels are the slices below, `k`, and above;
    beyond the ends the last one stands again.
    """
    around = np.array([k - 1, k, k + 1]) if neighbours else np.array([k, k, k])
    return np.stack([volume[i] for i in around.clip(0, len(volume) - 1)], axis=-1)


def shape_at(shape, spacing, wanted):
    """The shape that fills the same room with voxels of about `wanted` mm."""
    return tuple(
        max(1, round(side * old / new))
        for side, old, new in zip(shape, spacing, wanted)
    )


def resize(volume, shape, labels=False):
    """A volume resampled to `shape`: linear and averaged, or nearest for `labels`.

    Voxels are boxes, so the room they fill stays the same.
    """
    options = {"order": 0, "anti_aliasing": False} if labels else {"order": 1}
    resized = sk_resize(volume, shape, mode="edge", preserve_range=True, **options)
    if np.issubdtype(volume.dtype, np.integer):
        resized = np.rint(resized)
    return resized.astype(volume.dtype)


def _checked_header(path):
    """Header, shape `(I, J, K)` as stored, and where voxels begin; or `InputError`."""
    name = files.short(path)
    if not str(path).endswith(SUFFIXES):
        raise InputError(f"{name}: volumes are NIfTI files, .nii or .nii.gz.")
    with _opened(path) as file:
        block = file.read(540)
    two = block[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c")  # 540, either byte order
    kind = nibabel.Nifti2Header if two else nibabel.Nifti1Header
    try:
        header = kind(block[: kind.template_dtype.itemsize], check=False)
        sizes = header["pixdim"][1:4].astype(float)
        header.check_fix(logger=QUIET, error_level=40)
        dtype, shape = header.get_data_dtype(), header.get_data_shape()
        offset = header.get_data_offset() or kind.single_vox_offset
        affine = header.get_best_affine()
        header.get_slope_inter()
    except (WrapStructError, HeaderDataError, ValueError, OverflowError) as error:
        raise InputError(
            f"{name}: this is no NIfTI file that can be read"
            f" ({files.printable(error).rstrip('.')}). {MEND}"
        ) from None
    if header["magic"].item().rstrip(b"\r\n\x1a\n\0") not in (b"n+1", b"n+2"):
        raise InputError(
            f"{name}: the header is not of a NIfTI file of one part. {MEND}"
        )
    if dtype.kind not in "iuf":
        raise InputError(f"{name}: the voxels are {dtype}, not plain numbers. {MEND}")
    if len(shape) < 3 or min(shape) < 1 or max(shape[3:], default=1) > 1:
        raise InputError(
            f"{name}: a volume has three axes with voxels along each, and this one is"
            f" {' x '.join(map(str, shape)) or 'empty'}. Save one volume of it alone."
        )
    voxels = math.prod(int(side) for side in shape)
    if voxels > MOST_VOXELS or not 0 < offset <= MOST_HEADER:
        raise InputError(
            f"{name}: by its header it holds {' x '.join(map(str, shape))} voxels from"
            f" byte {offset} on; the most is {MOST_VOXELS} voxels. If it is not"
            " damaged, crop it to the abdomen."
        )
    most = path.stat().st_size * (PACKED if path.suffix == ".gz" else 1)
    if most < offset + voxels * dtype.itemsize:
        raise InputError(
            f"{name}: the file is too short for the {' x '.join(map(str, shape))}"
            " voxels that its header names. Copy or download it again."
        )
    _check_geometry(name, affine, sizes)
    return header, shape[:3], offset


def _check_geometry(name, affine, sizes):
    sides = nibabel.affines.voxel_sizes(affine)
    # NaN is not larger than 0 either.
    if not (np.isfinite(affine).all() and (sides > 0).all() and (sizes != 0).all()):
        raise InputError(
            f"{name}: the voxel's size in the header is"
            f" {' x '.join(f'{s:g}' for s in (sizes if sides.all() else sides))};"
            " it must be above 0 mm along each axis. Set it by the scanner's protocol."
        )
    axes = affine[:3, :3] / sides
    if np.abs(axes.T @ axes - np.eye(3)).max() > 1e-2:
        raise InputError(
            f"{name}: the axes are not at right angles (a tilted gantry?). Resample it"
            " to a box first."
        )


def _unit(header):
    try:
        return header.get_xyzt_units()[0]
    except KeyError:  # no unit that NIfTI knows
        return "unknown"


@contextmanager
def _opened(path):
    """The file's bytes, unpacked; every failure becomes an `InputError`."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
            yield file
    except InputError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{files.short(path)}: the file cannot be read to its end"
            f" ({files.printable(error).rstrip('.')}). Copy or download it again."
        ) from None
