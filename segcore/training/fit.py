"""The training loop."""

import math
import os
import signal
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import paddle
import pandas as pd

from segcore import files, inference
from segcore.data.transforms import Augment
from segcore.errors import InputError
from segcore.progress import bar
from segcore.tasks import Semantic, task_of
from segcore.training import checkpoint
from segcore.training.checkpoint import Progress

POWER = 0.9  # of the poly schedule: DeepLab v2 (Chen et al. 2017), section 4.1
SAVE_EVERY = 120  # seconds: what a killed run may lose


def fit(
    model,
    train,
    val=None,
    steps=1000,
    batch_size=8,
    lr=1e-3,
    weight_decay=1e-2,
    augment=None,
    class_weights=None,
    pixel_weights=None,
    eval_every=None,
    out=None,
    resume=False,
    seed=0,
    progress=True,
):
    """Trains `model` on the data set `train`; returns the history, a table.

    AdamW; the learning rate falls as `lr * (1 - step / steps) ** 0.9`. `augment(image,
    mask, rng)` makes a training sample from each read one (default: a flip and a tint),
    and `pixel_weights(mask)` the weight of each of its pixels in the loss.
    `val` is measured every `eval_every` steps (default: ten times in all). With a
    folder `out`, the last two states and `best.safetensors` (by the validation's first
    score) are kept there, and `resume=True` goes on from the last to the bit: what is
    random follows from `seed` and the step alone. Raises `InputError` for samples that
    cannot be trained on, and at a loss or weight that is not finite.
    """
    _check_options(train, steps, batch_size, lr, class_weights, out, resume, seed)
    task = task_of(model)
    augment = augment or Augment()
    eval_every = eval_every or max(1, math.ceil(steps / 10))
    optimizer = paddle.optimizer.AdamW(
        lr, parameters=model.parameters(), weight_decay=weight_decay
    )
    weight = None
    if class_weights is not None:
        weight = paddle.to_tensor(np.asarray(class_weights, np.float32))
    state = Progress(steps=steps)
    with _kept(out), _patience(out) as patience:
        if resume:
            state = _resumed(out, model, optimizer, steps)
        began = saved = time.perf_counter()
        spent, whole = state.seconds, True

        def save():
            nonlocal saved
            saved = time.perf_counter()
            state.seconds = spent + saved - began
            if not checkpoint.save_state(out, model, optimizer, state):
                raise InputError(
                    f"After step {state.step} the weights are not all numbers any more."
                    f" The state before is in {files.short(out)}. Lower the learning"
                    f" rate (now {lr:.2g})."
                )

        def measure():
            """Adds the history's row if one is due, and keeps the best weights."""
            due = state.step % eval_every == 0 or state.step == steps
            if not (state.step and due) or state.losses == 0:
                return
            row = {"step": state.step, "loss": state.loss_sum / state.losses}
            row["lr"] = lr * (1 - (state.step - 1) / steps) ** POWER
            score = state.step
            if val is not None:
                with patience.none():  # nothing changes here: stop at once
                    scores = task.scores(inference.evaluate(model, val))
                row |= {f"val_{name}": value for name, value in scores.items()}
                score = next(iter(scores.values()))
            row["seconds"] = round(spent + time.perf_counter() - began, 1)
            state.rows.append(row)
            state.loss_sum, state.losses = 0.0, 0
            if out:
                if score > state.best and checkpoint.finite(model):
                    state.best = score
                    checkpoint.save_weights(model, Path(out) / checkpoint.BEST)
                save()
                _write_history(out, state.rows)

        line = bar(steps, "training", initial=state.step, disable=not progress)
        stream = batches(
            train, augment, batch_size, state.step, steps, seed, pixel_weights, task
        )
        try:
            measure()
            for batch in stream:
                patience.check()
                whole = False
                model.train()
                # Dropout draws from seed and step: a resumed run draws the same.
                draw = np.random.SeedSequence([seed, state.step]).generate_state(1)[0]
                paddle.seed(int(draw))
                optimizer.set_lr(lr * (1 - state.step / steps) ** POWER)
                outputs = model(paddle.to_tensor(batch["image"]))
                task.check(batch, outputs["out"].shape[1])
                loss = task.loss(outputs, batch, weight)
                value = float(loss)
                if not math.isfinite(value):
                    raise InputError(
                        f"The loss became {value} at step {state.step + 1}, on the"
                        f" batch of {', '.join(batch['name'])}. Lower the learning rate"
                        f" (now {optimizer.get_lr():.2g}), or look at these images and"
                        " masks."
                    )
                loss.backward()
                optimizer.step()
                optimizer.clear_grad()
                state.step += 1
                state.loss_sum += value
                state.losses += 1
                whole = True
                text = f"loss {value:.3f}, lr {optimizer.get_lr():.1e}"
                line.set_postfix_str(text, refresh=False)
                line.update()
                measure()
                if out and time.perf_counter() - saved > SAVE_EVERY:
                    save()
                patience.check()
        except BaseException:
            # A step that was broken off has moved batch norm's statistics already.
            if out and whole and state.step:
                checkpoint.save_state(out, model, optimizer, state)
            raise
        finally:
            line.close()
            model.eval()
    return pd.DataFrame(state.rows)


def _check_options(train, steps, batch_size, lr, class_weights, out, resume, seed):
    for name, value, least in (
        ("steps", steps, 1),
        ("batch_size", batch_size, 1),
        ("seed", seed, 0),
    ):
        if int(value) != value or value < least:
            raise InputError(f"{name} is a whole number from {least} on, not {value}.")
    if not (math.isfinite(lr) and lr > 0):
        raise InputError(f"lr is a number above 0, not {lr}.")
    if not len(train):
        raise InputError("There is nothing to train on: the data set is empty.")
    if not 1 <= train.num_classes <= 255:
        raise InputError(f"{train.num_classes} classes: from 1 to 255 are possible.")
    if class_weights is not None:
        values = np.asarray(class_weights, float)
        good = values.shape == (train.num_classes,) and np.isfinite(values).all()
        if not (good and (values >= 0).all()):
            raise InputError(
                f"class_weights are {train.num_classes} numbers, one a class, none of"
                f" them negative; they are {class_weights}."
            )
    if resume and not out:
        raise InputError("resume needs out, the folder of the run to go on with.")


@contextmanager
def _kept(out):
    """The folder of a run, made where there is none, and held against others."""
    if not out:
        yield
        return
    Path(out).mkdir(parents=True, exist_ok=True)
    with files.locked(out):
        yield


def _resumed(out, model, optimizer, steps):
    """The progress of the run in `out`; its state is put into network and optimizer."""
    folder = Path(out)
    states = (checkpoint.LAST, checkpoint.PREVIOUS)
    if not any(os.path.lexists(folder / name) for name in states):
        return Progress(steps=steps)
    state, remark = checkpoint.load_state(folder, model, optimizer)
    if remark:
        print(remark)
    _write_history(out, state.rows)  # a kill may have come just before
    if state.step > steps or (state.step == steps and not state.losses):
        raise InputError(
            f"{files.short(folder)}: this run is complete with {state.step} steps;"
            " raise --steps to go on."
        )
    if state.steps != steps:
        print(
            f"The run was planned for {state.steps} steps: from step {state.step} on"
            f" its learning rate falls towards step {steps} instead."
        )
        state.steps = steps
    if state.best > -1 and not (folder / checkpoint.BEST).exists():
        print(f"{checkpoint.BEST} is missing: the best from here on is kept.")
        state.best = -1.0
    return state


def _write_history(out, rows):
    if rows:
        table = pd.DataFrame(rows).to_csv(index=False)
        files.write(Path(out) / "history.csv", table)


class Stopped(KeyboardInterrupt):
    """Ctrl-C or SIGTERM; `signal` is its number."""

    def __init__(self, number):
        super().__init__()
        self.signal = number


class _Patience:
    """Lets Ctrl-C and SIGTERM wait for the end of a step; a second one does not."""

    def __init__(self):
        self.asked, self.waits = None, True

    def __call__(self, number, frame):
        if self.asked or not self.waits:
            raise Stopped(number)
        self.asked = number

    def check(self):
        if self.asked:
            raise Stopped(self.asked)

    @contextmanager
    def none(self):
        self.check()
        self.waits = False
        try:
            yield
        finally:
            self.waits = True


@contextmanager
def _patience(out):
    """Signals are only caught where there is a state to save, in the main thread."""
    patience = _Patience()
    if not out or threading.current_thread() is not threading.main_thread():
        yield patience
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, patience) for number in numbers}
    try:
        yield patience
    finally:
        for number, handler in before.items():
            # None: it was set by a library in C, Paddle for one.
            signal.signal(number, handler or signal.SIG_DFL)


def batches(
    dataset,
    augment,
    batch_size,
    first,
    steps,
    seed,
    pixel_weights=None,
    task=None,
):
    """Batches `first..steps-1`, each made ahead of its turn in another thread.

    Which samples a batch holds, and how they are changed, follows from `seed` and the
    step alone: a resumed run sees what the unbroken one would have seen.
    """
    task = task or Semantic()

    def order(epoch):
        return np.random.default_rng([seed, epoch]).permutation(len(dataset))

    def sample(step, place):
        epoch, index = divmod(step * batch_size + place, len(dataset))
        read = dataset[int(order(epoch)[index])]
        _check_sample(read)
        rng = np.random.default_rng([seed, step, place])
        return task.sample(read, augment, rng), read["name"]

    def batch(step):
        samples, names = zip(*(sample(step, i) for i in range(batch_size)))
        sizes = sorted({made["image"].shape[1:] for made in samples})
        if len(sizes) > 1:
            raise InputError(
                f"The images of one batch have different sizes, {sizes[0]} and"
                f" {sizes[-1]}. Choose one size for all (--size) or crop (--crop)."
            )
        made = {key: np.stack([each[key] for each in samples]) for key in samples[0]}
        if pixel_weights:
            made["weight"] = np.stack([pixel_weights(label) for label in made["label"]])
        return {**made, "name": names}

    with ThreadPoolExecutor(2) as pool:
        ahead = deque(
            pool.submit(batch, s) for s in range(first, min(first + 3, steps))
        )
        for step in range(first, steps):
            ready = ahead.popleft().result()
            if step + 3 < steps:
                ahead.append(pool.submit(batch, step + 3))
            yield ready


def _check_sample(read):
    """Raises `InputError` for an image or mask of another kind than the contract's."""
    image, mask = np.asarray(read["image"]), np.asarray(read["mask"])
    name = read.get("name", "a sample")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(
            f"{name}: an image is uint8 [H, W, 3] with values 0..255, not {image.dtype}"
            f" {list(image.shape)}."
        )
    if mask.dtype.kind not in "iu" or mask.shape != image.shape[:2] or not mask.size:
        raise InputError(
            f"{name}: a mask holds whole numbers, [H, W] as its image"
            f" {list(image.shape[:2])}, not {mask.dtype} {list(mask.shape)}."
        )
