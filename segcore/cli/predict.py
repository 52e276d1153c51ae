"""`predict`: masks and overlays of images."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from segcore import files, plotting, runs
from segcore.cli.shared import out_of_memory, paddle_on, say
from segcore.cli.volumes import is_volume, predict_volume, stem, volumes_in
from segcore.data.pairs import files_by_stem, read_image
from segcore.errors import InputError
from segcore.files import short


def predict(options):
    inputs = []
    output = Path(options.output)
    one_file = is_volume(output)
    if output.exists() and not output.is_dir() and not one_file:
        raise InputError(f"{output}: the output needs a folder, and this is a file.")
    for name in map(Path, options.inputs):
        if not name.is_dir():
            inputs.append(name)
            continue
        if runs.same_place(name, output):
            raise InputError(
                f"{short(name)}: the results need a folder of their own; choose another"
                " --output."
            )
        inputs += volumes_in(name) or files_by_stem(name).values()
    if not inputs:
        raise InputError(f"{', '.join(options.inputs)}: there are no images in it.")
    if one_file and (len(inputs) > 1 or not is_volume(inputs[0])):
        raise InputError(
            f"{output}: one volume alone can be predicted into a file; name a folder."
        )
    stems = [stem(path) if is_volume(path) else path.stem for path in inputs]
    if len(set(stems)) < len(stems):
        twice = next(stem for stem in stems if stems.count(stem) > 1)
        raise InputError(
            f"Two inputs are called {twice}, and their results would overwrite each"
            " other. Predict them into separate folders."
        )
    paddle_on(options.device)
    model, settings = runs.load_network(options.run_folder)
    from segcore.progress import bar

    (output.parent if one_file else output).mkdir(parents=True, exist_ok=True)
    failed = []
    line = bar(len(inputs), "predicting")
    for path in inputs:
        try:
            if is_volume(path):
                target = output if one_file else output / f"{stem(path)}_mask.nii.gz"
                predict_volume(path, target, model, settings, options.mode)
            else:
                _predict_one(path, model, settings, options.mode, output)
        except InputError as error:
            failed.append(str(error))
        except (OSError, MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not out_of_memory(error):
                raise
            reason = getattr(error, "strerror", None) or "not enough memory"
            failed.append(f"{short(path)}: {reason}.")
        line.update()
    line.close()
    done = len(inputs) - len(failed)
    if done:
        what = "Masks" if is_volume(inputs[0]) else "Masks and overlays"
        say(f"{what} written to {short(output)}: {done} of {len(inputs)}.")
    if failed:
        raise InputError(f"{failed[0]} ({len(failed)} of {len(inputs)} inputs failed.)")


def _predict_one(path, model, settings, mode, output):
    from segcore import inference

    image = read_image(path)
    size = settings.size and tuple(settings.size)
    mask = inference.predict(model, image, mode, size)
    palette = np.array(settings.colours, np.uint8)
    picture = Image.fromarray(mask).convert("P")
    picture.putpalette(palette.tobytes())
    overlay = Image.fromarray(plotting.overlay(image, mask, palette))
    _save_png(picture, output / f"{path.stem}_mask.png")
    _save_png(overlay, output / f"{path.stem}_overlay.png")


def _save_png(picture, path):
    """Writes a PNG that says who made it; only such a one is ever overwritten."""
    if os.path.lexists(path):
        try:
            with Image.open(files.regular(path), formats=["PNG"]) as there:
                ours = there.info.get("Software") == "segcore"
        except (InputError, OSError, ValueError):
            ours = False
        if not ours:
            raise InputError(
                f"{short(path)}: this file is not of segcore's making, and would be"
                " overwritten. Choose another --output."
            )
    note, content = PngInfo(), io.BytesIO()
    note.add_text("Software", "segcore")
    picture.save(content, "PNG", pnginfo=note)
    files.write(path, content.getvalue())
