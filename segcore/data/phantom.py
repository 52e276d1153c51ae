"""Synthetic abdominal CT: liver, tumours and their neighbours, every voxel known.

A patient is a handful of soft shapes, bent together at random, drawn one over the other
in Hounsfield units. Liver, spleen, stomach, bowel and muscle share their values and the
patient lies anywhere in the picture, so that neither grey nor place names the liver.
A phantom teaches method, not medicine: real organs, diseases and machines vary more.
"""

from pathlib import Path

import nibabel
import numpy as np
from scipy.ndimage import gaussian_filter, zoom

from segcore import files
from segcore.data import lits
from segcore.data.volumes import window
from segcore.errors import InputError

LENGTHS = {"train": 24, "val": 6, "test": 12}  # cases
# Shift and gain of all HU, deviation of the noise in HU, and its grain in voxels.
SCANNERS = {"A": (0, 1.0, 14, 0.6), "B": (25, 0.85, 30, 0.9)}
FAR = 1e3  # mm
HEIGHT = 170  # mm of the body that a volume covers, about
HU = {"gas": (-900, -700), "water": (0, 30), "food": (50, 125), "agent": (180, 300)}
FILLINGS = (0.15, 0.15, 0.6, 0.1)
# Starts, ends and radii in mm, heights below the diaphragm: hepatic and portal veins.
HILUM, FORK = (-30, 0, -92), (-62, 0, -82)
VESSELS = (
    ((-18, 15, -14), (-115, 15, -60), 4.5),
    ((-18, 15, -14), (-65, -65, -55), 4.5),
    ((-18, 15, -14), (25, -60, -40), 4),
    (HILUM, FORK, 6.5),
    (HILUM, (25, -50, -62), 4.5),
    (FORK, (-118, -15, -105), 4),
    (FORK, (-105, 40, -75), 4),
    (FORK, (-85, -55, -90), 4),
)
ORDERS = ("LPS", "RAS", "LAS")  # how the files that `write` makes are stored


def load(
    split,
    size=(96, 96),
    depth=32,
    length=None,
    scanner="A",
    seed=0,
    neighbours=False,
):
    """Slices of `length` synthetic cases as `lits.Slices`; each seed has its own.

    The same patients are seen by `scanner` "A" or, with other grey values and more
    noise, "B". Cases are made when first asked for and then kept.
    """
    if scanner not in SCANNERS:
        raise InputError(f'There is no scanner {scanner!r}; there are "A" and "B".')
    if min(size) < 32 or depth < 4:
        raise InputError(
            f"Phantoms have at least 4 slices of 32 x 32 pixels, not {depth} of {size}."
        )
    part = list(LENGTHS).index(split)
    cases = [
        Case(f"phantom/{split}/{k}", [seed, part, k], (depth, *size), scanner)
        for k in range(LENGTHS[split] if length is None else length)
    ]
    return lits.Slices(cases, neighbours)


def write(folder, length=12, size=(96, 96), depth=32, scanner="A", seed=0):
    """Writes cases as `volume-N.nii` and `segmentation-N.nii`, as LiTS has them.

    Axis orders differ from case to case. Read them with `lits.read(folder, part)`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(length):
        case = Case(f"volume-{k}", [seed, len(LENGTHS), k], (depth, *size), scanner)
        hu, mask = case.voxels()
        affine = np.zeros((4, 4))
        affine[[2, 1, 0], [0, 1, 2]] = np.array((1, -1, -1)) * case.spacing
        affine[:, 3] = (150, 150, -80, 1)
        for name, values in (("volume", hu), ("segmentation", mask)):
            image = nibabel.Nifti1Image(values, affine)
            ornt = nibabel.orientations.axcodes2ornt(ORDERS[k % len(ORDERS)])
            turn = nibabel.orientations.ornt_transform(
                nibabel.io_orientation(affine), ornt
            )
            image = image.as_reoriented(turn)
            files.write(folder / f"{name}-{k}.nii", image.to_bytes())


class Case:
    """One patient: `name`, `shape`, `spacing` in mm, `image()` and `mask()`."""

    def __init__(self, name, seed, shape, scanner="A"):
        self.name, self.shape = name, tuple(shape)
        self._seed, self._scanner, self._kept = seed, scanner, None
        rng = np.random.default_rng([*seed, 1])
        thickness = HEIGHT / shape[0] * rng.uniform(0.9, 1.1)
        pixel = rng.uniform(340, 430) / max(shape[1:])
        self.spacing = (thickness, pixel, pixel)

    def voxels(self):
        """`(hu, mask)`, int16 and uint8 `[D, H, W]`."""
        rng = np.random.default_rng(self._seed)
        hu, mask = Patient(rng, self.shape, self.spacing).draw()
        shift, gain, noise, grain = SCANNERS[self._scanner]
        # A scanner's noise has a grain: neighbours in a slice are alike.
        grains = gaussian_filter(rng.normal(size=self.shape), (0, grain, grain))
        hu = hu * gain + shift * (hu > -500) + grains * (noise / grains.std())
        return np.clip(hu, -1024, 2000).round().astype(np.int16), mask

    def image(self):
        """The windowed CT, uint8 `[D, H, W]`."""
        return self._both()[0]

    def mask(self):
        """The class ids, uint8 `[D, H, W]`."""
        return self._both()[1]

    def _both(self):
        if self._kept is None:
            hu, mask = self.voxels()
            self._kept = window(hu, *lits.WINDOW), mask
        return self._kept


class Patient:
    """Coordinates, organs and their values; lengths in mm.

    The origin lies in the middle of the liver's height before the spine; x grows to the
    patient's left, y to the back, z upward.
    """

    def __init__(self, rng, shape, spacing):
        self.rng, self.shape = rng, shape
        self.soft = np.mean(spacing[1:]) * 1.2  # over which two tissues blend
        self.scale = rng.uniform(0.85, 1.1)
        place = rng.uniform((-60, -45, -40), (60, 45, 40))
        angle = rng.uniform(-0.35, 0.35)
        z, y, x = (
            (np.arange(n, dtype=np.float32) - (n - 1) / 2) * step - away
            for n, step, away in zip(shape, spacing, place)
        )
        z, y, x = np.meshgrid(z, y, x, indexing="ij")
        cos, sin = np.cos(angle), np.sin(angle)
        x, y = cos * x - sin * y, sin * x + cos * y
        bend = [self.smooth(7) for _ in range(3)]
        self.x, self.y, self.z = (
            axis / self.scale + shift for axis, shift in zip((x, y, z), bend)
        )
        # Of z, y and x: the least and largest in each slice, row and column.
        self.ranges = [
            (axis.min(others), axis.max(others))
            for axis, others in zip((self.z, self.y, self.x), ((1, 2), (0, 2), (0, 1)))
        ]
        self.hu = np.full(shape, -1000, np.float32)

    def smooth(self, deviation, grid=4):
        """A random field that changes slowly, `[D, H, W]`."""
        field = self.rng.normal(0, deviation, (grid,) * 3).astype(np.float32)
        for side in self.shape:  # each axis in its turn moves to the end
            between = zoom(np.eye(grid, dtype=np.float32), (side / grid, 1), order=2)
            field = np.tensordot(field, between, (0, 1))
        return field

    def ball(self, centre, radii):
        """Signed distance to an ellipsoid, about, in mm; negative inside."""
        distance = np.full(self.shape, FAR, np.float32)
        box = self.box(centre, radii)
        parts = [
            (axis[box] - c) / r
            for axis, c, r in zip((self.x, self.y, self.z), centre, radii)
        ]
        far = np.sqrt(sum(p * p for p in parts) + 1e-6)
        steep = np.sqrt(sum((p / r) ** 2 for p, r in zip(parts, radii)) + 1e-9)
        distance[box] = far * (far - 1) / steep
        return distance

    def box(self, centre, radii, margin=16):
        """The part of the volume beyond which a shape is farther than a margin."""
        ends = [
            np.flatnonzero((low < c + r + margin) & (high > c - r - margin))
            for (low, high), c, r in zip(self.ranges, centre[::-1], radii[::-1])
        ]
        return tuple(slice(e[0], e[-1] + 1) if len(e) else slice(0) for e in ends)

    def tube(self, start, end, radius):
        """Signed distance to a round rod."""
        start, step = np.asarray(start, float), np.subtract(end, start)
        away = [axis - s for axis, s in zip((self.x, self.y, self.z), start)]
        along = sum(a * s for a, s in zip(away, step)) / (step @ step)
        along = along.clip(0, 1)
        return np.sqrt(sum((a - along * s) ** 2 for a, s in zip(away, step))) - radius

    def paint(self, distance, hu):
        """Lays a value over what is there; voxels at the border hold of both."""
        width = self.soft / self.scale
        here = distance < width / 2
        share = np.minimum(0.5 - distance[here] / width, 1)
        self.hu[here] += share * (hu - self.hu[here])

    def draw(self):
        """`(hu, mask)`: float32 and uint8 `[D, H, W]`."""
        rng = self.rng
        muscle = rng.uniform(50, 85)
        # Organs that take up contrast agent: as bright as muscle, or up to twice.
        liver, spleen, pancreas = rng.uniform(70, 135, 3)
        top = rng.uniform(60, 85)  # of the diaphragm on the right
        self.body(muscle)
        # Two domes, one over the liver, one over stomach and spleen; lungs above.
        domes = np.minimum(
            self.ball((-70, 0, top - 130), (95, 115, 130)),
            self.ball((70, 5, top - 145), (95, 105, 130)),
        )
        self.paint(np.maximum(self.inside + 4, -domes), -850)
        heart = self.ball((25, -40, top + 35), (62, 45, 45))
        self.paint(np.maximum(heart, self.inside + 6), rng.uniform(60, 150))
        room = np.maximum(self.inside + 2, domes + 3)
        self.bowel(top, muscle, room)
        self.paint(self.tube((-20, 0, top - 110), (65, 15, top - 85), 10), pancreas)
        bulge = self.ball((55, 10, top - 65), (36, 45, 60))
        whole = self.ball((105, 40, top - 65), rng.uniform((26, 45, 40), (46, 72, 75)))
        self.paint(np.maximum.reduce([whole, -bulge, room]), spleen)
        stomach = self.stomach(top, muscle, room)
        kidneys = self.kidneys(top)
        self.spine(muscle)
        # The right kidney lies behind the liver, in fat that reaches to the back.
        behind = np.minimum(kidneys - 5, self.ball((-42, 75, top - 150), (42, 45, 75)))
        around = np.maximum(room, -np.minimum(behind, stomach - 3))
        return self.hu, self.liver(top, liver, around)

    def body(self, muscle):
        """Fat, a wall of muscle with ribs in it, and fat between the organs."""
        rng, endless = self.rng, 1e4
        fat = rng.uniform(6, 32)
        radii = rng.uniform((135, 95), (150, 108)) + fat
        skin = self.ball((0, 0, 0), (*radii, endless))
        wall = skin + fat
        self.paint(skin, -100)
        self.paint(wall, muscle)
        self.inside = wall + rng.uniform(11, 16)
        self.paint(self.inside, -95)
        slant = np.abs(self.x) / 60 - self.y / 90
        between = 10 * (0.55 - np.cos(2 * np.pi * (self.z / 30 + slant)))
        self.paint(np.maximum(np.abs(wall + 6) - 3.5, between), 320)

    def bowel(self, top, muscle, room):
        """Loops in front and below, filled with gas, water, food or contrast agent."""
        for _ in range(22):
            centre = self.rng.uniform((-105, -85, top - 210), (105, 15, top - 90))
            loop = np.maximum(self.ball(centre, self.rng.uniform(14, 30, 3)), room)
            filling = self.rng.choice(["gas", "water", "food", "agent"], p=FILLINGS)
            low, high = HU[filling]
            self.paint(loop, muscle + 20)
            self.paint(loop + 4, self.rng.uniform(low, high))

    def stomach(self, top, muscle, room):
        """Wall, food or water, and a bubble of air in front; returns its distance."""
        rng = self.rng
        centre = rng.uniform((45, -40, top - 75), (75, -15, top - 45))
        sac = np.maximum(self.ball(centre, rng.uniform(30, 48, 3)), room)
        self.paint(sac, muscle + 15)
        self.paint(sac + 5, rng.uniform(*HU[rng.choice(["water", "food"])]))
        level = self.y - centre[1] + rng.uniform(5, 25)
        self.paint(np.maximum(sac + 5, level), -900)
        return sac

    def kidneys(self, top):
        """Both kidneys, bright, with fat in the hilum; returns their distance."""
        bright = self.rng.uniform(110, 190)
        both = np.float32(FAR)
        for side in (-1, 1):
            place = (side * self.rng.uniform(55, 68), 40, top - 125 + 12 * side)
            kidney = self.ball(place, self.rng.uniform((22, 25, 48), (29, 33, 60)))
            self.paint(kidney, bright)
            hilum = (place[0] - side * 16, place[1] - 8, place[2])
            self.paint(self.ball(hilum, (13, 11, 24)), -60)
            both = np.minimum(both, kidney)
        return both

    def spine(self, muscle):
        """Vertebrae and discs, the canal, muscles beside them, aorta and vena cava."""
        endless = 1e4
        for side in (-1, 1):
            self.paint(self.ball((side * 36, 76, 0), (29, 21, endless)), muscle)
            psoas = self.ball((side * 36, 52, -110), (17, 20, 95))
            self.paint(psoas, muscle)
            process = self.tube((0, 66, 0), (side * 42, 78, 0), 5)
            self.paint(process, 250)
        body = self.ball((0, 48, 0), (23, 18, endless))
        self.paint(body, 380)
        disc = 12 * (0.8 - np.cos(2 * np.pi * self.z / 34))
        self.paint(body + 3, self.rng.uniform(140, 220))
        self.paint(np.maximum(body, disc), 90)
        # Seen from above the arch is a Y, whatever the height.
        flat = np.hypot(self.x, (self.y - 86) / 4)
        self.paint(flat - 4, 350)
        self.paint(np.abs(np.hypot(self.x, self.y - 72) - 10) - 2.5, 350)
        self.paint(np.hypot(self.x, self.y - 72) - 8, 35)
        self.paint(np.hypot(self.x - 12, self.y - 20) - 10, self.rng.uniform(120, 180))

    def liver(self, top, hu, around):
        """Lobes, vessels, cysts, tumours, gall bladder and vena cava; the class ids."""
        rng = self.rng
        right = self.ball((-75, 2, top - 78), rng.uniform((66, 72, 75), (85, 92, 95)))
        reach = rng.uniform(50, 100)
        left = self.ball((0, -42, top - 48), (reach, rng.uniform(34, 48), 40))
        # The lower face rises from the right flank to the middle.
        slope = rng.uniform(0.4, 0.8)
        face = (top - rng.uniform(130, 165) + slope * (self.x + 110) - self.z) / 1.15
        whole = np.maximum.reduce([np.minimum(right, left), face, around])
        cava = np.hypot(self.x + 18, self.y - 20) - 11
        bladder = self.ball(
            (-35, -40, top - 105), rng.uniform((9, 12, 18), (16, 20, 32))
        )
        whole = np.maximum.reduce([whole, -cava, -bladder])
        self.paint(whole, hu)
        self.paint(bladder, rng.uniform(0, 20))
        bright = hu + rng.uniform(25, 60)
        self.paint(np.maximum(cava, self.inside), bright)
        for start, end, radius in VESSELS:
            ends = [np.add(p, (0, 0, top)) for p in (start, end)]
            ends[1] = ends[1] + rng.normal(0, 12, 3)
            self.paint(np.maximum(self.tube(*ends, radius), whole), bright)
        rough = self.smooth(1, grid=10)
        for _ in range(rng.integers(0, 3)):
            cyst = self.ball(self.within(whole, 5), (rng.uniform(4, 12),) * 3)
            self.paint(np.maximum(cyst, whole), rng.uniform(-10, 8))
        mask = (whole < 0).astype(np.uint8)
        count = 0 if rng.random() < 0.15 else rng.integers(2, 9)
        darker = rng.uniform(35, 60)
        for _ in range(count):
            radius = np.exp(rng.uniform(np.log(5), np.log(32)))
            tumour = self.ball(
                self.within(whole, radius / 2), radius * rng.uniform(0.8, 1.25, 3)
            )
            tumour = np.maximum(tumour + 0.15 * radius * rough, whole)
            self.paint(tumour, hu - darker * rng.uniform(0.8, 1.2))
            self.paint(tumour + 0.6 * radius, hu - 1.4 * darker)
            mask[tumour < 0] = 2
        return mask

    def within(self, distance, depth):
        """A random place at least `depth` below a surface, or as deep as there is."""
        found = np.argwhere(distance < max(-depth, distance.min() * 0.8))
        if not len(found):  # the volume does not reach the organ
            return (0.0, 0.0, 1e4)
        place = tuple(found[self.rng.integers(len(found))])
        return self.x[place], self.y[place], self.z[place]
