"""FCN: Fully Convolutional Networks for Semantic Segmentation.

Long, Shelhamer and Darrell, CVPR 2015; sections 3 and 4, figure 3. The three networks
differ in how many shallow maps they add before the last step up.
"""

from paddle import nn

from segcore.backbones import vgg16
from segcore.errors import InputError
from segcore.nn import bilinear_kernel
from segcore.nn.receptive_field import reach


def fcn32s(num_classes, in_channels=3, width=1.0, **options):
    """FCN-32s (Long et al. 2015): the scores at 1/32, interpolated in one step.

    Options of all three: `pad` is the border around the image, 100 pixels in the paper;
    `pad=1` keeps every map in step with the image, and is much faster on small ones.
    `norm="batch"` puts
    batch norm into VGG16, for training from scratch; `pretrained=True` starts from
    ImageNet weights. `dropout` is the rate behind fc6 and fc7. The upscoring starts as
    bilinear interpolation and is learned; `fixed_upscore="last"` keeps the last step as
    it is, as in the paper, and `"all"` every step, as in the authors' release. Returns
    an `FCN`.
    """
    return FCN((), num_classes, in_channels, width, **options)


def fcn16s(num_classes, in_channels=3, width=1.0, **options):
    """FCN-16s (Long et al. 2015): FCN-32s with the scores of pool4 added at 1/16."""
    return FCN(("pool4",), num_classes, in_channels, width, **options)


def fcn8s(num_classes, in_channels=3, width=1.0, **options):
    """FCN-8s (Long et al. 2015): FCN-16s with the scores of pool3 added at 1/8."""
    return FCN(("pool4", "pool3"), num_classes, in_channels, width, **options)


class FCN(nn.Layer):
    """Maps `[N, C, H, W]` to `{"out": [N, num_classes, H, W]}`, logits.

    The score layers start at zero and the upscoring as bilinear interpolation, as
    published, so a fresh FCN gives all classes the same score.
    """

    def __init__(
        self,
        skips,
        num_classes,
        in_channels,
        width,
        pad=100,
        norm=None,
        pretrained=False,
        dropout=0.5,
        fixed_upscore=None,
    ):
        super().__init__()
        if fixed_upscore not in (None, "last", "all"):
            raise InputError(
                f'fixed_upscore is None, "last" or "all", not {fixed_upscore!r}.'
            )
        # With pad=1 fc6 needs a border of its own to fit on a small map.
        fc6_padding = 3 if pad == 1 else 0
        self.backbone = vgg16(
            in_channels, width, norm, pad, fc6_padding, True, pretrained, dropout
        )
        self.maps = ("fc7", *skips)
        self.score = nn.LayerList(
            nn.Conv2D(
                self.backbone.channels[name],
                num_classes,
                1,
                weight_attr=nn.initializer.Constant(0.0),
            )
            for name in self.maps
        )
        # Twice as large for every skip, and the rest of the 32 in the last step.
        strides = [2] * len(skips) + [32 >> len(skips)]
        self.upscore = nn.LayerList(
            nn.Conv2DTranspose(
                num_classes,
                num_classes,
                2 * stride,
                stride=stride,
                weight_attr=nn.initializer.Assign(bilinear_kernel(num_classes, stride)),
                bias_attr=False,
            )
            for stride in strides
        )
        fixed = {None: [], "last": [self.upscore[-1]], "all": self.upscore}
        for layer in fixed[fixed_upscore]:
            layer.weight.trainable = False
        self.shifts = self._shifts(strides)

    def forward(self, x):
        maps = self.backbone(x)
        out = self.score[0](maps["fc7"])
        for place, name in enumerate(self.maps[1:]):
            finer = self.score[place + 1](maps[name])
            out, finer = align(self.upscore[place](out), finer, self.shifts[place])
            out = out + finer
        return {"out": align(self.upscore[-1](out), x, self.shifts[-1])[0]}

    def _shifts(self, strides):
        """By how many pixels each upscored map lies off what it is laid upon.

        Pixel i of a map has its centre over the image at centre + i * step, which
        follows from the paddings on the way there. A kernel of 2s painted with stride s
        reaches s - 1/2 of the new pixels before the centre of the old one.
        """
        step, centre = _grid(self.backbone.upto("fc7"))
        shifts = []
        for name, stride in zip([*self.maps[1:], "image"], strides):
            step //= stride
            centre -= (stride - 0.5) * step
            below = 0 if name == "image" else _grid(self.backbone.upto(name))[1]
            shifts.append(round((centre - below) / step))
            centre = max(centre, below)  # where the part in common begins
        return shifts


def align(out, below, shift):
    """Two maps `[N, C, H, W]` cut to the part they share.

    Pixel 0 of `out` lies over pixel `shift` of `below`. The cuts of the paper's nets:
    19 of the output; 5 of pool4 and 27; 5 of pool4, 9 of pool3 and 31.
    """
    if shift >= 0:
        return out, _crop(below, shift, out.shape[2:])
    return _crop(out, -shift, below.shape[2:]), below


def _crop(x, offset, size):
    h, w = size
    return x[:, :, offset : offset + h, offset : offset + w]


def _grid(layers):
    """Step and first centre, in pixels of the image, of the map these layers give."""
    step, first, last = reach(layers)[0]
    return step, (first + last) / 2
