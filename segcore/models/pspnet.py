"""PSPNet: Pyramid Scene Parsing Network.

Zhao, Shi, Qi, Wang and Jia, CVPR 2017; section 3 and figure 3. A dilated ResNet, the
averages over four grids beside its last map, and a second loss half-way up.
"""

from paddle import nn

from segcore.backbones import named
from segcore.nn import ConvBNReLU, PyramidPooling, upsample


def pspnet(num_classes, in_channels=3, width=1.0, **options):
    """PSPNet (Zhao et al. 2017).

    `bins` are the sides of the grids of averages; `bins=()` is the same network
    without them. `aux=True` adds the second head on `layer3`, whose output stands in
    training mode under `"aux"`. `dropout` is the rate at which both heads leave out
    whole channels before the scores.

    As in the authors' releases every block of `layer3` has dilation 2 and every block
    of `layer4` 4. `dilate_first=False` keeps the dilation before in the first block of
    each, so that the weights mean what they mean in the strided network. `stride_in` is
    as for `ResNet`; the released ResNet-50 in Caffe has "1x1", all others "3x3". Maps
    are resized with `align_corners`, which is True in the releases, for sides of 8k + 1
    pixels. (In Caffe dropout leaves out single values, in PyTorch whole channels.)
    Returns a `PSPNet`.
    """
    return PSPNet(num_classes, in_channels, width, **options)


class PSPNet(nn.Layer):
    """Maps `[N, C, H, W]` to `{"out": [N, num_classes, H, W]}`, logits; see `pspnet`.

    Training with one image raises `InputError`, as in `PyramidPooling`.
    """

    def __init__(
        self,
        num_classes,
        in_channels,
        width,
        backbone="resnet50",
        bins=(1, 2, 3, 6),
        aux=True,
        output_stride=8,
        dropout=0.1,
        dilate_first=True,
        stride_in="3x3",
        align_corners=False,
    ):
        super().__init__()
        self.align_corners = align_corners
        self.backbone = named(
            backbone,
            in_channels=in_channels,
            width=width,
            output_stride=output_stride,
            deep_stem=True,
            dilate_first=dilate_first,
            stride_in=stride_in,
        )
        channels = self.backbone.channels
        self.pyramid = PyramidPooling(channels["layer4"], bins, align_corners)
        self.head = classifier(
            self.pyramid.out_channels,
            channels["layer4"] // 4,
            num_classes,
            nn.Dropout2D(dropout),
        )
        leave_out = nn.Dropout2D(dropout)
        self.aux = aux_head(channels, num_classes, leave_out) if aux else None

    def forward(self, x):
        maps, size = self.backbone(x), x.shape[2:]
        outputs = {"out": self._resized(self.head(self.pyramid(maps["layer4"])), size)}
        if self.aux is not None and self.training:
            outputs["aux"] = self._resized(self.aux(maps["layer3"]), size)
        return outputs

    def _resized(self, scores, size):
        return upsample(scores, size, align_corners=self.align_corners)


def classifier(before, between, num_classes, dropout):
    """A 3x3 convolution, the layer `dropout`, and a score for each class."""
    between = max(1, between)
    return nn.Sequential(
        ConvBNReLU(before, between),
        dropout,
        nn.Conv2D(between, num_classes, 1),
    )


def aux_head(channels, num_classes, dropout):
    """The second head, on `layer3`: its loss helps the first layers to learn."""
    return classifier(channels["layer3"], channels["layer3"] // 4, num_classes, dropout)
