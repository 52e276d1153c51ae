"""Checks of the exercises of lesson 10, DeepLab v1."""

import numpy as np

from segcore.exercises import Wrong, as_array


def exercise_1(decimated_fc6):
    """Kernel and rate of a decimated fc6 on a finer map."""
    for stride, every in [(8, 3), (32, 1), (8, 1), (8, 2), (16, 3), (4, 2), (32, 6)]:
        found = as_array(decimated_fc6(stride, every))
        if found.shape != (2,):
            raise Wrong("Return two numbers: the side of the kernel, and its rate.")
        kernel, rate = found
        if kernel != len(range(0, 7, every)):
            raise Wrong(
                f"With every={every}, count the rows of 0 to 6 that are kept: your"
                f" kernel has {kernel:g}."
            )
        if rate != 32 // stride * every:
            raise Wrong(
                f"At 1/{stride}, with every={every}, neighbouring taps that are kept"
                f" must stay {32 * every} pixels of the image apart; yours are"
                f" {rate * stride:g}."
            )
    return "The taps stay where they stood over the image."


def exercise_2(merge):
    """One linear classifier in place of several that are summed."""
    rng = np.random.default_rng(2)
    for classes, channels in [(3, (2, 4)), (2, (5,)), (4, (3, 3, 1)), (3, (3, 3))]:
        weights = [rng.standard_normal((classes, c, 1, 1)) for c in channels]
        biases = [rng.standard_normal(classes) for _ in channels]
        given = [w.copy() for w in weights], [b.copy() for b in biases]
        try:
            weight, bias = merge(*given)
        except (TypeError, ValueError):
            raise Wrong("Return two arrays: the weight, then the bias.") from None
        weight, bias = as_array(weight), as_array(bias)
        wanted = (classes, sum(channels), 1, 1)
        if weight.shape != wanted:
            raise Wrong(
                f"For {len(channels)} branches of {channels} channels the weight has"
                f" shape {wanted}; yours has {weight.shape}."
            )
        if bias.shape != (classes,):
            raise Wrong(f"One bias for each class: {(classes,)}, not {bias.shape}.")
        maps = [rng.standard_normal((c, 6)) for c in channels]
        summed = sum(
            w[:, :, 0, 0] @ m + b[:, None] for w, m, b in zip(weights, maps, biases)
        )
        scores = weight[:, :, 0, 0] @ np.concatenate(maps)
        if not np.allclose(scores + bias[:, None], summed, atol=1e-4):
            apart = scores + bias[:, None] - summed
            constant = np.allclose(apart, apart[:, :1], atol=1e-4)
            raise Wrong(
                "The weight is right, the bias is not: what do all branches add?"
                if constant
                else "The shapes are right, the scores differ: in which order do the"
                " channels stand?"
            )
    return "A sum of classifiers is one classifier on the concatenation."


def exercise_3(mean_field_step):
    """The mean-field step without its two bugs."""
    for start, probabilities, weights in _cases():
        found = as_array(mean_field_step(start.copy(), probabilities.copy(), weights))
        _judge(found, _step(start, probabilities, weights), start, probabilities)
    return "The network keeps its say at each step, and each pixel its own softmax."


def exercise_4(step_with_costs):
    """A mean-field step with a table of costs."""
    rng = np.random.default_rng(4)
    for start, probabilities, weights in _cases():
        classes = len(start)
        costs = rng.uniform(0, 2, (classes, classes))
        np.fill_diagonal(costs, 0)
        for table, name in [(1 - np.eye(classes), "Potts costs"), (costs, "a table")]:
            given = [a.copy() for a in (start, probabilities, weights, table)]
            found = as_array(step_with_costs(*given))
            expected = _step(start, probabilities, weights, table)
            turned = _step(start, probabilities, weights, table.T)
            if found.shape == expected.shape and not np.allclose(
                found, expected, atol=1e-3
            ):
                if np.allclose(found, turned, atol=1e-3):
                    raise Wrong(
                        "Nearly: which index of the table is the class of the pixel"
                        " that is asked, and which that of the one that votes?"
                    )
                if name == "a table":
                    raise Wrong(
                        "With Potts costs it is right, with another table it is not."
                        " Sum over all classes that the other pixel may have."
                    )
            _judge(found, expected, start, probabilities)
    return "With such a table, mistaking a cat for a dog can cost less than for a bus."


def _step(q, probabilities, weights, costs=None):
    costs = 1 - np.eye(len(q)) if costs is None else costs
    logits = np.log(np.maximum(probabilities, 1e-6)) - costs @ (q @ weights)
    new = np.exp(logits - logits.max(axis=0))
    return new / new.sum(axis=0)


def _cases():
    rng = np.random.default_rng(3)
    for classes, pixels in [(2, 5), (3, 7), (4, 4)]:
        probabilities = rng.dirichlet(np.ones(classes), pixels).T
        start = rng.dirichlet(np.ones(classes), pixels).T
        weights = rng.uniform(0, 1, (pixels, pixels))
        weights = (weights + weights.T) / 2
        np.fill_diagonal(weights, 0)
        yield start, probabilities, weights


def _judge(found, expected, start, probabilities):
    if found.shape != expected.shape:
        raise Wrong(
            f"For q of shape {start.shape} the step gives {expected.shape}; yours gives"
            f" {found.shape}."
        )
    if not np.allclose(found.sum(axis=0), 1, atol=1e-3):
        raise Wrong(
            "The probabilities of a pixel must add up to 1 over the classes; yours do"
            " not."
        )
    if not np.allclose(found, expected, atol=1e-3):
        raise Wrong(
            "Each pixel's probabilities add up to 1, but they are not the right ones."
            " What comes from the network, and what from the other pixels?"
        )
