"""How far apart the surfaces of two masks lie, in the units of the voxel's spacing.

Masks are `[H, W]` or `[D, H, W]`, anything but 0 being inside. Everywhere: NaN if both
are empty; if one is, an infinite distance and an overlap of 0.
"""

from functools import cache

import numpy as np
from scipy.ndimage import binary_erosion, correlate, distance_transform_edt
from skimage.measure import marching_cubes, mesh_surface_area

from segcore.errors import InputError


def hausdorff_distance(prediction, label, percentile=95, spacing=None):
    """How far apart the outlines of two masks `[H, W]` or `[D, H, W]` lie.

    For each pixel of one outline, the distance to the nearest of the other; of these
    the percentile (100: the largest), from either side, and of the two the larger. In
    pixels, or in the units of `spacing`, the pixel's length along each axis. NaN for
    two empty masks, infinite for one. An outline is what has a neighbour outside, the
    edge of the image included. Source: Huttenlocher et al. 1993.
    """
    masks = _cropped(*_checked(prediction, label, spacing))
    if not all(mask.any() for mask in masks):
        return float("inf" if masks[0].any() or masks[1].any() else "nan")
    away = _outline_distances(masks, spacing)
    return max(float(np.percentile(side, percentile)) for side in away)


def average_surface_distance(prediction, label, spacing=None):
    """Mean distance from a pixel of either outline to the other outline.

    Both outlines are pooled, so the longer one weighs more. Outlines, units and empty
    masks as for `hausdorff_distance`. Source: Heimann et al. 2009, section II-B.
    """
    masks = _cropped(*_checked(prediction, label, spacing))
    if not all(mask.any() for mask in masks):
        return float("inf" if masks[0].any() or masks[1].any() else "nan")
    return float(np.concatenate(_outline_distances(masks, spacing)).mean())


def surface_dice(prediction, label, tolerance, spacing=(1, 1, 1)):
    """The share of two surfaces that lies within `tolerance` of the other; `[D, H, W]`.

    A surface runs between voxels: in each cube of 2 x 2 x 2 voxel centres it is a piece
    whose area counts, so that a voxel's thick and thin sides weigh as they should. The
    tolerance, in the units of `spacing`, is what two experts differ by. Source: Nikolov
    et al. 2021, "Clinically Applicable Segmentation of Head and Neck Anatomy".
    """
    masks = _cropped(*_checked(prediction, label, spacing))
    if masks[0].ndim != 3:
        raise InputError(
            f"Surfaces are those of volumes [D, H, W], not {masks[0].shape}."
        )
    if not all(mask.any() for mask in masks):
        return float("0" if masks[0].any() or masks[1].any() else "nan")
    areas = _areas(tuple(float(side) for side in spacing))
    # Cubes, not voxels: one more along each axis, with voxels outside beyond the edge.
    codes = [
        correlate(np.pad(mask, 1).astype(np.uint8), CORNERS, mode="constant")
        for mask in masks
    ]
    surfaces = [(code > 0) & (code < 255) for code in codes]
    away = [distance_transform_edt(~s, sampling=spacing) for s in surfaces]
    within = total = 0
    for code, surface, other in zip(codes, surfaces, away[::-1]):
        area = areas[code[surface]]
        total += area.sum()
        within += area[other[surface] <= tolerance].sum()
    return float(within / total)


CORNERS = 2 ** np.arange(8, dtype=np.uint8).reshape(2, 2, 2)


@cache
def _areas(spacing):
    """The surface's area in a cube of each of 256 kinds, by marching cubes."""
    areas = np.zeros(256)
    for code in range(1, 255):
        cube = code & CORNERS > 0
        # Inside and outside have one surface between them: that of the fewer corners.
        cube = cube if cube.sum() <= 4 else ~cube
        vertices, faces, *_ = marching_cubes(
            cube.astype(np.float32), 0.5, spacing=spacing, method="lorensen"
        )
        areas[code] = mesh_surface_area(vertices, faces)
    return areas


def _outline_distances(masks, spacing):
    """From the pixels of either outline to the other one: two arrays."""
    outlines = [mask & ~binary_erosion(mask) for mask in masks]
    away = [distance_transform_edt(~outline, sampling=spacing) for outline in outlines]
    return away[1][outlines[0]], away[0][outlines[1]]


def _checked(prediction, label, spacing):
    masks = [np.asarray(mask).astype(bool) for mask in (prediction, label)]
    if masks[0].shape != masks[1].shape:
        raise InputError(
            f"The prediction is {masks[0].shape} and the label {masks[1].shape};"
            " compare them at one size."
        )
    if spacing is not None and (
        len(spacing) != masks[0].ndim or not all(s > 0 for s in spacing)
    ):
        raise InputError(
            f"The spacing {tuple(spacing)} needs one length above 0 for each of the"
            f" {masks[0].ndim} axes."
        )
    return masks


def _cropped(one, other):
    """Both masks within the box that holds all of them: the rest changes nothing."""
    inside = np.nonzero(one | other)
    if not inside[0].size:
        return one, other
    box = tuple(slice(axis.min(), axis.max() + 1) for axis in inside)
    return one[box], other[box]
