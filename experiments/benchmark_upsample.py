"""Ways up, timed on this processor: what segcore uses against what it could use.

    python experiments/benchmark_upsample.py

writes results/benchmark_upsample.json: resizing by two matrix products (`segcore.nn`)
against `interpolate`, and an up-convolution (kernel = stride = 2) as one matrix product
against Paddle's own layer. Median milliseconds of forward and backward together.
"""

import statistics
import time

import segcore  # isort: skip - before Paddle, which it prepares
import paddle
import paddle.nn.functional as F
import record

from segcore import nn

REPEATS = 9
RESIZE = [(8, 21, 12, 96), (1, 21, 65, 513), (8, 64, 24, 48)]  # N, C, side, new side
UP = [(8, 256, 16), (8, 64, 48), (1, 512, 32)]  # N, C, side; to C / 2 channels


def milliseconds(function, x):
    """Median time of `function(x)` and the gradient of its sum."""
    times = []
    for _ in range(REPEATS + 2):
        began = time.perf_counter()
        function(x).sum().backward()
        x.clear_grad()
        times.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(times[2:]), 1)


def by_matrix(x, weight):
    """A transposed convolution with kernel = stride = 2, as one matrix product."""
    n, c, h, w = x.shape
    out = weight.shape[1]
    blocks = paddle.matmul(x.transpose([0, 2, 3, 1]), weight.reshape([c, out * 4]))
    blocks = blocks.reshape([n, h, w, out, 2, 2]).transpose([0, 3, 1, 4, 2, 5])
    return blocks.reshape([n, out, 2 * h, 2 * w])


def main():
    runs = []
    for n, c, old, new in RESIZE:
        x = paddle.randn([n, c, old, old])
        x.stop_gradient = False
        size = (new, new)
        runs.append(
            {
                "arm": f"bilinear, {n} x {c} maps from {old} to {new}",
                "ours": milliseconds(lambda x, size=size: nn.upsample(x, size), x),
                "paddle": milliseconds(
                    lambda x, size=size: F.interpolate(x, size, mode="bilinear"), x
                ),
            }
        )
    for n, c, side in UP:
        x, weight = paddle.randn([n, c, side, side]), paddle.randn([c, c // 2, 2, 2])
        x.stop_gradient = weight.stop_gradient = False
        runs.append(
            {
                "arm": f"up-convolution, {n} x {c} maps of {side}, to {c // 2}",
                "ours": milliseconds(lambda x, w=weight: by_matrix(x, w), x),
                "paddle": milliseconds(
                    lambda x, w=weight: F.conv2d_transpose(x, w, stride=2), x
                ),
            }
        )
    for run in runs:
        print(run)
    record.write(
        "milliseconds, forward and backward, median",
        runs,
        {"repeats": REPEATS, "segcore": segcore.__version__},
    )


if __name__ == "__main__":
    main()
