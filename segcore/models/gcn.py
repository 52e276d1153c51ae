"""GCN: Large Kernel Matters, the Global Convolutional Network.

Peng, Zhang, Yu, Luo and Sun, CVPR 2017; section 3 and figure 2. Not a graph network:
scores from large kernels at four sizes of a ResNet, refined and summed from coarse to
fine.
"""

from paddle import nn

from segcore.backbones import named
from segcore.errors import InputError
from segcore.nn import BoundaryRefinement, GlobalConvolution, upsample


def gcn(num_classes, in_channels=3, width=1.0, **options):
    """Global Convolutional Network (Peng et al. 2017).

    `kernel_size` is the paper's k, odd; `refine=False` leaves the boundary refinements
    out. `backbone="resnet152"` is the paper's. `pretrained=True` starts from Paddle's
    ImageNet weights. Returns a `GCN`.

    Maps are enlarged bilinearly, as in the known reimplementations, where the paper has
    deconvolutions; the ResNet is today's, the stride in the 3x3 and a 7x7 stem.
    """
    return GCN(num_classes, in_channels, width, **options)


class GCN(nn.Layer):
    """Maps `[N, C, H, W]` to `{"out": [N, num_classes, H, W]}`, logits.

    Training with one image of 32 x 32 pixels raises `InputError`: batch norm would have
    one value a channel.
    """

    def __init__(
        self,
        num_classes,
        in_channels,
        width,
        backbone="resnet50",
        kernel_size=15,
        refine=True,
        pretrained=False,
    ):
        super().__init__()
        self.backbone = named(
            backbone, in_channels=in_channels, width=width, pretrained=pretrained
        )

        def refinement():
            return BoundaryRefinement(num_classes) if refine else nn.Identity()

        coarse_to_fine = list(self.backbone.channels.items())[::-1]
        self.scores = nn.LayerDict(
            {
                name: nn.Sequential(
                    GlobalConvolution(channels, num_classes, kernel_size), refinement()
                )
                for name, channels in coarse_to_fine
            }
        )
        # Of the three sums, and of the scores at 1/2 and at the full size.
        self.refined = nn.LayerList(refinement() for _ in range(5))

    def forward(self, x):
        size = x.shape[2:]
        if self.training and x.shape[0] == 1 and max(size) <= 32:
            raise InputError(
                "GCN cannot train on one image of 32 x 32 pixels: batch norm would have"
                " one value a channel. Take 2 images or more, or larger ones."
            )
        maps = self.backbone(x)
        coarse, *finer = (scores(maps[name]) for name, scores in self.scores.items())
        out = coarse
        for scores, refined in zip(finer, self.refined[:3]):
            out = refined(upsample(out, scores.shape[2:]) + scores)
        half = [(side + 1) // 2 for side in size]
        for larger, refined in zip((half, size), self.refined[3:]):
            out = refined(upsample(out, larger))
        return {"out": out}
