"""Make the front page's picture: three photographs that turn into their masks.

python tools/cover.py

The photographs ship with scikit-image; the masks of coins, nuclei and galaxies are made
as in lessons 07, 08 and 11, by classical methods. Each object has one of seven colours.
"""

from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image
from skimage import filters, measure

from notebooks import definitions
from segcore.plotting import colours

ROOT = Path(__file__).resolve().parent.parent
SIDE = 400  # pixels of a panel


def photographs():
    """Yield square parts of photographs, and the identity of each object in them."""
    image, mask = definitions("07").coins()
    yield image[:303, :303], measure.label(mask)[:303, :303]
    image, identities = definitions("08").stained_nuclei()
    yield image[128:384, 128:384], identities[128:384, 128:384]
    image = skimage.data.hubble_deep_field()
    blurred = filters.gaussian(image.mean(axis=2), 1)
    identities = measure.label(blurred > filters.threshold_otsu(blurred))
    yield image[330:630, 600:900], identities[330:630, 600:900]


def panel(image, identities):
    """The photograph on the left, its mask on the right, and one becomes the other."""
    palette = colours(8)
    painted = palette[1 + identities * 3 % 7]
    painted[identities == 0] = palette[0] * 0.5
    resize = Image.Resampling.LANCZOS, Image.Resampling.NEAREST
    image, painted = (
        np.asarray(Image.fromarray(each).resize((SIDE, SIDE), how), float)
        for each, how in zip((image, painted), resize)
    )
    share = np.clip(np.linspace(-1, 2, SIDE), 0, 1)[None, :, None]
    return ((1 - share) * image + share * painted).round().astype(np.uint8)


if __name__ == "__main__":
    panels = [panel(*each) for each in photographs()]
    file = ROOT / "book/_static/cover.jpg"
    Image.fromarray(np.hstack(panels)).save(file, quality=88, optimize=True)
    print(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1000} kB")
