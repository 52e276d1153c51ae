"""What the masks of a folder hold, and whether that can be class ids at all."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from segcore.data import reading
from segcore.data.transforms import IGNORE
from segcore.files import short

MOST_VALUES = 64  # more than these, with gaps between them, are no list of classes
RARE = 0.05  # share of all pixels
BRIGHT = 100  # a foreground drawn to be seen, where 1 would be black


@dataclass
class Survey:
    """What one mask file holds: pixels of each value, and how many of them are loose.

    A loose pixel has no equal neighbour to its left or right, or none above or below.
    Classes lie in pieces; what smoothing, resizing or JPEG leave is loose.
    """

    counts: Counter
    loose: Counter
    one_bit: bool
    palette: bytes


def survey(path):
    """`(values, Survey)` of a mask file; raises `InputError` as `read_mask` does."""
    with reading.opened(path) as image:
        one_bit = image.mode == "1"
        values = reading.to_values(path, image)
        palette = bytes(image.getpalette("RGB")) if image.mode == "P" else b""
    strips = [values[rows] for rows in reading.strips(*values.shape)]
    counts, loose = _count(strips), Counter()
    if len(counts) > 2:
        loose = _count(strip[_is_loose(strip)] for strip in strips)
    return values, Survey(counts, loose, one_bit, palette)


def _count(strips):
    total = sum(np.bincount(strip.ravel(), minlength=2**16) for strip in strips)
    return Counter({int(value): int(total[value]) for value in np.nonzero(total)[0]})


def _is_loose(strip):
    beside, above = np.zeros((2, *strip.shape), bool)
    equal = strip[:, 1:] == strip[:, :-1]
    beside[:, 1:] |= equal
    beside[:, :-1] |= equal
    equal = strip[1:] == strip[:-1]
    above[1:] |= equal
    above[:-1] |= equal
    return ~(beside & above)


def nonsense(surveys):
    """One sentence on why the masks, `{path: Survey}`, hold no class ids, or None."""
    return (
        _too_many(surveys)
        or _smoothed(surveys)
        or _palettes_differ(surveys)
        or _kinds_differ(surveys)
    )


def values_found(surveys):
    """All values of the masks, as a set."""
    return set().union(*(each.counts for each in surveys.values()))


def _too_many(surveys):
    ids = values_found(surveys) - {IGNORE}
    if len(ids) <= MOST_VALUES or ids == set(range(min(len(ids), 254))):
        return None
    path = max(surveys, key=lambda path: len(surveys[path].counts))
    return (
        f"{short(path)}: the masks hold more than {MOST_VALUES} different values"
        f" ({_listed(sorted(ids))}). A mask holds one class id per pixel; a JPEG or"
        " resized mask blurs them. Export the masks as PNG."
    )


def _smoothed(surveys):
    total = sum((each.counts for each in surveys.values()), Counter())
    loose = sum((each.loose for each in surveys.values()), Counter())
    ids, rare = sorted(total.keys() - {IGNORE}), RARE * total.total()
    loners = [v for v in ids if total[v] < rare and 2 * loose[v] > total[v]]
    main = sorted(total.keys() - set(loners))
    # Thin classes, such as wires, are loose too. But they are few among the others, and
    # numbered 0, 1, 2, ...; and what blurring mixes lies between the values it mixes.
    strays = loners if len(loners) > 20 else []
    if len(main) > 1:
        strays = [v for v in loners if main[0] < v < main[-1]]
    numbered = ids == list(range(len(ids)))
    least, share = (4, 1 / 2) if numbered else (1, 1 / 3)
    if len(strays) < max(least, share * len(ids)):
        return None
    path = next(path for path in surveys if surveys[path].counts.keys() & set(strays))
    return (
        f"{short(path)}: labels such as {_listed(strays)} stand in scattered pixels"
        f" only, beside the values {_listed(main) or 'of noise'}: smoothing, resizing"
        " or JPEG make them. A mask holds one class id per pixel. Export the masks as"
        " PNG without smoothing, and resize them by nearest neighbour."
    )


def _palettes_differ(surveys):
    first = {}
    for path, each in surveys.items():
        for value in each.counts.keys() - {IGNORE} if each.palette else ():
            colour = tuple(each.palette[3 * value : 3 * value + 3])
            before, other = first.setdefault(value, (colour, path))
            if colour != before:
                return (
                    f"{short(path)}: value {value} has the colour {colour} in its"
                    f" palette, but {before} in that of {short(other)}. Export all"
                    " masks with one palette, so that a value means the same in each."
                )
    return None


def _kinds_differ(surveys):
    everything = values_found(surveys)
    for value in sorted(v for v in everything if v >= BRIGHT):
        alone = [path for path, s in surveys.items() if s.counts.keys() == {0, value}]
        others = [path for path, s in surveys.items() if s.counts.keys() - {0, value}]
        together = [path for path in others if value in surveys[path].counts]
        bits = [path for path in alone if surveys[path].one_bit]
        # 255 is not "ignored" in a file of one bit, nor where it is never met beside a
        # class. Another bright value is suspect only where all the others hold 0 and 1.
        odd = bits or (alone if not together else [])
        if odd and others and (value == IGNORE or everything == {0, 1, value}):
            return (
                f"{short(odd[0])}: it holds 0 and {value} only, but"
                f" {short(others[0])} {_listed(sorted(surveys[others[0]].counts))}: the"
                " foreground has not the same value in all masks. Give each class one"
                " value in all of them."
            )
    return None


def _listed(values):
    shown = ", ".join(map(str, values[:5]))
    return shown + ", ..." if len(values) > 5 else shown
