"""VGG16: Very Deep Convolutional Networks for Large-Scale Image Recognition.

Simonyan and Zisserman, ICLR 2015, table 1, column D; and the form of it in DeepLab v1
(Chen et al. 2015), which keeps the maps at 1/8 of the input.
"""

from paddle import nn

from segcore.backbones import pretrained as imagenet
from segcore.errors import InputError
from segcore.nn import conv_block

CHANNELS = (64, 128, 256, 512, 512)
DEPTHS = (2, 2, 3, 3, 3)


def vgg16(
    in_channels=3,
    width=1.0,
    norm=None,
    first_padding=1,
    fc6_padding=0,
    ceil_mode=False,
    pretrained=False,
    dropout=0.5,
):
    """VGG16 (Simonyan and Zisserman 2015) up to fc7, all of it convolutional.

    fc6 is a 7x7 convolution and fc7 a 1x1 one with the weights of the fully connected
    layers, so that any image from 32 pixels a side goes in where the paddings leave
    room for fc6. `dropout` is the rate behind each of the two. `norm="batch"` puts
    batch norm after every convolution, which lets the network learn from scratch.
    `pretrained=True` takes Paddle's ImageNet weights; where they cannot be had it says
    so and starts at random. They fit three channels, `width=1` and no norm only, or
    raise `InputError`. Returns a `VGG16`.
    """
    if pretrained:
        _check_pretrained(in_channels, width, norm)
    channels, wide = _scaled(width, 4096)
    pools = [nn.MaxPool2D(2, 2, ceil_mode=ceil_mode) for _ in DEPTHS]
    stages = _stages(in_channels, channels, pools, norm, first_padding)
    fc6 = conv_block(channels[-1], wide, 7, fc6_padding, norm)
    fc7 = conv_block(wide, wide, 1, 0, norm)
    model = VGG16(stages, fc6, fc7, channels, dropout)
    if pretrained:
        load_imagenet(model)
    return model


def vgg16_large_fov(
    in_channels=3, width=1.0, norm=None, rate=12, pretrained=False, dropout=0.5
):
    """VGG16 as DeepLab v1 has it (Chen et al. 2015, section 3.2, "LargeFOV").

    Pools are 3x3 and round the size up; those after stages 4 and 5 move by one pixel,
    and stage 5 has dilation 2 instead. A 3x3 mean follows, which counts the zeros of
    the padding, as Caffe does. fc6 is 3x3 with dilation `rate` and 1024 channels, fc7
    1x1. The maps from stage 3 on stand at 1/8 of the input: k + 1 places for 8k or
    8k + 1 pixels. `pretrained=True` is as
    for `vgg16`; fc6 and fc7 then start from every fourth channel of the classifier's,
    and fc6 from every third row and column. Returns a `VGG16`.
    """
    if pretrained:
        _check_pretrained(in_channels, width, norm)
    channels, wide = _scaled(width, 1024)
    pools = [nn.MaxPool2D(3, stride, 1, ceil_mode=True) for stride in (2, 2, 2, 1)]
    mean = nn.AvgPool2D(3, 1, 1, exclusive=False)
    pools.append(nn.Sequential(nn.MaxPool2D(3, 1, 1), mean))
    stages = _stages(in_channels, channels, pools, norm, last_dilation=2)
    fc6 = conv_block(channels[-1], wide, 3, rate, norm, dilation=rate)
    fc7 = conv_block(wide, wide, 1, 0, norm)
    model = VGG16(stages, fc6, fc7, channels, dropout)
    if pretrained:
        load_imagenet(model)
    return model


class VGG16(nn.Layer):
    """Maps `[N, C, H, W]` to the maps `pool1` to `pool5` and `fc7`, in a dict.

    Without a border they stand at 1/2, 1/4, ..., 1/32 and 1/32 of the input; those of
    `vgg16_large_fov` from `pool3` on at 1/8.
    """

    def __init__(self, stages, fc6, fc7, channels, dropout):
        super().__init__()
        self.channels = {f"pool{k + 1}": count for k, count in enumerate(channels)}
        self.channels["fc7"] = fc7[0].weight.shape[0]
        self.stages = nn.LayerList(stages)
        self.fc6 = nn.Sequential(*fc6, nn.Dropout(dropout))
        self.fc7 = nn.Sequential(*fc7, nn.Dropout(dropout))

    def forward(self, x):
        maps = {}
        for number, stage in enumerate(self.stages, 1):
            x = maps[f"pool{number}"] = stage(x)
        return {**maps, "fc7": self.fc7(self.fc6(x))}

    def upto(self, name):
        """The layers from the image to `pool1`, ..., `pool5`, `fc6` or `fc7`."""
        fully = {"fc6": [self.fc6], "fc7": [self.fc6, self.fc7]}
        if name in fully:
            return nn.Sequential(*self.stages, *fully[name])
        return nn.Sequential(*self.stages[: int(name[-1])])


def _scaled(width, fully):
    return [max(1, round(width * c)) for c in CHANNELS], max(1, round(width * fully))


def _stages(in_channels, channels, pools, norm, first_padding=1, last_dilation=1):
    """The five groups of 3x3 convolutions, each with its pool."""
    stages, before = [], in_channels
    for number, (after, depth, pool) in enumerate(zip(channels, DEPTHS, pools)):
        dilation = last_dilation if number == 4 else 1
        layers = []
        for place in range(depth):
            padding = first_padding if number == place == 0 else dilation
            layers += conv_block(
                before, after, padding=padding, norm=norm, dilation=dilation
            )
            before = after
        stages.append(nn.Sequential(*layers, pool))
    return stages


def convolution_of(weight, channels, kernel):
    """Weights `[in, out]` of a fully connected layer as `[out, channels, k, k]`.

    The layer reads a map `[channels, k, k]` written out as one row; the convolution
    with the result computes the same at every place. Source: FCN (Long et al. 2015),
    section 3.1.
    """
    return weight.t().reshape([-1, channels, kernel, kernel])


def _check_pretrained(in_channels, width, norm):
    if width != 1 or in_channels != 3 or norm:
        raise InputError(
            "The ImageNet weights fit width=1, three channels and no norm only: leave"
            " out pretrained=True, or the others."
        )


def load_imagenet(model):
    """Puts Paddle's ImageNet weights into a `VGG16`, if they can be had."""
    values = imagenet.fetch("vgg16")
    if not values:
        return
    # 13 convolutions, then fc6, fc7 and the classes, each a weight and a bias.
    values[26] = convolution_of(values[26], CHANNELS[-1], 7)
    values[28] = convolution_of(values[28], 4096, 1)
    if model.channels["fc7"] == 1024:
        # "Decimation": DeepLab v1, section 3.2.
        values[26], values[27] = values[26][::4, :, ::3, ::3], values[27][::4]
        values[28], values[29] = values[28][::4, ::4], values[29][::4]
    imagenet.put(model, values)
