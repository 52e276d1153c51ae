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
