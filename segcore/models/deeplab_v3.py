"""DeepLab v3: Rethinking Atrous Convolution for Semantic Image Segmentation.

Chen, Papandreou, Schroff and Adam, 2017; section 3.3 and figure 5. Multi-grid in the
last stage, ASPP with a 1x1 convolution and image pooling, all concatenated.
"""

from paddle import nn

from segcore.backbones import named
from segcore.models.pspnet import aux_head
from segcore.nn import ASPP, ConvBNReLU, upsample

# The variant that torchvision distributes: `deeplabv3(21, **TORCHVISION)`.
TORCHVISION = {
    "output_stride": 8,
    "stride_in": "3x3",
    "multi_grid": None,
    "rates": (12, 24, 36),
    "final_conv": True,
    "aux": True,
    "dropout": 0.5,
}


def deeplabv3(
    num_classes,
    in_channels=3,
    width=1.0,
    backbone="resnet50",
    output_stride=16,
    multi_grid=(1, 2, 4),
    rates=None,
    image_pooling=True,
    final_conv=False,
    aux=False,
    stride_in=None,
    pretrained=False,
    dropout=0.1,
    align_corners=False,
):
    """DeepLab v3 with ASPP (Chen et al. 2017).

    `rates` are the dilations of ASPP as they stand; by default (6, 12, 18) at an output
    stride of 16 and twice that at 8, as in the paper. `final_conv` (one more 3x3
    convolution before the scores) and `aux` (a second head on `layer3`) are what
    torchvision adds, see `TORCHVISION`. `pretrained=True` starts from Paddle's ImageNet
    weights. `dropout` is the rate behind ASPP's projection, .1 in the authors' code and
    .5 in torchvision; that of the second head is .1, or less where this is less.
    `stride_in` is as for `ResNet`: as published "1x1", but "3x3" where those
    weights have it. Returns a `DeepLabV3`.

    Not as in the authors' code: there the stride stands in the last block of the stage
    before, and `align_corners`, with which the scores are resized, is True (in
    torchvision False). The stem's pool rounds down, as in torchvision, which matters at
    sides other than 8k + 1 pixels.
    """
    rates = rates or [rate * 16 // output_stride for rate in (6, 12, 18)]
    return DeepLabV3(
        num_classes,
        backbone,
        {
            "in_channels": in_channels,
            "width": width,
            "output_stride": output_stride,
            "multi_grid": multi_grid,
            "stride_in": stride_in or ("3x3" if pretrained else "1x1"),
            "pretrained": pretrained,
        },
        rates,
        image_pooling,
        final_conv,
        aux,
        dropout,
        align_corners,
    )


class DeepLabV3(nn.Layer):
    """Maps `[N, C, H, W]` to `{"out": [N, num_classes, H, W]}`, logits.

    With image pooling, training with one image raises `InputError`, as in `ASPP`.
    """

    def __init__(
        self,
        num_classes,
        backbone,
        options,
        rates,
        image_pooling,
        final_conv,
        aux,
        dropout,
        align_corners,
    ):
        super().__init__()
        self.align_corners = align_corners
        self.backbone = named(backbone, **options)
        channels = self.backbone.channels
        between = max(1, round(256 * options["width"]))
        self.aspp = ASPP(channels["layer4"], between, rates, image_pooling)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Sequential(
            *([ConvBNReLU(between, between)] if final_conv else []),
            nn.Conv2D(between, num_classes, 1),
        )
        leave_out = nn.Dropout(min(dropout, 0.1))
        self.aux = aux_head(channels, num_classes, leave_out) if aux else None

    def forward(self, x):
        maps, size = self.backbone(x), x.shape[2:]
        together = self.dropout(self.aspp(maps["layer4"]))
        outputs = {"out": self._resized(self.head(together), size)}
        if self.aux is not None and self.training:
            outputs["aux"] = self._resized(self.aux(maps["layer3"]), size)
        return outputs

    def _resized(self, scores, size):
        return upsample(scores, size, align_corners=self.align_corners)
