"""DeepLab v2: Semantic Image Segmentation with Deep Convolutional Nets, Atrous
Convolution, and Fully Connected CRFs.

Chen, Papandreou, Kokkinos, Murphy and Yuille, TPAMI 2018; section 3.2 and figure 7. Its
CRF is `segcore.crf`.
"""

import paddle
from paddle import nn

from segcore.backbones import named
from segcore.errors import InputError
from segcore.nn import Branches, upsample


def deeplabv2(num_classes, in_channels=3, width=1.0, **options):
    """DeepLab v2 with ASPP (Chen et al. 2018).

    The scores of four 3x3 convolutions of different dilation are summed (ASPP-L; one
    rate alone is the paper's LargeFOV). `scales=(0.5, 0.75, 1.0)` shows the network the
    image at three sizes and takes the highest score at each place, as published
    (section 3.2). `pretrained=True` starts from Paddle's ImageNet weights, in which
    the stride stands in the 3x3 convolutions. `align_corners=True` resizes as the
    release does, and fits inputs of 8k + 1 pixels a side. Returns a `DeepLabV2`.
    """
    return DeepLabV2(num_classes, in_channels, width, **options)


class DeepLabV2(nn.Layer):
    """Maps `[N, C, H, W]` to `{"out": [N, num_classes, H, W]}`, logits."""

    def __init__(
        self,
        num_classes,
        in_channels,
        width,
        backbone="resnet101",
        rates=(6, 12, 18, 24),
        scales=(1.0,),
        pretrained=False,
        align_corners=False,
    ):
        super().__init__()
        if not scales or min(scales) <= 0:
            raise InputError(f"scales are factors above 0, one at least, not {scales}.")
        self.scales, self.align_corners = tuple(scales), align_corners
        self.backbone = named(
            backbone,
            in_channels=in_channels,
            width=width,
            output_stride=8,
            stride_in="3x3" if pretrained else "1x1",
            ceil_mode=True,
            pretrained=pretrained,
        )
        self.aspp = Branches(
            *(
                nn.Conv2D(
                    self.backbone.channels["layer4"],
                    num_classes,
                    3,
                    padding=rate,
                    dilation=rate,
                    weight_attr=nn.initializer.Normal(0.0, 0.01),
                )
                for rate in rates
            ),
            merge="sum",
        )

    def scores(self, x):
        """`[N, num_classes, h, w]` at 1/8 of the image's size."""
        return self.aspp(self.backbone(x)["layer4"])

    def forward(self, x):
        size = x.shape[2:]
        maps = []
        for scale in self.scales:
            scaled = [max(1, round(side * scale)) for side in size]
            maps.append(self.scores(x if scale == 1 else self._resized(x, scaled)))
        finest = max((m.shape[2:] for m in maps), key=lambda s: s[0] * s[1])
        highest = maps[0]
        if len(maps) > 1:
            highest = paddle.stack([self._resized(m, finest) for m in maps]).max(axis=0)
        return {"out": self._resized(highest, size)}

    def _resized(self, x, size):
        return upsample(x, size, align_corners=self.align_corners)
