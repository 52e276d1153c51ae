import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from segcore import losses


def test_equals_paddles_with_weights_and_ignored_pixels():
    paddle.seed(0)
    logits = paddle.randn([2, 4, 5, 6])
    labels = paddle.randint(0, 4, [2, 5, 6])
    labels[0, :2] = 255
    weight = paddle.to_tensor([0.5, 1.0, 2.0, 3.0])
    for given in (None, weight):
        ours = losses.cross_entropy(logits, labels, given)
        theirs = F.cross_entropy(logits, labels, axis=1, weight=given, ignore_index=255)
        assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_all_ignored_costs_nothing_and_has_finite_gradients():
    logits = paddle.randn([1, 3, 4, 4])
    logits.stop_gradient = False
    loss = losses.cross_entropy(logits, paddle.full([1, 4, 4], 255, "int64"))
    loss.backward()
    assert float(loss) == 0
    assert np.isfinite(logits.grad.numpy()).all()


def test_balance_weights():
    weights = losses.balance_weights([100, 25, 400, 0], power=0.5)
    np.testing.assert_allclose(weights, [1, 2, 0.5, 1])


def test_pixel_weights_are_a_weighted_mean():
    paddle.seed(0)
    logits = paddle.randn([2, 3, 4, 5])
    labels = paddle.randint(0, 3, [2, 4, 5])
    labels[0, 0] = 255
    pixel = paddle.rand([2, 4, 5]) + 0.5
    weight = paddle.to_tensor([0.5, 1.0, 2.0])
    counted = (labels != 255).numpy()
    each = F.cross_entropy(logits, labels, axis=1, reduction="none", ignore_index=255)
    factor = weight.numpy()[np.where(counted, labels.numpy(), 0)] * pixel.numpy()
    expected = (each.numpy()[:, :, :].reshape(2, 4, 5) * factor)[counted].sum()
    expected /= factor[counted].sum()
    ours = losses.cross_entropy(logits, labels, weight, pixel_weight=pixel)
    assert float(ours) == pytest.approx(float(expected), rel=1e-5)


def test_border_weights_are_the_papers_formula():
    mask = np.zeros((9, 20), np.uint8)
    mask[2:7, 2:8] = 1
    mask[2:7, 10:16] = 1
    weights = losses.border_weights(mask)
    # In the gap, columns 8 and 9: one pixel from one cell, two from the other.
    gap = 1 + 10 * np.exp(-((1 + 2) ** 2) / (2 * 5**2))
    np.testing.assert_allclose(weights[2:7, 8:10], gap, rtol=1e-6)
    corner = 1 + 10 * np.exp(-((np.hypot(2, 2) + np.hypot(2, 10)) ** 2) / 50)
    assert weights[0, 0] == pytest.approx(corner, rel=1e-6)
    assert (weights[mask == 1] == 1).all()
    one = mask.copy()
    one[:, 9:] = 0
    assert (losses.border_weights(one) == 1).all()
    assert (losses.border_weights(np.full((4, 4), 255, np.uint8)) == 1).all()
    ignored = mask.copy()
    ignored[0] = 255
    assert (losses.border_weights(ignored)[0] == 1).all()


def test_presence_loss_asks_which_classes_are_there():
    labels = paddle.to_tensor([[[0, 0], [2, 255]], [[1, 1], [1, 1]]])
    sure = paddle.to_tensor([[9.0, -9.0, 9.0], [-9.0, 9.0, -9.0]])
    assert float(losses.presence_loss(sure, labels)) < 1e-3
    assert float(losses.presence_loss(-sure, labels)) > 8
    unsure = losses.presence_loss(paddle.zeros([2, 3]), labels)
    assert float(unsure) == pytest.approx(np.log(2), abs=1e-6)
