"""FCN: Fully Convolutional Networks for Semantic Segmentation.

Long, Shelhamer and Darrell, CVPR 2015; sections 3 and 4, figure 3. The three networks
differ in how many shallow maps they add before the last step up.
"""

from paddle import nn

from segcore.backbones import vgg16
from segcore.nn import bilinear_kernel
from segcore.nn.receptive_field import reach


def fcn32s(
    num_classes,
    in_channels=3,
    width=1.0,
    pad=100,
    norm=None,
    pretrained=False,
    dropout=0.5,
):
    """FCN-32s (Long et al. 2015): the scores at 1/32, interpolated in one step.

    `pad` is the border around the image, 100 pixels in the paper; `pad=1` keeps every
    map in step with the image, and is much faster on small ones. `norm="batch"` puts
    batch norm into VGG16, for training from nothing; `pretrained=True` starts from
    ImageNet weights. `dropout` is the rate behind fc6 and fc7. Returns an `FCN`.
    """
    skips = ()
    return FCN(num_classes, in_channels, width, pad, norm, pretrained, dropout, skips)


def fcn16s(
    num_classes,
    in_channels=3,
    width=1.0,
    pad=100,
    norm=None,
    pretrained=False,
    dropout=0.5,
):
    """FCN-16s (Long et al. 2015): FCN-32s with the scores of pool4 added at 1/16."""
    skips = ("pool4",)
    return FCN(num_classes, in_channels, width, pad, norm, pretrained, dropout, skips)


def fcn8s(
    num_classes,
    in_channels=3,
    width=1.0,
    pad=100,
    norm=None,
    pretrained=False,
    dropout=0.5,
):
    """FCN-8s (Long et al. 2015): FCN-16s with the scores of pool3 added at 1/8."""
    skips = ("pool4", "pool3")
    return FCN(num_classes, in_channels, width, pad, norm, pretrained, dropout, skips)


class FCN(nn.Layer):
    """Maps `[N, C, H, W]` to `{"out": [N, num_classes, H, W]}`, logits.

    The score layers start at zero and the upscoring as bilinear interpolation, as
    published, so a fresh FCN gives all classes the same score.
    """

    def __init__(
        self, num_classes, in_channels, width, pad, norm, pretrained, dropout, skips
    ):
        super().__init__()
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
