"""Plausible wrong answers to the exercises of lesson 10."""

import numpy as np


def strides_forgotten(output_stride, every):
    return len(range(0, 7, every)), every


def rows_forgotten(output_stride, every):
    return len(range(0, 7, every)), 32 // output_stride


def rounded_down(output_stride, every):
    return 7 // every, 32 // output_stride * every


def always_large_fov(output_stride, every):
    return 3, 12


def rate_only(output_stride, every):
    return 32 // output_stride * every


def in_words(*_):
    return "four times three"


def stacked(weights, biases):
    return np.concatenate(weights, axis=0), np.concatenate(biases)


def biases_concatenated(weights, biases):
    return np.concatenate(weights, axis=1), np.concatenate(biases)


def first_bias(weights, biases):
    return np.concatenate(weights, axis=1), biases[0]


def mean_bias(weights, biases):
    return np.concatenate(weights, axis=1), sum(biases) / len(biases)


def backwards(weights, biases):
    return np.concatenate(weights[::-1], axis=1), sum(biases)


def weight_only(weights, biases):
    return np.concatenate(weights, axis=1)


def _softmax(logits, axis=0):
    new = np.exp(logits - logits.max())
    return new / new.sum(axis=axis, keepdims=True)


def both_bugs(q, probabilities, weights):
    return _softmax(np.log(np.maximum(q, 1e-6)) + q @ weights, axis=1)


def unary_from_q(q, probabilities, weights):
    return _softmax(np.log(np.maximum(q, 1e-6)) + q @ weights)


def wrong_axis(q, probabilities, weights):
    return _softmax(np.log(np.maximum(probabilities, 1e-6)) + q @ weights, axis=1)


def no_logarithm(q, probabilities, weights):
    return _softmax(probabilities + q @ weights)


def votes_of_the_network(q, probabilities, weights):
    return _softmax(np.log(probabilities) + probabilities @ weights)


def votes_against(q, probabilities, weights):
    return _softmax(np.log(probabilities) - q @ weights)


def labels(q, probabilities, weights):
    return (np.log(probabilities) + q @ weights).argmax(0)


def costs_ignored(q, probabilities, weights, costs):
    return _softmax(np.log(probabilities) + q @ weights)


def costs_transposed(q, probabilities, weights, costs):
    return _softmax(np.log(probabilities) - costs.T @ (q @ weights))


def costs_as_gains(q, probabilities, weights, costs):
    return _softmax(np.log(probabilities) + costs @ (q @ weights))


def costs_by_element(q, probabilities, weights, costs):
    return _softmax(np.log(probabilities) - costs.sum(1)[:, None] * (1 - q) @ weights)


WRONG = {
    "10.1": [
        strides_forgotten,
        rows_forgotten,
        rounded_down,
        always_large_fov,
        rate_only,
        in_words,
        lambda output_stride, every: None,
    ],
    "10.2": [
        stacked,
        biases_concatenated,
        first_bias,
        mean_bias,
        backwards,
        weight_only,
        in_words,
        lambda weights, biases: None,
    ],
    "10.3": [
        both_bugs,
        unary_from_q,
        wrong_axis,
        no_logarithm,
        votes_of_the_network,
        votes_against,
        labels,
        in_words,
    ],
    "10.4": [
        costs_ignored,
        costs_transposed,
        costs_as_gains,
        costs_by_element,
        in_words,
        lambda q, probabilities, weights, costs: None,
    ],
}
