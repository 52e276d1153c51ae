"""ImageNet weights from Paddle, where the network allows; else a sentence."""

import logging
import warnings

import paddle


def fetch(name):
    """Values of `paddle.vision`'s network `name` in order, or None with a warning."""
    # Paddle tells each of its tries; its progress bar and our sentence are enough.
    logging.getLogger("paddle.utils.download").setLevel(logging.WARNING)
    try:
        source = getattr(paddle.vision.models, name)(pretrained=True)
    except Exception as error:
        warnings.warn(
            f"The ImageNet weights of {name} could not be fetched"
            f" ({type(error).__name__}): the network starts from random weights.",
            stacklevel=4,
        )
        return None
    return list(source.state_dict().values())


def put(model, values):
    """Sets a network's values, in the order in which its layers were made."""
    model.set_state_dict(dict(zip(model.state_dict(), values)))
