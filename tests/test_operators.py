"""The operators of lessons 05 and 06 against Paddle's, over drawn sizes and settings.

Tested are the functions on the lessons' pages, and `segcore.nn` beside them.
"""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from conftest import load_tool
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segcore import nn
from segcore.errors import InputError

CASES = 200  # drawn for each operator
TOLERANCE = 1e-5  # in float32; values and weights are drawn from -1 to 1

definitions = load_tool("notebooks").definitions
LESSON_5, LESSON_6 = definitions("05"), definitions("06")

drawn = settings(max_examples=CASES, deadline=None, derandomize=True)
side = st.integers(1, 9)
new_side = st.integers(1, 25)
channels = st.integers(1, 4)
kernel_side = st.integers(1, 5)
seed = st.integers(0, 2**31)


def values(seed, *shape):
    """Uniform numbers from -1 to 1, float32."""
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def same(found, expected):
    """Both are of one shape and differ by at most `TOLERANCE`."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


def tensor(array):
    return paddle.to_tensor(array)


@drawn
@given(side, side, side, side, channels, seed)
def test_nearest(h, w, new_h, new_w, c, seed):
    x = values(seed, 2, c, h, w)
    expected = F.interpolate(tensor(x), (new_h, new_w), mode="nearest").numpy()
    same(nn.upsample(tensor(x), (new_h, new_w), mode="nearest"), expected)
    same(LESSON_5.nearest(x[0, 0], (new_h, new_w)), expected[0, 0])


def test_nearest_at_every_pair_of_sizes():
    """Rounding decides where a pixel lies on an edge, as from 26 to 22."""
    for old in range(1, 45):
        x = paddle.arange(old, dtype="float32").reshape([1, 1, 1, old])
        for new in range(1, 90):
            expected = F.interpolate(x, (1, new), mode="nearest")
            assert nn.upsample(x, (1, new), mode="nearest").equal_all(expected)


@drawn
@given(side, side, new_side, new_side, channels, st.booleans(), seed)
def test_bilinear(h, w, new_h, new_w, c, corners, seed):
    x = values(seed, 2, c, h, w)
    size = (new_h, new_w)
    expected = F.interpolate(
        tensor(x), size, mode="bilinear", align_corners=corners
    ).numpy()
    same(nn.upsample(tensor(x), size, align_corners=corners), expected)
    if min(size) > 1:  # where one pixel is left Paddle takes the first, not the middle
        same(LESSON_5.bilinear(x[0, 0], size, align_corners=corners), expected[0, 0])


@st.composite
def transposed(draw):
    """A map, a kernel, stride and padding that leave at least one pixel."""
    c, m = draw(channels), draw(channels)
    h, w, kh, kw = draw(side), draw(side), draw(kernel_side), draw(kernel_side)
    stride, padding = draw(st.integers(1, 4)), draw(st.integers(0, 4))
    sizes = (h - 1) * stride - 2 * padding + kh, (w - 1) * stride - 2 * padding + kw
    assume(min(sizes) >= 1)
    number = draw(seed)
    return values(number, c, h, w), values(number + 1, c, m, kh, kw), stride, padding


@drawn
@given(transposed())
def test_transposed_convolution_painted_and_gathered(case):
    x, weight, stride, padding = case
    expected = F.conv2d_transpose(
        tensor(x)[None], tensor(weight), stride=stride, padding=padding
    ).numpy()[0]
    same(LESSON_5.paint(x, weight, stride, padding), expected)
    same(LESSON_5.gather(x, weight, stride, padding), expected)


@drawn
@given(side, side, kernel_side, st.integers(1, 4), st.integers(0, 4), seed)
def test_convolution_matrix_and_its_transpose(h, w, k, stride, padding, seed):
    assume(h + 2 * padding >= k and w + 2 * padding >= k)
    kernel, x = values(seed, k, k), values(seed + 1, h, w)
    matrix = LESSON_5.convolution_matrix(kernel, (h, w), stride, padding)
    image = tensor(x)[None, None]
    image.stop_gradient = False
    out = F.conv2d(image, tensor(kernel)[None, None], stride=stride, padding=padding)
    same((matrix @ x.ravel()).reshape(out.shape[2:]), out[0, 0])
    # The transpose is the convolution's gradient, and the transposed convolution.
    y = values(seed + 2, *out.shape[2:])
    back = (matrix.T @ y.ravel()).reshape(h, w)
    same(back, paddle.grad(out, image, tensor(y)[None, None])[0][0, 0])
    again = F.conv2d_transpose(
        tensor(y)[None, None],
        tensor(kernel)[None, None],
        stride=stride,
        padding=padding,
        output_padding=[
            n - LESSON_5.transposed_size(m, k, stride, padding)
            for n, m in zip((h, w), y.shape)
        ],
    )
    same(back, again[0, 0])


@drawn
@given(side, kernel_side, st.integers(1, 4), st.integers(0, 4), st.integers(0, 3))
def test_transposed_size(size, k, stride, padding, extra):
    assume(extra < stride)
    expected = (size - 1) * stride - 2 * padding + k
    assume(expected >= 1)
    found = F.conv2d_transpose(
        paddle.zeros([1, 1, size, 1]),
        paddle.zeros([1, 1, k, 1]),
        stride=(stride, 1),
        padding=(padding, 0),
        output_padding=(extra, 0),
    ).shape[2]
    assert LESSON_5.transposed_size(size, k, stride, padding, extra) == found


@drawn
@given(st.integers(1, 9), channels, st.integers(2, 9), st.integers(2, 9), seed)
def test_bilinear_kernel_interpolates_away_from_the_border(stride, c, h, w, seed):
    x = tensor(values(seed, 1, c, h, w))
    kernel = nn.bilinear_kernel(c, stride)
    same(kernel[0, 0], LESSON_5.tent_kernel(stride))
    assert float(kernel.sum()) == pytest.approx(c * stride**2, rel=1e-5)
    k = kernel.shape[-1]
    painted = F.conv2d_transpose(x, kernel, stride=stride, padding=(k - stride) // 2)
    expected = nn.upsample(x, scale_factor=stride)
    assert painted.shape == expected.shape
    # Pixels beyond the outermost centres have one neighbour only, and lose the rest.
    edge = stride // 2
    rows, columns = slice(edge, h * stride - edge), slice(edge, w * stride - edge)
    same(painted[:, :, rows, columns], expected[:, :, rows, columns])
    if stride > 1:
        ones = F.conv2d_transpose(
            paddle.ones_like(x), kernel, stride=stride, padding=(k - stride) // 2
        )
        assert float(ones.min()) < 0.95, "the border is darker than interpolation"


@drawn
@given(channels, st.integers(4, 9), st.integers(4, 9), st.integers(1, 3), seed)
def test_max_unpooling(c, h, w, k, seed):
    x = tensor(values(seed, 2, c, h, w))
    pooled, indices = F.max_pool2d(x, k, return_mask=True)
    expected = F.max_unpool2d(pooled, indices, k, output_size=(h, w))
    same(nn.max_unpool(pooled, indices, (h, w)), expected)
    same(
        LESSON_5.unpool(pooled[0, 0].numpy(), indices[0, 0].numpy(), (h, w)),
        expected[0, 0],
    )


@drawn
@given(channels, st.integers(5, 9), st.integers(2, 4), st.integers(1, 3), seed)
def test_max_unpooling_of_overlapping_windows(c, size, k, stride, seed):
    """A maximum may win in several windows; it is put back once, not added up."""
    x = tensor(values(seed, 1, c, size, size))
    pooled, indices = F.max_pool2d(x, k, stride, return_mask=True)
    back = nn.max_unpool(pooled, indices, (size, size)).numpy()
    kept = back != 0
    same(back[kept], x.numpy()[kept])
    same(
        LESSON_5.unpool(pooled[0, 0].numpy(), indices[0, 0].numpy(), (size, size)),
        back[0, 0],
    )


@st.composite
def dilated(draw):
    """A map, a kernel, dilation, stride and padding that leave at least one pixel."""
    c, m, dilation = draw(channels), draw(channels), draw(st.integers(1, 5))
    h, w = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    kh, kw = draw(kernel_side), draw(kernel_side)
    stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, 6))
    reach = [dilation * (k - 1) + 1 for k in (kh, kw)]
    assume(h + 2 * padding >= reach[0] and w + 2 * padding >= reach[1])
    number = draw(seed)
    x, weight = values(number, c, h, w), values(number + 1, m, c, kh, kw)
    return x, weight, dilation, stride, padding


@drawn
@given(dilated())
def test_dilated_convolution(case):
    x, weight, dilation, stride, padding = case
    options = {"stride": stride, "padding": padding}
    expected = F.conv2d(
        tensor(x)[None], tensor(weight), dilation=dilation, **options
    ).numpy()[0]
    same(LESSON_6.dilated_convolution(x, weight, dilation, stride, padding), expected)
    same(LESSON_6.dilate(weight, dilation), nn.dilate_kernel(tensor(weight), dilation))
    with_zeros = nn.dilate_kernel(tensor(weight), dilation)
    kh, kw = weight.shape[2:]
    assert with_zeros.shape[2:] == [
        kh + (kh - 1) * (dilation - 1),
        kw + (kw - 1) * (dilation - 1),
    ]
    same(F.conv2d(tensor(x)[None], with_zeros, **options).numpy()[0], expected)


@drawn
@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 4)),
        min_size=1,
        max_size=5,
    ),
)
def test_receptive_field_by_formula(layers):
    model = paddle.nn.Sequential(
        *[
            paddle.nn.Conv2D(1, 1, k, stride=s, dilation=d, padding=d * (k - 1) // 2)
            for k, s, d in layers
        ]
    )
    assert nn.receptive_field(model) == LESSON_6.field_size(layers)


@drawn
@given(st.integers(1, 15), st.integers(1, 16), st.sampled_from([1, 3, 5]))
def test_valid_taps(size, rate, kernel):
    ones = paddle.ones([1, 1, kernel, kernel])
    padding = rate * (kernel // 2)
    expected = F.conv2d(
        paddle.ones([1, 1, size, size]), ones, padding=padding, dilation=rate
    )
    same(LESSON_6.valid_taps(size, rate, kernel), expected[0, 0])


# Gradients, for these operators are trained through.


@pytest.mark.parametrize("corners", [False, True])
def test_gradients_are_paddles(corners):
    x = tensor(values(3, 2, 3, 5, 7))
    x.stop_gradient = False
    weight = tensor(values(4, 2, 3, 12, 11))
    size = (12, 11)
    ours = nn.upsample(x, size, align_corners=corners)
    theirs = F.interpolate(x, size, mode="bilinear", align_corners=corners)
    same(*[paddle.grad((out * weight).sum(), x)[0] for out in (ours, theirs)])
    ours = nn.upsample(x, size, mode="nearest")
    theirs = F.interpolate(x, size, mode="nearest")
    same(*[paddle.grad((out * weight).sum(), x)[0] for out in (ours, theirs)])
    pooled, indices = F.max_pool2d(x, 2, return_mask=True)
    ours = nn.max_unpool(pooled, indices, (5, 7))
    theirs = F.max_unpool2d(pooled, indices, 2, output_size=(5, 7))
    weight = tensor(values(5, 2, 3, 5, 7))
    same(*[paddle.grad((out * weight).sum(), x)[0] for out in (ours, theirs)])


# What is refused.


def test_upsample_refuses_what_is_no_size():
    x = paddle.zeros([1, 1, 4, 5])
    for wrong, message in [
        ({}, "either size"),
        ({"size": (8, 8), "scale_factor": 2}, "either size"),
        ({"scale_factor": 1.5}, "7.5"),
        ({"size": (0, 3)}, "0 x 3"),
        ({"size": (8, 8), "mode": "cubic"}, "cubic"),
    ]:
        with pytest.raises(InputError, match=message):
            nn.upsample(x, **wrong)
    assert nn.upsample(x, scale_factor=2).shape == [1, 1, 8, 10]


def test_max_unpool_refuses_places_outside():
    x = tensor(values(0, 1, 1, 6, 6))
    pooled, indices = F.max_pool2d(x, 2, return_mask=True)
    with pytest.raises(InputError, match="size of the map before pooling"):
        nn.max_unpool(pooled, indices, (3, 3))
