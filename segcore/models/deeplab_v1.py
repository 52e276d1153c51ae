"""DeepLab v1: Semantic Image Segmentation with Deep Convolutional Nets and Fully
Connected CRFs.

Chen, Papandreou, Kokkinos, Murphy and Yuille, ICLR 2015; sections 3 and 4.3. The
paper's best network, LargeFOV; its CRF is `segcore.crf`.
"""

import paddle
import paddle.nn.functional as F
from paddle import nn

from segcore.backbones import vgg16_large_fov
from segcore.nn import conv_block, upsample


def deeplabv1(num_classes, in_channels=3, width=1.0, **options):
    """DeepLab v1 LargeFOV (Chen et al. 2015).

    `rate` is the dilation of fc6. `multi_scale=True` scores, beside fc7, features of
    the image itself and of the first four pools (section 4.3, "MSc"). `norm="batch"`
    puts batch norm into VGG16, for training from scratch; `pretrained=True` starts
    from ImageNet weights. `dropout` is the rate behind fc6 and fc7, and behind both
    convolutions of each branch of MSc.

    Not as released: the scores are resized with `align_corners=False`. True is exact
    for sides of 8k + 1 pixels, as the authors have them. Returns a `DeepLabV1`.
    """
    return DeepLabV1(num_classes, in_channels, width, **options)


class DeepLabV1(nn.Layer):
    """Maps `[N, C, H, W]` to `{"out": [N, num_classes, H, W]}`, logits."""

    def __init__(
        self,
        num_classes,
        in_channels,
        width,
        rate=12,
        multi_scale=False,
        norm=None,
        pretrained=False,
        dropout=0.5,
        align_corners=False,
    ):
        super().__init__()
        self.align_corners = align_corners
        self.backbone = vgg16_large_fov(
            in_channels, width, norm, rate, pretrained, dropout
        )
        channels = {"image": in_channels, **self.backbone.channels}
        between = max(1, round(width * 128))
        # The strides bring every branch to 1/8 of the image.
        self.strides = strides = {
            "image": 8,
            "pool1": 4,
            "pool2": 2,
            "pool3": 1,
            "pool4": 1,
        }
        self.branches = nn.LayerDict(
            {
                name: nn.Sequential(
                    *conv_block(channels[name], between, stride=stride, norm=norm),
                    nn.Dropout(dropout),
                    *conv_block(between, between, 1, padding=0, norm=norm),
                    nn.Dropout(dropout),
                )
                for name, stride in strides.items()
                if multi_scale
            }
        )
        together = channels["fc7"] + between * len(self.branches)
        self.classifier = nn.Conv2D(
            together, num_classes, 1, weight_attr=nn.initializer.Normal(0.0, 0.01)
        )

    def forward(self, x):
        maps = {"image": x, **self.backbone(x)}
        side = [
            branch(round_up(maps[name], self.strides[name]))
            for name, branch in self.branches.items()
        ]
        scores = self.classifier(paddle.concat([maps["fc7"], *side], axis=1))
        size = x.shape[2:]
        return {"out": upsample(scores, size, align_corners=self.align_corners)}


def round_up(x, stride):
    """Zeros below and on the right, so that a strided convolution rounds up, too.

    The pools of the network do; at 8k + 1 pixels a side nothing is added.
    """
    height, width = x.shape[2:]
    return F.pad(x, [0, (1 - width) % stride, 0, (1 - height) % stride])
