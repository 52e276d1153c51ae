"""Plausible wrong answers to the exercises of lessons 01 and 02."""

import numpy as np

TASKS = [
    "the share of a leaf that is diseased",
    "the number of eggs in a box where some touch",
    "a map of a street: every surface named, every car told apart",
    "follow the dancer whose mask I drew in the first frame",
    "all fish of a tank film, each by species and with its path",
]
RIGHT = dict(zip(TASKS, ["semantic", "instance", "panoptic", "VOS", "VIS"]))


def stuff_counts_as_one(panoptic, class_id):
    return len(np.unique(panoptic[panoptic // 1000 == class_id]))


def counts_pixels(panoptic, class_id):
    return int((panoptic // 1000 == class_id).sum())


def later_object_wins(semantic, masks, classes):
    panoptic = 1000 * semantic.astype(int)
    for number, (mask, class_id) in enumerate(zip(masks, classes), 1):
        panoptic[mask] = 1000 * class_id + number
    return panoptic


def overflows(semantic, masks, classes):
    with np.errstate(over="ignore"):
        panoptic = semantic * np.array(1000).astype(np.uint8)
    for number in range(len(masks), 0, -1):
        panoptic[masks[number - 1]] = (1000 * classes[number - 1] + number) % 256
    return panoptic


def numbers_from_zero(semantic, masks, classes):
    panoptic = 1000 * semantic.astype(int)
    for number in range(len(masks) - 1, -1, -1):
        panoptic[masks[number]] = 1000 * classes[number] + number
    return panoptic


def only_first_and_last(semantic, masks, classes):
    """Treats two objects of any number: right for two, wrong for three."""
    panoptic = 1000 * semantic.astype(int)
    for number in sorted({len(masks), min(len(masks), 1)} - {0}, reverse=True):
        panoptic[masks[number - 1]] = 1000 * classes[number - 1] + number
    return panoptic


def first_wins_over_all_others_only(semantic, masks, classes):
    panoptic = later_object_wins(semantic, masks, classes)
    if len(masks):
        panoptic[masks[0]] = 1000 * classes[0] + 1
    return panoptic


def any_channel(picture, colours):
    ids = np.full(picture.shape[:2], 255, np.uint8)
    for class_id, colour in enumerate(colours):
        ids[(picture == np.array(colour)).any(axis=-1)] = class_id
    return ids


def nearest_colour(picture, colours):
    away = np.abs(picture[..., None, :].astype(int) - np.array(colours)).sum(axis=-1)
    return away.argmin(axis=-1).astype(np.uint8)


def sum_for_key(picture, colours):
    ids = np.full(picture.shape[:2], 255, np.uint8)
    for class_id, colour in enumerate(colours):
        ids[picture.sum(axis=-1) == sum(colour)] = class_id
    return ids


def sum_and_product_for_key(picture, colours):
    ids = np.full(picture.shape[:2], 255, np.uint8)
    whole = picture.astype(int)
    for class_id, colour in enumerate(colours):
        same = whole.sum(axis=-1) == sum(colour)
        ids[same & (whole.prod(axis=-1) == np.prod(colour))] = class_id
    return ids


def by_dictionary(picture, colours):
    """Right, in another way than the solution's."""
    names = {tuple(colour): class_id for class_id, colour in enumerate(colours)}
    rows = [
        [names.get(tuple(map(int, pixel)), 255) for pixel in row] for row in picture
    ]
    return np.array(rows, np.uint8)


def packed_in_one_number(picture, colours):
    """Right, in another way than the solution's."""
    weights = np.array([65536, 256, 1])
    key, ids = picture.astype(int) @ weights, np.full(picture.shape[:2], 255)
    for class_id, colour in enumerate(colours):
        ids[key == np.array(colour) @ weights] = class_id
    return ids


def zero_for_others(picture, colours):
    ids = np.zeros(picture.shape[:2], np.uint8)
    for class_id, colour in enumerate(colours):
        ids[(picture == np.array(colour)).all(axis=-1)] = class_id
    return ids


def augmenting(
    two_coins=False, fill=255, swapped=False, flips=0.5, shifts=True, most=8, one=False
):
    """The function of exercise 02.2 with some of its mistakes, or doing less."""

    def augment(image, mask, rng):
        height, width = mask.shape
        coins = rng.random(2) < flips
        if coins[0]:
            image = image[:, ::-1]
        if coins[int(two_coins)]:
            mask = mask[:, ::-1]
        image = np.pad(image, ((most, most), (most, most), (0, 0)))
        mask = np.pad(mask, most, constant_values=fill)
        top, left = rng.integers(0, 2 * most + 1, 2) if shifts else (3, 5)
        if one:
            left = top
        image = image[top : top + height, left : left + width]
        if swapped:
            top, left = left, top
        return image, mask[top : top + height, left : left + width]

    return augment


def rolled(image, mask, rng):
    if rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    shift = tuple(rng.integers(-8, 9, 2))
    return np.roll(image, shift, (0, 1)), np.roll(mask, shift, (0, 1))


def never_the_last_place(image, mask, rng):
    if rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    height, width = mask.shape
    top, left = rng.integers(0, 16, 2)  # the upper bound is not drawn
    window = np.s_[top : top + height, left : left + width]
    padded = np.pad(image, ((8, 8), (8, 8), (0, 0)))
    return padded[window], np.pad(mask, 8, constant_values=255)[window]


def shifted_then_flipped(image, mask, rng):
    """Right, in another order than the solution's."""
    down, right = (int(rng.integers(-8, 9)) for _ in range(2))
    moved, labels = np.zeros_like(image), np.full_like(mask, 255)
    height, width = mask.shape
    to = np.s_[max(0, down) : height + down, max(0, right) : width + right]
    source = np.s_[max(0, -down) : height - down, max(0, -right) : width - right]
    moved[to], labels[to] = image[source], mask[source]
    if rng.integers(2):
        moved, labels = np.fliplr(moved), np.fliplr(labels)
    return moved, labels


def one_side_of_each_border(mask):
    border = np.zeros(mask.shape, bool)
    border[1:] |= mask[1:] != mask[:-1]
    border[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    return np.where(border, 255, mask).astype(np.uint8)


def picture_edge_too(mask):
    inner = mask[1:-1, 1:-1]
    same = (mask[:-2, 1:-1] == inner) & (mask[2:, 1:-1] == inner)
    same &= (mask[1:-1, :-2] == inner) & (mask[1:-1, 2:] == inner)
    return np.where(np.pad(same, 1), mask, 255).astype(np.uint8)


def rolls_over_the_edge(mask):
    border = np.zeros(mask.shape, bool)
    for axis in (0, 1):
        for step in (1, -1):
            border |= np.roll(mask, step, axis) != mask
    return np.where(border, 255, mask).astype(np.uint8)


def changes_its_argument(mask):
    border = np.zeros(mask.shape, bool)
    rows, columns = mask[1:] != mask[:-1], mask[:, 1:] != mask[:, :-1]
    border[1:] |= rows
    border[:-1] |= rows
    border[:, 1:] |= columns
    border[:, :-1] |= columns
    mask[border] = 255
    return mask


WRONG = {
    "01.1": [stuff_counts_as_one, counts_pixels, lambda panoptic, class_id: 2],
    "01.2": [
        {**RIGHT, TASKS[1]: "semantic"},
        {**RIGHT, TASKS[3]: "VIS"},
        {**RIGHT, TASKS[4]: "VOS"},
        {**RIGHT, TASKS[0]: ...},
        dict.fromkeys(TASKS, "panoptic"),
    ],
    "01.3": [
        later_object_wins,
        overflows,
        numbers_from_zero,
        lambda semantic, masks, classes: 1000 * semantic.astype(int),
        lambda semantic, masks, classes: None,
        only_first_and_last,
        first_wins_over_all_others_only,
    ],
    "02.1": [
        any_channel,
        nearest_colour,
        zero_for_others,
        sum_for_key,
        sum_and_product_for_key,
    ],
    "02.2": [
        augmenting(two_coins=True),
        augmenting(fill=0),
        augmenting(swapped=True),
        augmenting(flips=0),
        augmenting(flips=0.1),
        augmenting(flips=1),
        augmenting(most=4),
        augmenting(most=12),
        augmenting(one=True),
        rolled,
        never_the_last_place,
        augmenting(shifts=False),
        augmenting(two_coins=True, fill=0, swapped=True),
        lambda image, mask, rng: (image, mask),
        lambda image, mask, rng: None,
    ],
    "02.3": [
        one_side_of_each_border,
        picture_edge_too,
        rolls_over_the_edge,
        changes_its_argument,
        lambda mask: mask,
    ],
}

# Right answers in another way than the lessons' solutions.
ALSO_RIGHT = {
    "01.2": [{task: f"{kind} segmentation" for task, kind in RIGHT.items()}],
    "02.1": [by_dictionary, packed_in_one_number],
    "02.2": [augmenting(), shifted_then_flipped],
}
