"""U-Net: Convolutional Networks for Biomedical Image Segmentation.

Ronneberger, Fischer and Brox, MICCAI 2015. Figure 1 is this file read from top to
bottom: a contracting path on the left, an expansive path on the right, and a copy of
every left-hand map handed across.
"""

import paddle
from paddle import nn

from segcore.errors import InputError
from segcore.nn import conv_block

LEVELS = 5  # 64, 128, 256, 512 and 1024 channels in the paper


def unet(
    num_classes,
    in_channels=3,
    width=1.0,
    padding="same",
    norm="default",
    skips=True,
    dropout=None,
):
    """U-Net (Ronneberger et al. 2015).

    The paper's (`padding="valid"`), or today's common form (`"same"`).
    `norm` is `"batch"`, `None`, or `"default"`: batch norm with same padding, none in
    the paper's form. `width` scales every channel count. `skips="add"` adds
    the copies across instead of concatenating them, `False` leaves them out, the
    decoder keeping its up-convolutions. `dropout` is the rate at the end of the
    contracting path, behind its last two levels: by default .5, as in the
    authors' network, but 0 beside batch norm, as is common. Returns a `UNet`.

    As the paper draws it, not as the authors' network has it: no ReLU behind the
    up-convolutions, and half the channels in the last one, too. All weights start at
    the paper's deviation, sqrt(2 / N).
    """
    return UNet(num_classes, in_channels, width, padding, norm, skips, dropout)


class UNet(nn.Layer):
    """Maps `[N, C, H, W]` to `{"out": [N, num_classes, H, W]}`, logits.

    With `padding="valid"` the output is smaller by `margin` = 92 pixels a side, as
    published (572 -> 388), and `H, W` must be 188 + 16k; other sizes raise
    `InputError`.
    """

    stride = 2 ** (LEVELS - 1)  # of the deepest map

    def __init__(self, num_classes, in_channels, width, padding, norm, skips, dropout):
        super().__init__()
        if padding not in ("same", "valid"):
            raise InputError(f'padding is "same" or "valid", not {padding!r}.')
        if norm == "default":
            norm = "batch" if padding == "same" else None
        if norm not in ("batch", None):
            raise InputError(f'norm is "batch", None or "default", not {norm!r}.')
        if skips not in (True, False, "add"):
            raise InputError(f'skips is True, False or "add", not {skips!r}.')
        if dropout is None:
            dropout = 0 if norm else 0.5
        self.padding, self.skips = padding, skips
        self.margin = 92 if padding == "valid" else 0
        self.dropout = nn.Dropout(dropout)
        channels = [max(1, round(width * 64 * 2**level)) for level in range(LEVELS)]

        def double_conv(before, after):
            pad = 1 if padding == "same" else 0
            return nn.Sequential(
                *conv_block(before, after, padding=pad, norm=norm),
                *conv_block(after, after, padding=pad, norm=norm),
            )

        self.contract = nn.LayerList(
            double_conv(before, after)
            for before, after in zip([in_channels, *channels[:-1]], channels)
        )
        # Ceil mode lets sides that are no multiple of 16 through; it changes nothing
        # for those that are.
        self.pool = nn.MaxPool2D(2, ceil_mode=True)
        self.up = nn.LayerList(
            nn.Conv2DTranspose(
                deep,
                shallow,
                2,
                stride=2,
                # Each new pixel has one old one below it, so N is its channels.
                weight_attr=nn.initializer.Normal(0.0, (2 / deep) ** 0.5),
            )
            for deep, shallow in zip(channels[:0:-1], channels[-2::-1])
        )
        self.expand = nn.LayerList(
            double_conv(shallow * (2 if skips is True else 1), shallow)
            for shallow in channels[-2::-1]
        )
        self.classifier = nn.Conv2D(channels[0], num_classes, 1)

    def forward(self, x):
        self._check_size(x)
        maps = []
        for level, double_conv in enumerate(self.contract):
            x = double_conv(x if level == 0 else self.pool(x))
            if level >= LEVELS - 2:
                x = self.dropout(x)
            maps.append(x)
        for up, double_conv, across in zip(self.up, self.expand, maps[-2::-1]):
            x = up(x)
            if self.padding == "same":
                x = centre_crop(x, across.shape[2:], corner=True)
            across = centre_crop(across, x.shape[2:])
            if self.skips == "add":
                x = across + x
            elif self.skips:
                x = paddle.concat([across, x], axis=1)
            x = double_conv(x)
        return {"out": self.classifier(x)}

    def _check_size(self, x):
        h, w = x.shape[2:]
        if self.padding == "valid" and (next_valid(h), next_valid(w)) != (h, w):
            raise InputError(
                f"U-Net without padding takes sides of 188 + 16k pixels, not {h} x {w};"
                f" the next larger are {next_valid(h)} x {next_valid(w)}."
                ' Pad the image by mirroring, or use padding="same".'
            )

    def input_size(self, height, width):
        """Smallest input `(H, W)` whose output covers `height` x `width` pixels."""
        if self.padding == "same":
            return height, width
        return next_valid(height + 184), next_valid(width + 184)


def next_valid(side):
    """Smallest 188 + 16k that is at least `side`: what the paper's U-Net takes."""
    return 188 + 16 * max(0, -(-(side - 188) // 16))


def centre_crop(x, size, corner=False):
    """The middle `size = (h, w)` of `[N, C, H, W]`; the upper left with `corner`."""
    (h, w), (height, width) = size, x.shape[2:]
    top, left = (0, 0) if corner else ((height - h) // 2, (width - w) // 2)
    return x[:, :, top : top + h, left : left + w]
