"""GINet: Graph Interaction Network for Scene Parsing.

Wu, Lu, Zhu, Zhang, Wu, Ma and Guo, ECCV 2020; section 3. A GloRe unit whose nodes talk
with the words of the classes, and a loss that asks which classes are in the image.
"""

import zipfile

import numpy as np
import paddle
from paddle import nn

from segcore import files
from segcore.backbones import named
from segcore.errors import InputError
from segcore.models.pspnet import aux_head
from segcore.nn import ConvBNReLU, GraphInteraction, upsample

WORD = 300  # values a word: GloVe's, as in the paper


def ginet(num_classes, in_channels=3, width=1.0, **options):
    """GINet on a dilated ResNet (Wu et al. 2020).

    `words` is a file with one word vector a class, see `read_words`; they stay as they
    are. Without one the vectors are learned with the rest. `nodes` is the number of
    visual nodes (84 times `width`, unless given). `presence=False` leaves out the
    scores of the semantic-context loss, `aux=False` the second head on `layer3`.
    `dropout` is the rate before the scores of both heads. `pretrained=True` starts from
    Paddle's ImageNet weights. Returns a `GINet`.

    Checked against Baidu's port in PaddleSeg, whose word vectors are zeros that never
    change and which leaves the semantic-context loss out. Not as there: no joint
    pyramid upsampling between the ResNet, which has a 7x7 stem, and the head, and maps
    are resized with `align_corners=False`.
    """
    return GINet(num_classes, in_channels, width, **options)


class GINet(nn.Layer):
    """Maps `[N, C, H, W]` to `{"out": [N, num_classes, H, W]}`, logits; see `ginet`.

    `"presence"`, `[N, num_classes]`, beside it are the logits of each class to be in
    the image at all: the semantic-context loss is their binary cross entropy, weighted
    .2 (section 3.3). Fewer than two classes raise `InputError`.
    """

    def __init__(
        self,
        num_classes,
        in_channels,
        width,
        backbone="resnet50",
        words=None,
        nodes=None,
        presence=True,
        aux=True,
        output_stride=8,
        dropout=0.1,
        pretrained=False,
    ):
        super().__init__()
        if num_classes < 2:
            raise InputError(
                f"GINet relates classes to each other: it needs 2 or more, not"
                f" {num_classes}."
            )
        self.backbone = named(
            backbone,
            in_channels=in_channels,
            width=width,
            output_stride=output_stride,
            pretrained=pretrained,
        )
        channels = self.backbone.channels
        length, hidden, states, default, between = (
            max(1, round(width * c)) for c in (WORD, 128, 256, 84, 512)
        )
        if words is None:
            self.words = self.create_parameter(
                [num_classes, length], default_initializer=nn.initializer.Normal()
            )
        else:
            vectors = read_words(words, num_classes)
            length = vectors.shape[1]
            self.register_buffer("words", paddle.to_tensor(vectors))
        self.embed = nn.Sequential(
            *(nn.Linear(length, hidden), nn.BatchNorm1D(hidden), nn.ReLU()),
            *(nn.Linear(hidden, states), nn.BatchNorm1D(states), nn.ReLU()),
        )
        self.reduce = ConvBNReLU(channels["layer4"], between)
        self.unit = GraphInteraction(between, nodes or default, states, num_classes)
        self.head = nn.Sequential(
            nn.Dropout(dropout), nn.Conv2D(between, num_classes, 1)
        )
        # What a class looks like among the states, to compare its node with.
        self.centroids = (
            self.create_parameter(
                [num_classes, states], default_initializer=nn.initializer.Constant(1.0)
            )
            if presence
            else None
        )
        self.aux = aux_head(channels, num_classes, nn.Dropout(dropout)) if aux else None

    def forward(self, x):
        maps, size = self.backbone(x), x.shape[2:]
        features, seen = self.unit(self.reduce(maps["layer4"]), self.embed(self.words))
        outputs = {"out": upsample(self.head(features), size)}
        if self.centroids is not None:
            outputs["presence"] = (seen * self.centroids).sum(axis=2)
        if self.aux is not None and self.training:
            outputs["aux"] = upsample(self.aux(maps["layer3"]), size)
        return outputs


def read_words(path, num_classes):
    """Word vectors, float32 `[num_classes, length]`, in the order of the class ids.

    Either a `.npz` file with one array, or text in UTF-8 as GloVe's: a line a class, a
    word and its numbers, or numbers only. Raises `InputError` for a damaged file,
    another number of classes, and for vectors that are not finite or all zero.
    """
    name = files.short(path)
    if str(path).lower().endswith(".npz"):
        vectors = _from_npz(path, name)
    else:
        vectors = _from_text(files.read_text(path), name)
    if vectors.ndim != 2 or len(vectors) != num_classes or not vectors.size:
        raise InputError(
            f"{name}: the word vectors are {list(vectors.shape)}, and [{num_classes},"
            " length] is needed: one vector for each class, in the order of the ids."
        )
    with np.errstate(over="ignore"):  # too large for float32 becomes infinite
        vectors = vectors.astype(np.float32)
    for number, vector in enumerate(vectors):
        if not np.isfinite(vector).all() or not vector.any():
            raise InputError(
                f"{name}: the vector of class {number} is not finite, or is all zero."
                " Give that class the vector of a word that is known."
            )
    return vectors


def _from_npz(path, name):
    files.regular(path)
    try:
        with zipfile.ZipFile(path) as archive:
            (member,) = archive.infolist()
        if member.file_size > files.MOST_TEXT:
            raise ValueError("far too large")
        with np.load(path, allow_pickle=False) as arrays:
            (array,) = arrays.values()
        if array.dtype.kind not in "fiu":
            raise ValueError("no numbers")
    except Exception:  # whatever zipfile, zlib and numpy raise for a damaged file
        raise InputError(
            f"{name}: this is no .npz file with one array of numbers, or it is damaged."
            " Write it with numpy.savez(path, words=vectors)."
        ) from None
    return array


def _from_text(text, name):
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        if not _is_number(fields[0]):
            del fields[0]  # the word
        if not fields or not all(map(_is_number, fields)):
            raise InputError(
                f"{name}, line {number}: a word and then numbers are expected, with"
                " blanks between them."
            )
        rows.append([float(field) for field in fields])
        if len(rows[-1]) != len(rows[0]):
            raise InputError(
                f"{name}, line {number}: {len(rows[-1])} numbers, but the first line"
                f" has {len(rows[0])}. Every class needs as many."
            )
    return np.array(rows)


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
