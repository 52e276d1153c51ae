"""GloRe: Graph-Based Global Reasoning Networks, for segmentation.

Chen, Rohrbach, Yan, Yan, Feng and Kalantidis, CVPR 2019; section 3 is `nn.GloReUnit`.
The network is a dilated FCN with one unit between its features and its scores.
"""

from paddle import nn

from segcore.backbones import named
from segcore.models.pspnet import aux_head
from segcore.nn import ConvBNReLU, GloReUnit, upsample


def glore(num_classes, in_channels=3, width=1.0, **options):
    """GloRe on a dilated ResNet (Chen et al. 2019).

    `nodes` is the number of regions that the unit tells apart (64 times `width`, unless
    given; the places are what they are, so there may be more nodes than places), each
    with 128 times `width` values. `unit=False` is the same network without it.
    `aux=True` adds a second head on `layer3`, whose output stands in training mode
    under `"aux"`. `dropout` is the rate before the scores of both. `pretrained=True`
    starts from Paddle's ImageNet weights. Returns a `GloRe`.

    The unit is that of the authors' release, with means over the places; the head
    around it is that of PaddleSeg's GloRe, since the release holds no code for
    segmentation. The ResNet has a 7x7 stem.
    """
    return GloRe(num_classes, in_channels, width, **options)


class GloRe(nn.Layer):
    """Maps `[N, C, H, W]` to `{"out": [N, num_classes, H, W]}`, logits; see `glore`."""

    def __init__(
        self,
        num_classes,
        in_channels,
        width,
        backbone="resnet50",
        nodes=None,
        unit=True,
        aux=True,
        output_stride=8,
        dropout=0.1,
        pretrained=False,
    ):
        super().__init__()
        self.backbone = named(
            backbone,
            in_channels=in_channels,
            width=width,
            output_stride=output_stride,
            pretrained=pretrained,
        )
        channels = self.backbone.channels
        between, states, default = (max(1, round(width * c)) for c in (512, 128, 64))
        self.reduce = ConvBNReLU(channels["layer4"], between, 1)
        self.unit = (
            GloReUnit(between, nodes or default, states) if unit else nn.Identity()
        )
        self.head = nn.Sequential(
            nn.Dropout(dropout), nn.Conv2D(between, num_classes, 1)
        )
        self.aux = aux_head(channels, num_classes, nn.Dropout(dropout)) if aux else None

    def forward(self, x):
        maps, size = self.backbone(x), x.shape[2:]
        features = self.unit(self.reduce(maps["layer4"]))
        outputs = {"out": upsample(self.head(features), size)}
        if self.aux is not None and self.training:
            outputs["aux"] = upsample(self.aux(maps["layer3"]), size)
        return outputs
