"""Checks of the exercises of lesson 17, liver and tumour CT."""

import numpy as np

from segcore.exercises import Wrong, as_array, as_number


def exercise_1(voxel_ml):
    """The volume of a voxel from an affine, whatever the order of the axes."""
    turned, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    cases = {
        "with axes in order": np.diag([0.8, 0.8, 5.0]),
        "with an axis that runs backwards": np.diag([-0.7, 0.7, 2.5]),
        "with axes in another order": np.diag([0.9, 0.9, 3.0])[[2, 0, 1]],
        "with turned axes": turned @ np.diag([0.8, 1.1, 4.0]),
    }
    for what, axes in cases.items():
        affine = np.eye(4)
        affine[:3, :3] = axes
        affine[:3, 3] = -120, -90, 300
        expected = float(np.sqrt(np.linalg.det(axes.T @ axes))) / 1000
        found = as_number(voxel_ml(affine.copy()))
        if np.isclose(found, expected, rtol=1e-6):
            continue
        if np.isclose(found, 1000 * expected):
            raise Wrong("That is in cubic millimetres. How many make a millilitre?")
        if np.isclose(found, -expected):
            raise Wrong(f"For an affine {what} your volume is negative.")
        raise Wrong(
            f"For an affine {what} a voxel has {expected:.5f} ml, not {found:.5f}."
            " Which numbers of the matrix say how long a voxel's sides are?"
        )
    return "The determinant knows the volume, whatever the order of the axes."


def exercise_2(soft_dice):
    """Soft Dice of one class, in which ignored voxels count nowhere."""
    rng = np.random.default_rng(2)
    probabilities = rng.random((6, 7))
    labels = (rng.random((6, 7)) < 0.3).astype(np.uint8)
    holed = labels.copy()
    holed[1:4, 2:6] = 255
    cases = {
        "without ignored voxels": (probabilities, labels),
        "with ignored voxels": (probabilities, holed),
        "where the class is absent": (probabilities * 0, labels * 0),
        "where all is ignored": (probabilities, labels * 0 + 255),
        "that is perfect": (labels * 1.0, labels),
    }
    for what, (said, true) in cases.items():
        expected = _soft_dice(said, true)
        found = as_number(soft_dice(said.copy(), true.copy()))
        if np.isclose(found, expected, atol=1e-6):
            continue
        if np.isclose(found, 1 - expected) and not np.isclose(expected, 0.5):
            raise Wrong("That is the Dice itself; a loss falls as the overlap grows.")
        raise Wrong(
            f"On a map {what} the loss is {expected:.4f}, not {found:.4f}. Which voxels"
            " count in the overlap, and which in the two sizes?"
        )
    return "What is ignored is in neither the overlap nor the sizes."


def exercise_3(mean_dice):
    """Mean Dice by case from slices, with a case that is left out."""
    rng = np.random.default_rng(3)
    true = list(rng.random((9, 5, 6)) < 0.4)
    said = [t ^ (rng.random((5, 6)) < 0.2) for t in true]
    cases = ["b", "a", "b", "c", "b", "a", "c", "b", "d"]
    none = np.zeros((5, 6), bool)
    one = none.copy()
    one[2, 2] = True
    whole = "slices of four patients, not in order"
    examples = [
        (whole, said, true, cases),
        (
            "a healthy patient with nothing predicted among them",
            [*said, none],
            [*true, none],
            [*cases, "e"],
        ),
        (
            "a false alarm in a healthy patient",
            [*said, one, none],
            [*true, none, none],
            [*cases, "e", "e"],
        ),
        (
            "an empty slice within a patient",
            [*said, none],
            [*true, none],
            [*cases, "a"],
        ),
    ]
    for what, predictions, truths, names in examples:
        expected = _by_case(predictions, truths, names)
        found = as_number(mean_dice(list(predictions), list(truths), list(names)))
        if np.isclose(found, expected):
            continue
        pooled = _by_case(predictions, truths, ["x"] * len(names))
        by_slice = _by_case(predictions, truths, range(len(names)))
        if np.isclose(found, pooled):
            raise Wrong("That pools all voxels: a patient with more liver counts more.")
        if np.isclose(found, by_slice):
            raise Wrong("That is the mean over slices, not over patients.")
        raise Wrong(
            f"With {what}, the mean by case is {expected:.4f}, not {found:.4f}."
        )
    return "Sums within a patient, then the mean over patients."


def exercise_4(split):
    """A split in which no patient is on both sides."""
    rng = np.random.default_rng(4)
    counts = [1, 9, 2, 7, 3, 5, 4, 6, 2, 8]
    names = [f"{3 * c:03}_{k:03}" for c, n in enumerate(counts) for k in range(n)]
    names = [names[k] for k in rng.permutation(len(names))]
    tested = []
    for share, seed in ((0.3, 0), (0.3, 1), (0.3, 2), (0.5, 0), (0.24, 5)):
        parts = _parts(split(list(names), share, seed), len(names))
        again = _parts(split(list(names), share, seed), len(names))
        patients = [{names[k].split("_")[0] for k in part} for part in parts]
        shared = patients[0] & patients[1]
        if shared:
            raise Wrong(
                f"Patient {min(shared)} has slices in training and in test. What should"
                " be drawn, slices or patients?"
            )
        if len(patients[1]) != round(share * len(counts)):
            raise Wrong(
                f"A share of {share} of {len(counts)} patients is"
                f" {round(share * len(counts))}; yours tests {len(patients[1])}."
            )
        if [sorted(p) for p in parts] != [sorted(p) for p in again]:
            raise Wrong("Called twice with one seed, it gave two different splits.")
        if share == 0.3:
            tested.append(frozenset(patients[1]))
    if len(set(tested)) == 1:
        raise Wrong("Every seed gave the same split.")
    return "Patients are drawn, and their slices follow."


def _soft_dice(probabilities, labels):
    counted = labels != 255
    said, true = probabilities[counted], labels[counted] == 1
    return float(1 - (2 * (said * true).sum() + 1) / (said.sum() + true.sum() + 1))


def _by_case(predictions, truths, cases):
    dice = []
    for case in set(cases):
        here = [k for k, name in enumerate(cases) if name == case]
        both = sum((predictions[k] & truths[k]).sum() for k in here)
        sizes = sum(predictions[k].sum() + truths[k].sum() for k in here)
        if sizes:
            dice.append(2 * both / sizes)
    return float(np.mean(dice))


def _parts(answer, count):
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise Wrong("Return two things: indices for training, and indices for test.")
    parts = [as_array(part).ravel() for part in answer]
    both = np.concatenate(parts)
    if sorted(both.tolist()) != list(range(count)):
        raise Wrong(
            f"Each of the indices 0..{count - 1} belongs into exactly one of the parts."
        )
    return [part.astype(int).tolist() for part in parts]
