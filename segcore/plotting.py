"""Pictures of masks: colours for class ids, overlays, legends, seeds, animations."""

import io

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch
from PIL import Image

# Okabe and Ito's palette (2008), readable with any colour vision, then shades of it.
PALETTE = (
    (70, 70, 70),
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
IGNORED = (255, 255, 255)


def colours(count):
    """`count` colours, uint8 `[count, 3]`; from the ninth on, darker ones return."""
    base = np.array(PALETTE, float)
    rows = [base[i % 8] * 0.7 ** (i // 8) for i in range(count)]
    return np.round(rows).astype(np.uint8)


def colour_mask(mask, palette=None):
    """Class ids `[H, W]` as a picture, uint8 `[H, W, 3]`; ignored pixels are white."""
    palette = (
        colours(int(mask[mask != 255].max(initial=0)) + 1)
        if palette is None
        else (np.asarray(palette, np.uint8))
    )
    table = np.full((256, 3), IGNORED, np.uint8)
    table[: len(palette)] = palette
    return table[mask]


def overlay(image, mask, palette=None, alpha=0.5, background=None):
    """The image under the mask's colours; class `background` and 255 stay clear."""
    blended = (1 - alpha) * image + alpha * colour_mask(mask, palette)
    clear = mask == 255
    if background is not None:
        clear |= mask == background
    blended[clear] = image[clear]
    return blended.round().astype(np.uint8)


def show(pictures, titles=(), columns=None, height=2.4):
    """Pictures side by side, without axes; returns the figure.

    A picture is `[H, W, 3]`, or `[H, W]` and then shown in grey.
    """
    columns = columns or len(pictures)
    rows = -(-len(pictures) // columns)
    aspect = pictures[0].shape[1] / pictures[0].shape[0]
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(columns * height * aspect, rows * (height + 0.3)),
        squeeze=False,
        layout="constrained",
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, picture in zip(axes.flat, pictures):
        axis.imshow(picture, cmap="gray", interpolation="nearest")
    for axis, title in zip(axes.flat, titles):
        axis.set_title(title, fontsize=10)
    return figure


def legend(figure, classes, palette):
    """One patch of colour a class, below the figure."""
    patches = [
        Patch(facecolor=np.array(colour) / 255, edgecolor="0.4", label=name)
        for name, colour in zip(classes, palette)
    ]
    figure.legend(
        handles=patches,
        loc="outside lower center",
        ncols=min(len(patches), 6),
        frameon=False,
        fontsize=9,
    )


def animation(draw, steps, seconds=0.8):
    """The figures `draw(step)` for each of `steps`, as one moving PNG for a notebook.

    Browsers play it on any page, without a script; what shows one picture only, such
    as paper, shows the last step. Figures of one size, each on screen for `seconds`.
    """
    from IPython.display import Image as Shown  # not needed on the command line

    frames = []
    for step in steps:
        figure = draw(step)
        figure.canvas.draw()
        frames.append(Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3]))
        plt.close(figure)
    buffer = io.BytesIO()
    frames[-1].save(
        buffer,
        "PNG",
        save_all=True,
        append_images=frames,
        default_image=True,  # the still, which is no part of the sequence
        duration=[*[1000 * seconds] * (len(frames) - 1), 3000 * seconds],
        loop=0,
    )
    return Shown(buffer.getvalue(), format="png")


def arms(runs, column, label, floors=None, by="arm"):
    """Scores of each arm of an experiment, a dot a seed and a line at their mean.

    `runs` is a list of dicts that hold the arm (key `by`) and `column`; `floors`,
    a dict of name and score, are grey lines through all arms. Returns the figure.
    """
    names = list(dict.fromkeys(run[by] for run in runs))
    floors = floors or {}
    figure, axis = plt.subplots(
        figsize=(6, 1 + 0.4 * len(names) + 0.2 * len(floors)), layout="constrained"
    )
    for place, name in enumerate(names):
        values = [run[column] for run in runs if run[by] == name]
        colour = np.array(PALETTE[5]) / 255
        axis.plot(values, [place] * len(values), "o", color=colour, alpha=0.6)
        axis.plot([np.mean(values)] * 2, [place - 0.3, place + 0.3], color=colour, lw=2)
    ends = np.linspace(-0.5, len(names) - 0.5, 2)
    for style, (name, value) in zip((":", "-.", "--", "-"), floors.items()):
        shown = f"{name} {value:.2f}"
        axis.plot([value] * 2, ends, style, color="0.35", lw=1.3, label=shown)
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlabel(label)
    axis.grid(axis="x", alpha=0.3)
    if floors:
        figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure
