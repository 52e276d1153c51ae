"""COCO's formats: panoptic PNG and JSON, instance JSON, and ids as a 16-bit PNG.

Categories and images are dicts in COCO's own form, `{"id": 7, "name": "cat", "isthing":
1}` and `{"id": 3, "file_name": "3.jpg"}`. A class id is a category's place in the list,
0, 1, ..., whatever number COCO gives the category. Source: "Data format" and "Results
format" on cocodataset.org.
"""

import io
import json
from pathlib import Path

import numpy as np
from PIL import Image

from segcore import files
from segcore.data import reading
from segcore.errors import InputError
from segcore.files import printable, short

MOST_ID = 2**24 - 1  # three bytes: red, green, blue


def categories(classes, things):
    """Categories of the names `classes`, of which the class ids `things` are things."""
    return [
        {"id": k + 1, "name": name, "isthing": int(k in things)}
        for k, name in enumerate(classes)
    ]


class Panoptic:
    """The images of a panoptic JSON file: a sequence of (id map, segments).

    The id map is int64 `[H, W]`, 0 for void. `segments` has a dict for each id, with
    `"id"`, `"class_id"` and `"iscrowd"`: what `segcore.metrics.PanopticQuality` takes.
    `categories` and `images` are as in the file, `classes` the names of the class ids,
    and `things` those class ids that are things.
    """

    def __init__(self, categories, images, paths, segments):
        self.categories, self.images = categories, images
        self.classes = [printable(category["name"]) for category in categories]
        self.things = [k for k, each in enumerate(categories) if each["isthing"]]
        self._paths, self._segments = paths, segments

    def __len__(self):
        return len(self._paths)

    def __getitem__(self, index):
        ids, segments = _read_rgb(self._paths[index]), self._segments[index]
        found, listed = {*np.unique(ids).tolist()} - {0}, {s["id"] for s in segments}
        for id_ in sorted(found ^ listed):
            one, other = ("picture", "JSON file")[:: 1 if id_ in found else -1]
            raise InputError(
                f"{short(self._paths[index])}: segment {id_} is in the {one}, but not"
                f" in the {other}. Write both anew."
            )
        return ids, [dict(segment) for segment in segments]


def read_panoptic(path, folder=None):
    """The `Panoptic` of a JSON file; its PNGs lie in `folder`, by default its stem.

    The pictures are read when they are asked for. Raises `InputError` for a file that
    is no such JSON, and in `Panoptic[i]` for a picture that does not fit it.
    """
    path = Path(path)
    folder = path.with_suffix("") if folder is None else Path(folder)
    content = _Part(_read_json(path), path, "the file")
    groups = content.list("categories")
    known = {each.whole("id", most=2**31): k for k, each in enumerate(groups)}
    if len(known) < len(groups) or not groups:
        raise content.error("needs categories, each with its own id")
    for each in groups:
        each.text("name")
        each.whole("isthing", most=1)
    images = {each.whole("id"): each for each in content.list("images", [])}
    of, names, segments = [], [], []
    for each in content.list("annotations"):
        of.append(each.whole("image_id"))
        names.append(folder / each.file_name())
        segments.append([])
        for part in each.list("segments_info"):
            category = part.whole("category_id")
            if category not in known:
                raise part.error(f"has the category {category}, which is not listed")
            segments[-1].append(
                {
                    "id": part.whole("id", least=1, most=MOST_ID),
                    "class_id": known[category],
                    "iscrowd": part.whole("iscrowd", most=1, default=0),
                }
            )
        if len({segment["id"] for segment in segments[-1]}) < len(segments[-1]):
            raise each.error("lists a segment twice")
    if len({*of}) < len(of):
        raise content.error("has an image twice in its annotations")
    images = [images[i].content if i in images else {"id": i} for i in of]
    return Panoptic([each.content for each in groups], images, names, segments)


def write_panoptic(path, categories, entries):
    """Writes a panoptic JSON file, and beside it a folder of its stem with the PNGs.

    `entries` are (image, id map, segments), one an image; a segment is a dict with
    `"id"`, `"class_id"` and perhaps `"iscrowd"`. Raises `InputError` for an id map that
    is none or does not fit its segments, and for two images of one stem.
    """
    path, names, images, annotations = Path(path), set(), [], []
    if path.suffix != ".json":
        raise InputError(f"{short(path)}: give the file a name that ends in .json.")
    path.with_suffix("").mkdir(parents=True, exist_ok=True)
    for image, ids, segments in entries:
        ids = _whole_map(ids, MOST_ID)
        name = f"{Path(image['file_name']).stem}.png"
        if name in names:
            raise InputError(
                f"{printable(name)}: two images would have this name. Rename one."
            )
        names.add(name)
        table = {segment["id"]: segment for segment in segments}
        found = np.unique(ids[ids > 0]).tolist()
        if sorted(segment["id"] for segment in segments) != found:
            raise InputError(
                f"{printable(image['file_name'])}: the segments listed are not those of"
                " the id map."
            )
        info = []
        for id_, pixels in zip(found, _pixels(np.searchsorted([0, *found], ids))):
            segment = table[id_]
            info.append(
                {
                    "id": id_,
                    "category_id": _category(categories, segment["class_id"]),
                    "iscrowd": int(segment.get("iscrowd", 0)),
                    "area": len(pixels),
                    "bbox": _box(pixels, len(ids)),
                }
            )
        rgb = ids[..., None] >> np.array([0, 8, 16]) & 255
        _write_png(path.with_suffix("") / name, rgb.astype(np.uint8))
        images.append(_sized(image, ids.shape))
        annotations.append(
            {"image_id": int(image["id"]), "file_name": name, "segments_info": info}
        )
    _write_json(path, categories, images, annotations)


def write_instances(path, categories, entries):
    """Writes instances as a COCO JSON file with run lengths, as `pycocotools` reads it.

    `entries` are (image, masks, scores, classes), one an image. Masks are bool `[n, H,
    W]`, or an id map `[H, W]` where 0 is no instance and i + 1 that of `classes[i]`; an
    id without a pixel is left out. With `scores` None they are a truth. Raises
    `InputError` for masks and classes that do not fit together.
    """
    images, annotations = [], []
    for image, masks, scores, classes in entries:
        masks = np.asarray(masks)
        size = masks.shape[-2:]
        if masks.ndim == 3 and masks.dtype == bool:
            pixels = [np.flatnonzero(mask.T) for mask in masks]
        else:
            pixels = _pixels(_whole_map(masks, len(classes)), len(classes))
        each = [classes] if scores is None else [classes, scores]
        if {len(pixels)} != {len(values) for values in each}:
            raise InputError(
                f"{printable(image['file_name'])}: there are {len(pixels)} masks; give"
                " one class, and if any one score, for each."
            )
        if scores is not None and not np.isfinite(scores).all():
            raise InputError(
                f"{printable(image['file_name'])}: a score is nan or inf; scores are"
                " finite numbers."
            )
        for i, where in enumerate(pixels):
            if masks.ndim == 2 and not len(where):
                continue
            annotation = {
                "id": len(annotations) + 1,
                "image_id": int(image["id"]),
                "category_id": _category(categories, classes[i]),
                "segmentation": run_lengths(where, size),
                "area": len(where),
                "bbox": _box(where, size[0]),
                "iscrowd": 0,
            }
            if scores is not None:
                annotation["score"] = float(scores[i])
            annotations.append(annotation)
        images.append(_sized(image, size))
    _write_json(path, categories, images, annotations)


def write_ids(path, ids):
    """Writes instance ids `[H, W]`, 0 for none, as a grey PNG of 16 bits.

    `segcore.data.reading.read_mask` reads it. Raises `InputError` for what is no id
    map, and for ids beyond 65535.
    """
    _write_png(path, _whole_map(ids, 2**16 - 1).astype(np.uint16))


def run_lengths(pixels, size):
    """COCO's compressed run lengths of a mask of `size = (H, W)`, as a dict.

    `pixels` are the places of its pixels in rising order, counted down the columns.
    The counts of 0, 1, 0, 1, ... (from the third on as difference to the last but one)
    are written in digits of 5 bits and a sign, as `maskApi.c` has it.
    """
    first = np.flatnonzero(np.diff(pixels, prepend=-2) > 1)
    ends = np.append(first, len(pixels))[1:] - 1
    edges = np.stack([pixels[first], pixels[ends] + 1], axis=1).ravel()
    counts = np.diff([0, *edges, size[0] * size[1]]).tolist()
    if not counts[-1]:
        counts.pop()
    text = ""
    for i, count in enumerate(counts):
        rest, more = count - (counts[i - 2] if i > 2 else 0), True
        while more:
            digit, rest = rest & 31, rest >> 5
            more = rest != (-1 if digit & 16 else 0)
            text += chr(48 + digit + 32 * more)
    return {"size": [int(side) for side in size], "counts": text}


def _pixels(ids, count=None):
    """For each id 1, 2, ... the places of its pixels, counted down the columns."""
    ids = ids.T.ravel()
    places = np.argsort(ids, kind="stable")
    ends = np.bincount(ids, minlength=(count or 0) + 1).cumsum()
    return np.split(places, ends[:-1])[1:]


def _box(pixels, height):
    """`[x, y, width, height]` around pixels counted down the columns."""
    if not len(pixels):
        return [0, 0, 0, 0]
    x, y = np.divmod(pixels, height)
    low = [int(x.min()), int(y.min())]
    return [*low, int(x.max()) - low[0] + 1, int(y.max()) - low[1] + 1]


def _whole_map(ids, most):
    ids = np.asarray(ids)
    if ids.ndim != 2 or ids.dtype.kind not in "iu":
        raise InputError(
            f"The id map is {ids.dtype} {list(ids.shape)}; give whole numbers [H, W]."
        )
    bad = ids[(ids < 0) | (ids > most)]
    if len(bad):
        raise InputError(f"The id map holds {bad[0]}; ids go from 0 to {most} here.")
    return ids.astype(np.int64)


def _category(categories, class_id):
    if not 0 <= class_id < len(categories):
        raise InputError(
            f"There is no class {class_id}; classes are 0..{len(categories) - 1}."
        )
    return categories[class_id]["id"]


def _sized(image, size):
    return {
        **image,
        "id": int(image["id"]),
        "height": int(size[0]),
        "width": int(size[1]),
    }


def _write_json(path, categories, images, annotations):
    content = {"images": images, "annotations": annotations, "categories": categories}
    files.write(path, json.dumps(content))


def _write_png(path, pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    files.write(path, buffer.getvalue())


def _read_rgb(path):
    with reading.opened(path) as image:
        if image.format != "PNG" or image.mode != "RGB":
            raise InputError(
                f"{short(path)}: a panoptic map is a PNG in colours (RGB), not a"
                f" {image.format} ({image.mode})."
            )
        return np.asarray(image).astype(np.int64) @ np.array([1, 2**8, 2**16])


def _read_json(path):
    try:
        return json.loads(files.read_text(path))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{short(path)}: this is no sound JSON file ({printable(error)[:200]})."
        ) from None


class _Part:
    """A piece of a JSON file that may hold anything; raises `InputError`."""

    def __init__(self, content, path, name):
        self.content, self.path, self.name = content, path, name
        if not isinstance(content, dict):
            raise self.error("is no object with named values")

    def error(self, what):
        return InputError(f"{short(self.path)}: {self.name} {what}.")

    def get(self, key, kind, default=None):
        value = self.content.get(key, default)
        if not isinstance(value, kind) or isinstance(value, bool):
            what = {list: "list", int: "whole number", str: "text"}[kind]
            raise self.error(f"has no {what} {key!r}")
        return value

    def list(self, key, default=None):
        return [
            _Part(each, self.path, f"number {i} in {key}")
            for i, each in enumerate(self.get(key, list, default))
        ]

    def text(self, key):
        return self.get(key, str)

    def whole(self, key, least=0, most=2**63, default=None):
        value = self.get(key, int, default)
        if not least <= value <= most:
            raise self.error(f"has {key!r} outside of {least} to {most}")
        return value

    def file_name(self):
        name = self.text("file_name")
        # A stranger's file must not lead out of its folder.
        if not name.isprintable() or name in ("", ".", "..") or {*name} & {*"/\\:"}:
            raise self.error("has a 'file_name' that is no plain name of a file")
        return name
