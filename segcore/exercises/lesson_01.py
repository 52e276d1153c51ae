"""Checks of lesson 01, What is segmentation?"""

import numpy as np

from segcore.data import shapes
from segcore.exercises import Wrong

NEEDED = {
    "the share of a leaf that is diseased": (
        "semantic",
        "A share is an area: pixels of one class.",
    ),
    "the number of eggs in a box where some touch": (
        "instance",
        "Things that touch cannot be counted by class alone, and the box is not asked"
        " for.",
    ),
    "a map of a street: every surface named, every car told apart": (
        "panoptic",
        "Surfaces are stuff, cars are things, and both are wanted.",
    ),
    "follow the dancer whose mask I drew in the first frame": (
        "VOS",
        "Something is given in the first frame.",
    ),
    "all fish of a tank film, each by species and with its path": (
        "VIS",
        "No mask is given, all objects are wanted, and with their classes.",
    ),
}


def exercise_1(count):
    """`count(panoptic, class_id)`: things of one class in a panoptic map."""
    scenes = shapes.load("train", size=(128, 192))
    for index in (42, 0, 7):
        scene = scenes[index]
        panoptic = shapes.panoptic(scene)
        for class_id in range(scenes.num_classes):
            got = count(panoptic.copy(), class_id)
            of_class = scene["instances"][scene["mask"] == class_id]
            want = len(np.unique(of_class[of_class > 0]))
            if got != want:
                hint = "Stuff has no identity." if want == 0 else ""
                raise Wrong(
                    f"For class {class_id} of scene {index} you return {got}, but"
                    f" {want} such things are there. {hint}".strip()
                )
    return "Eighteen counts on three scenes agree."


def exercise_2(needed):
    """A dict from task to the kind of output."""
    for task, (kind, hint) in NEEDED.items():
        answer = needed.get(task, ...)
        if answer is ...:
            raise Wrong(f"Still open: {task!r}.")
        said = str(answer).strip().lower().removesuffix(" segmentation")
        if said != kind.lower():
            raise Wrong(f"Think again about {task!r}. {hint}")
    return "Area, number, both, a given mask, no given mask."


def exercise_3(join):
    """`join(semantic, masks, classes)`: a panoptic map; earlier masks win."""
    semantic = np.ones((4, 6), np.uint8)
    semantic[:2] = 0
    first, second, third = np.zeros((3, 4, 6), bool)
    first[1:3, 1:4] = True
    second[2:4, 2:6] = True
    third[0:3, 3:5] = True
    want = 1000 * semantic.astype(int)
    want[third], want[second], want[first] = 3003, 4002, 3001
    kept = semantic.copy()
    got = np.asarray(join(semantic, [first, second, third], [3, 4, 3]))
    if not np.array_equal(semantic, kept):
        raise Wrong("Your function changes the semantic map that it was given.")
    if got.shape != want.shape:
        raise Wrong(f"The map has the shape {got.shape}, not {want.shape}.")
    if got.max() <= 255:
        raise Wrong(
            "1000 times the class is not in the map. The semantic map is uint8, which"
            " holds 0 to 255 only: which type has room?"
        )
    both = first & second
    if (got[both] != 3001).any():
        raise Wrong(
            f"Where the first two objects overlap your map holds {got[both][0]}; the"
            " first, 3001, should keep those pixels."
        )
    both = second & third & ~first
    if (got[both] != 4002).any():
        raise Wrong(
            f"Where the second object overlaps the third your map holds {got[both][0]};"
            " the second, 4002, should keep those pixels."
        )
    if not np.array_equal(got, want):
        y, x = np.argwhere(got != want)[0]
        raise Wrong(
            f"At row {y}, column {x} your map holds {got[y, x]}, not {want[y, x]}."
        )
    if not np.array_equal(join(semantic, [], []), 1000 * semantic.astype(int)):
        raise Wrong("Without any object, the map should be 1000 times the classes.")
    return "Stuff, things and the overlap are all in place."
