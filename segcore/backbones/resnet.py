"""ResNet: Deep Residual Learning for Image Recognition, and its dilated forms.

He, Zhang, Ren and Sun, CVPR 2016, table 1 and figure 5. An output stride of 16 or 8
takes the last strides out and puts dilation in: DeepLab v2 (Chen et al. 2018), section
3.1; Dilated Residual Networks (Yu et al. 2017).
"""

from paddle import nn

from segcore.backbones import pretrained as imagenet
from segcore.errors import InputError
from segcore.nn import Branches, ConvBNReLU, conv_block

BASE = (64, 128, 256, 512)


def resnet18(**options):
    """ResNet-18 (He et al. 2016); for the options see `ResNet`."""
    return ResNet("resnet18", (2, 2, 2, 2), 1, **options)


def resnet34(**options):
    """ResNet-34 (He et al. 2016); for the options see `ResNet`."""
    return ResNet("resnet34", (3, 4, 6, 3), 1, **options)


def resnet50(**options):
    """ResNet-50 (He et al. 2016); for the options see `ResNet`."""
    return ResNet("resnet50", (3, 4, 6, 3), 4, **options)


def resnet101(**options):
    """ResNet-101 (He et al. 2016); for the options see `ResNet`."""
    return ResNet("resnet101", (3, 4, 23, 3), 4, **options)


def resnet152(**options):
    """ResNet-152 (He et al. 2016); for the options see `ResNet`."""
    return ResNet("resnet152", (3, 8, 36, 3), 4, **options)


def named(name, **options):
    """The ResNet of that name, "resnet18" to "resnet152"; others are `InputError`."""
    known = {
        f.__name__: f for f in (resnet18, resnet34, resnet50, resnet101, resnet152)
    }
    if name not in known:
        raise InputError(f"There is no backbone {name!r}; take {', '.join(known)}.")
    return known[name](**options)


class ResNet(nn.Layer):
    """Maps `[N, C, H, W]` to the maps `layer1` to `layer4`, in a dict.

    `output_stride` is 32, 16 or 8. A stage whose stride is taken out, and all after it,
    double their dilation. The stride stands in a block's 3x3 convolution
    (`stride_in="3x3"`; today's form) or, as in the paper, in its first 1x1 (`"1x1"`).
    In the first case the first block of such a stage keeps the dilation before, as in
    torchvision, and the weights mean what they meant: sampled, the maps are those of
    the strided network. `dilate_first=True` gives it the new dilation, as in PSPNet's
    release; in the second case it has that anyway.

    `multi_grid` are factors of the dilation in the blocks of `layer4`. `deep_stem` are
    three 3x3 convolutions for the 7x7 one, as in PSPNet; `ceil_mode` rounds the pool's
    size up, as in DeepLab v2. `pretrained=True` takes Paddle's ImageNet weights, which
    fit the 7x7 stem, `stride_in="3x3"`, three channels and `width=1`, or raises
    `InputError`.
    """

    def __init__(
        self,
        name,
        depths,
        expansion,
        in_channels=3,
        width=1.0,
        output_stride=32,
        multi_grid=None,
        deep_stem=False,
        stride_in="3x3",
        dilate_first=False,
        ceil_mode=False,
        pretrained=False,
    ):
        super().__init__()
        if output_stride not in (8, 16, 32):
            raise InputError(f"output_stride is 8, 16 or 32, not {output_stride}.")
        if stride_in not in ("3x3", "1x1"):
            raise InputError(f'stride_in is "3x3" or "1x1", not {stride_in!r}.')
        if multi_grid and len(multi_grid) != depths[-1]:
            raise InputError(
                f"multi_grid names {len(multi_grid)} factors, but layer4 has"
                f" {depths[-1]} blocks: give one for each."
            )
        if pretrained and (
            deep_stem or stride_in != "3x3" or in_channels != 3 or width != 1
        ):
            raise InputError(
                "The ImageNet weights fit the 7x7 stem, the stride in the 3x3, three"
                " channels and width=1 only: leave out pretrained=True, or the other."
            )
        base = [max(1, round(width * c)) for c in BASE]
        self.channels = {f"layer{k + 1}": base[k] * expansion for k in range(len(BASE))}
        stem = [ConvBNReLU(in_channels, base[0], 7, stride=2)]
        if deep_stem:
            stem = [
                ConvBNReLU(in_channels, base[0], 3, stride=2),
                ConvBNReLU(base[0], base[0]),
                ConvBNReLU(base[0], 2 * base[0]),
            ]
        before = 2 * base[0] if deep_stem else base[0]
        self.stem = nn.Sequential(*stem, nn.MaxPool2D(3, 2, 1, ceil_mode=ceil_mode))

        reached, dilation, stages = 4, 1, []
        for number, (channels, depth) in enumerate(zip(base, depths)):
            stride = 1 if number == 0 else 2
            first = dilation  # of the first block
            if stride == 2 and reached == output_stride:
                stride, dilation = 1, 2 * dilation
                if dilate_first or (stride_in == "1x1" and expansion == 4):
                    first = dilation  # with "1x1" the stride stood before the 3x3
            reached *= stride
            # Of both 3x3 convolutions of a basic block, or of a bottleneck's only one.
            rates = [(first, dilation)] + [(dilation, dilation)] * (depth - 1)
            if number == 3 and multi_grid:
                rates = [(dilation * factor,) * 2 for factor in multi_grid]
            block = _bottleneck if expansion == 4 else _basic
            blocks = []
            for place, pair in enumerate(rates):
                step = stride if place == 0 else 1
                blocks.append(block(before, channels, step, pair, stride_in))
                before = channels * expansion
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        if pretrained:
            values = imagenet.fetch(name)
            if values:
                imagenet.put(self, values)

    def forward(self, x):
        maps, x = {}, self.stem(x)
        for name in self.channels:
            x = maps[name] = getattr(self, name)(x)
        return maps

    def upto(self, name):
        """The layers from the image to `layer1`, ..., `layer4`."""
        names = list(self.channels)[: int(name[-1])]
        return nn.Sequential(self.stem, *(getattr(self, n) for n in names))


def _basic(before, channels, stride, rates, stride_in):
    """Two 3x3 convolutions and the input added: figure 5, left."""
    path = [
        ConvBNReLU(before, channels, 3, stride, rates[0]),
        *conv_block(channels, channels, 3, rates[1], "batch", dilation=rates[1])[:-1],
    ]
    return _residual(path, before, channels, stride)


def _bottleneck(before, channels, stride, rates, stride_in):
    """1x1 to fewer channels, 3x3, 1x1 to four times as many: figure 5, right."""
    first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
    path = [
        ConvBNReLU(before, channels, 1, first),
        ConvBNReLU(channels, channels, 3, second, rates[0]),
        *conv_block(channels, 4 * channels, 1, 0, "batch")[:-1],
    ]
    return _residual(path, before, 4 * channels, stride)


def _residual(path, before, after, stride):
    shortcut = nn.Identity()
    if stride > 1 or before != after:
        shortcut = nn.Sequential(
            *conv_block(before, after, 1, 0, "batch", stride=stride)[:-1]
        )
    return nn.Sequential(
        Branches(nn.Sequential(*path), shortcut, merge="sum"), nn.ReLU()
    )
