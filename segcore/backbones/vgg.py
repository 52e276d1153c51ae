"""VGG16: Very Deep Convolutional Networks for Large-Scale Image Recognition.

Simonyan and Zisserman, ICLR 2015, table 1, column D.
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
    first_padding=1,
    fc6_padding=0,
    ceil_mode=False,
    pretrained=False,
):
    """VGG16 (Simonyan and Zisserman 2015) up to fc7, all of it convolutional.

    fc6 is a 7x7 convolution and fc7 a 1x1 one with the weights of the fully connected
    layers, so that any image from 32 pixels a side goes in where the paddings leave
    room for fc6. `pretrained=True` takes Paddle's ImageNet weights; where they cannot
    be had it says so and starts at random. They fit three channels and `width=1` only,
    or raise `InputError`. Returns a `VGG16`.
    """
    if pretrained and (width != 1 or in_channels != 3):
        raise InputError(
            "The ImageNet weights fit width=1 and three channels only: leave out"
            " pretrained=True, or the other two."
        )
    model = VGG16(in_channels, width, first_padding, fc6_padding, ceil_mode)
    if pretrained:
        load_imagenet(model)
    return model


class VGG16(nn.Layer):
    """Maps `[N, C, H, W]` to the maps `pool3`, `pool4` and `fc7`, in a dict.

    They stand at 1/8, 1/16 and 1/32 of the input, each with its border.
    """

    def __init__(self, in_channels, width, first_padding, fc6_padding, ceil_mode):
        super().__init__()
        channels = [max(1, round(width * c)) for c in CHANNELS]
        wide = max(1, round(width * 4096))
        self.channels = {"pool3": channels[2], "pool4": channels[3], "fc7": wide}

        def stage(number):
            before = [in_channels, *channels][number]
            after = channels[number]
            layers = []
            for place in range(DEPTHS[number]):
                first = number == place == 0
                layers += conv_block(
                    after if place else before,
                    after,
                    padding=first_padding if first else 1,
                )
            return nn.Sequential(*layers, nn.MaxPool2D(2, 2, ceil_mode=ceil_mode))

        self.stages = nn.LayerList(stage(number) for number in range(5))
        fc6 = conv_block(channels[-1], wide, kernel_size=7, padding=fc6_padding)
        fc7 = conv_block(wide, wide, kernel_size=1, padding=0)
        self.fc6 = nn.Sequential(*fc6, nn.Dropout(0.5))
        self.fc7 = nn.Sequential(*fc7, nn.Dropout(0.5))

    def forward(self, x):
        pools = []
        for stage in self.stages:
            x = stage(x)
            pools.append(x)
        return {"pool3": pools[2], "pool4": pools[3], "fc7": self.fc7(self.fc6(x))}

    def upto(self, name):
        """The layers from the image to `pool3`, `pool4`, `pool5`, `fc6` or `fc7`."""
        fully = {"fc6": [self.fc6], "fc7": [self.fc6, self.fc7]}
        if name in fully:
            return nn.Sequential(*self.stages, *fully[name])
        return nn.Sequential(*self.stages[: int(name[-1])])


def convolution_of(weight, channels, kernel):
    """Weights `[in, out]` of a fully connected layer as `[out, channels, k, k]`.

    The layer reads a map `[channels, k, k]` written out as one row; the convolution
    with the result computes the same at every place. Source: FCN (Long et al. 2015),
    section 3.1.
    """
    return weight.t().reshape([-1, channels, kernel, kernel])


def load_imagenet(model):
    """Puts Paddle's ImageNet weights into a `VGG16`, if they can be had."""
    values = imagenet.fetch("vgg16")
    if values:  # 13 convolutions, then fc6, fc7 and the classes
        values[26] = convolution_of(values[26], CHANNELS[-1], 7)
        values[28] = convolution_of(values[28], 4096, 1)
        imagenet.put(model, values)
