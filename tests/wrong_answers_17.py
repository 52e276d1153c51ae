"""Plausible wrong answers to the exercises of lesson 17."""

import numpy as np


def product_of_diagonal(affine):
    return abs(affine[0, 0] * affine[1, 1] * affine[2, 2]) / 1000


def signed(affine):
    return np.linalg.det(affine[:3, :3]) / 1000


def cubic_millimetres(affine):
    return abs(np.linalg.det(affine))


def cubic_centimetres_by_sides(affine):
    """Rows are not the voxel's sides."""
    return np.prod(np.linalg.norm(affine[:3, :3], axis=1)) / 1000


def by_sides(affine):
    """Right for axes at right angles."""
    return np.prod(np.linalg.norm(affine[:3, :3], axis=0)) / 1000


def ignored_as_background(probabilities, labels):
    true = labels == 1
    both = (probabilities * true).sum()
    return 1 - (2 * both + 1) / (probabilities.sum() + true.sum() + 1)


def ignored_as_class(probabilities, labels):
    true = labels > 0
    both = (probabilities * true).sum()
    return 1 - (2 * both + 1) / (probabilities.sum() + true.sum() + 1)


def dice_itself(probabilities, labels):
    counted = labels != 255
    said, true = probabilities[counted], labels[counted] == 1
    return (2 * (said * true).sum() + 1) / (said.sum() + true.sum() + 1)


def without_the_one(probabilities, labels):
    counted = labels != 255
    said, true = probabilities[counted], labels[counted] == 1
    return 1 - 2 * (said * true).sum() / (said.sum() + true.sum())


def hard_dice(probabilities, labels):
    return _loss((probabilities > 0.5).astype(float), labels)


def half_the_overlap(probabilities, labels):
    counted = labels != 255
    said, true = probabilities[counted], labels[counted] == 1
    return 1 - ((said * true).sum() + 1) / (said.sum() + true.sum() + 1)


def _loss(probabilities, labels):
    return 1 - dice_itself(probabilities, labels)


def pooled(predictions, truths, cases):
    said, true = np.stack(predictions), np.stack(truths)
    return 2 * (said & true).sum() / (said.sum() + true.sum())


def by_slice(predictions, truths, cases):
    dice = [
        2 * (said & true).sum() / (said.sum() + true.sum())
        for said, true in zip(predictions, truths)
        if said.any() or true.any()
    ]
    return np.mean(dice)


def _cases(predictions, truths, cases):
    for case in sorted(set(cases)):
        here = [k for k, name in enumerate(cases) if name == case]
        yield (
            np.stack([predictions[k] for k in here]),
            np.stack([truths[k] for k in here]),
        )


def mean_of_slice_means(predictions, truths, cases):
    return np.mean(
        [
            by_slice(said, true, None)
            for said, true in _cases(predictions, truths, cases)
        ]
    )


def empty_counts_one(predictions, truths, cases):
    dice = []
    for said, true in _cases(predictions, truths, cases):
        sizes = said.sum() + true.sum()
        dice.append(2 * (said & true).sum() / sizes if sizes else 1)
    return np.mean(dice)


def healthy_left_out(predictions, truths, cases):
    dice = []
    for said, true in _cases(predictions, truths, cases):
        if true.any():
            dice.append(2 * (said & true).sum() / (said.sum() + true.sum()))
    return np.mean(dice)


def neighbours_only(predictions, truths, cases):
    """Takes slices of one patient to lie side by side."""
    starts = [k for k in range(len(cases)) if k == 0 or cases[k] != cases[k - 1]]
    dice = []
    for a, b in zip(starts, [*starts[1:], len(cases)]):
        said, true = np.stack(predictions[a:b]), np.stack(truths[a:b])
        if said.any() or true.any():
            dice.append(2 * (said & true).sum() / (said.sum() + true.sum()))
    return np.mean(dice)


def iou_by_case(predictions, truths, cases):
    return np.mean(
        [
            (said & true).sum() / (said | true).sum()
            for said, true in _cases(predictions, truths, cases)
            if (said | true).any()
        ]
    )


def by_slices(names, share, seed):
    order = np.random.default_rng(seed).permutation(len(names))
    count = round(share * len(names))
    return order[count:], order[:count]


def sorted_slices(names, share, seed):
    """One patient is cut in two, at most."""
    order = np.argsort(names)
    count = round(share * len(names))
    return order[count:], order[:count]


def _split(names, share, rng):
    cases = np.array([name.split("_")[0] for name in names])
    patients = rng.permutation(np.unique(cases))
    tested = np.isin(cases, patients[: round(share * len(patients))])
    return np.flatnonzero(~tested), np.flatnonzero(tested)


def always_the_same(names, share, seed):
    return _split(names, share, np.random.default_rng(0))


def never_the_same(names, share, seed):
    return _split(names, share, np.random.default_rng())


def the_other_way(names, share, seed):
    return _split(names, share, np.random.default_rng(seed))[::-1]


def share_of_slices(names, share, seed):
    """Whole patients, until enough slices are there."""
    cases = np.array([name.split("_")[0] for name in names])
    chosen = []
    for patient in np.random.default_rng(seed).permutation(np.unique(cases)):
        if np.isin(cases, chosen).sum() < share * len(names):
            chosen.append(patient)
    tested = np.isin(cases, chosen)
    return np.flatnonzero(~tested), np.flatnonzero(tested)


def masks(names, share, seed):
    train, test = _split(names, share, np.random.default_rng(seed))
    return [k in train for k in range(len(names))], [
        k in test for k in range(len(names))
    ]


def with_a_set(names, share, seed):
    """Right, in plain Python."""
    patients = sorted({name.split("_")[0] for name in names})
    np.random.default_rng(seed).shuffle(patients)
    tested = set(patients[: round(share * len(patients))])
    parts = [[], []]
    for k, name in enumerate(names):
        parts[name.split("_")[0] in tested].append(k)
    return parts


WRONG = {
    "17.1": [
        product_of_diagonal,
        signed,
        cubic_millimetres,
        cubic_centimetres_by_sides,
        lambda affine: affine,
        lambda affine: None,
    ],
    "17.2": [
        ignored_as_background,
        ignored_as_class,
        dice_itself,
        without_the_one,
        hard_dice,
        half_the_overlap,
        lambda probabilities, labels: None,
    ],
    "17.3": [
        pooled,
        by_slice,
        mean_of_slice_means,
        empty_counts_one,
        healthy_left_out,
        neighbours_only,
        iou_by_case,
        lambda predictions, truths, cases: None,
    ],
    "17.4": [
        by_slices,
        sorted_slices,
        always_the_same,
        never_the_same,
        the_other_way,
        share_of_slices,
        masks,
        lambda names, share, seed: None,
    ],
}

ALSO_RIGHT = {"17.1": [by_sides], "17.4": [with_a_set]}
