"""The training loop."""

import math
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import paddle
import pandas as pd

from segcore import inference, losses
from segcore.data.transforms import Augment, to_array
from segcore.errors import InputError
from segcore.models.unet import centre_crop
from segcore.progress import bar
from segcore.training import checkpoint

AUX_WEIGHT = 0.4  # of an auxiliary head's loss: PSPNet (Zhao et al. 2017), section 4
POWER = 0.9  # of the poly schedule: DeepLab v2 (Chen et al. 2017), section 4.1


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
    folder `out`, `last.safetensors` and `best.safetensors` (by validation mean IoU) are
    kept there, and `resume=True` goes on from the former to the bit. Raises
    `InputError`, after saving, at a loss that is not finite, and names the batch.
    """
    augment = augment or Augment()
    eval_every = eval_every or max(1, math.ceil(steps / 10))
    optimizer = paddle.optimizer.AdamW(
        lr, parameters=model.parameters(), weight_decay=weight_decay
    )
    weight = None if class_weights is None else paddle.to_tensor(class_weights)
    last, best_path = (Path(out or ".") / f"{n}.safetensors" for n in ("last", "best"))
    if out:
        Path(out).mkdir(parents=True, exist_ok=True)
    step, best, rows, spent = 0, -1.0, [], 0.0
    if resume and last.exists():
        notes = checkpoint.load_state(last, model, optimizer)
        step, best, rows = notes["step"], notes["best"], notes["rows"]
        spent = notes["seconds"]
        if step >= steps:
            raise InputError(
                f"{last.parent}: this run is complete with {step} steps; raise --steps"
                " to go on."
            )

    def save():
        seconds = spent + time.perf_counter() - began
        notes = {"step": step, "best": best, "rows": rows, "seconds": seconds}
        checkpoint.save_state(last, model, optimizer, notes)

    began, recent = time.perf_counter(), []
    line = bar(steps, "training", initial=step, disable=not progress)
    stream = batches(train, augment, batch_size, step, steps, seed, pixel_weights)
    try:
        for batch in stream:
            model.train()
            rate = lr * (1 - step / steps) ** POWER
            optimizer.set_lr(rate)
            loss = total_loss(model(paddle.to_tensor(batch["image"])), batch, weight)
            value = float(loss)
            if not math.isfinite(value):
                raise InputError(
                    f"The loss became {value} at step {step + 1}, on the batch of"
                    f" {', '.join(batch['name'])}. Lower the learning rate (now"
                    f" {rate:.2g}), or look at these images and masks."
                )
            loss.backward()
            optimizer.step()
            optimizer.clear_grad()
            step += 1
            recent.append(value)
            line.set_postfix_str(f"loss {value:.3f}, lr {rate:.1e}", refresh=False)
            line.update()
            if step % eval_every and step != steps:
                continue
            row = {"step": step, "loss": float(np.mean(recent)), "lr": rate}
            recent = []
            if val is not None:
                matrix = inference.evaluate(model, val)
                row["val_mean_iou"] = matrix.mean_iou()
                row["val_pixel_accuracy"] = matrix.pixel_accuracy()
            row["seconds"] = round(spent + time.perf_counter() - began, 1)
            rows.append(row)
            if out:
                if row.get("val_mean_iou", step) > best:
                    best = row.get("val_mean_iou", step)
                    checkpoint.save_weights(model, best_path)
                save()
                pd.DataFrame(rows).to_csv(Path(out) / "history.csv", index=False)
    except BaseException:
        # Weights that are no numbers any more must not replace a good checkpoint.
        if out and step and all(bool(p.isfinite().all()) for p in model.parameters()):
            save()
        raise
    finally:
        line.close()
        model.eval()
    return pd.DataFrame(rows)


def total_loss(outputs, batch, weight=None):
    """Cross entropy of `"out"`, plus 0.4 times that of `"aux"` where there is one."""
    labels = paddle.to_tensor(batch["label"])
    pixel_weight = batch.get("weight")
    if pixel_weight is not None:
        pixel_weight = paddle.to_tensor(pixel_weight)
    num_classes = outputs["out"].shape[1]
    top = int(np.where(batch["label"] == 255, 0, batch["label"]).max())
    if top >= num_classes:
        # Paddle stops with an IndexError on a CPU and may corrupt memory on a GPU.
        raise InputError(
            f"Label {top} in the batch of {', '.join(batch['name'])}, but the network"
            f" has {num_classes} classes: 0..{num_classes - 1}, or 255 for ignored."
        )
    loss = 0
    for name, share in (("out", 1), ("aux", AUX_WEIGHT)):
        if name in outputs:
            logits = outputs[name]
            size = logits.shape[2:]
            # The paper's U-Net predicts the middle of its input only.
            middle, each = (
                None if map is None else centre_crop(map.unsqueeze(1), size).squeeze(1)
                for map in (labels, pixel_weight)
            )
            loss = loss + share * losses.cross_entropy(
                logits, middle, weight, pixel_weight=each
            )
    return loss


def batches(dataset, augment, batch_size, first, steps, seed, pixel_weights=None):
    """Batches `first..steps-1`, each made ahead of its turn in another thread.

    Which samples a batch holds, and how they are changed, follows from `seed` and the
    step alone: a resumed run sees what the unbroken one would have seen.
    """
    if not len(dataset):
        raise InputError("There is nothing to train on: the data set is empty.")

    def order(epoch):
        return np.random.default_rng([seed, epoch]).permutation(len(dataset))

    def sample(step, place):
        epoch, index = divmod(step * batch_size + place, len(dataset))
        read = dataset[int(order(epoch)[index])]
        rng = np.random.default_rng([seed, step, place])
        image, mask = augment(read["image"], read["mask"], rng)
        return to_array(image), mask.astype(np.int64), read["name"]

    def batch(step):
        images, labels, names = zip(*(sample(step, i) for i in range(batch_size)))
        if len({label.shape for label in labels}) > 1:
            sizes = sorted({label.shape for label in labels})
            raise InputError(
                f"The images of one batch have different sizes, {sizes[0]} and"
                f" {sizes[-1]}. Choose one size for all (--size) or crop (--crop)."
            )
        made = {"image": np.stack(images), "label": np.stack(labels), "name": names}
        if pixel_weights:
            made["weight"] = np.stack([pixel_weights(label) for label in labels])
        return made

    with ThreadPoolExecutor(2) as pool:
        ahead = deque(
            pool.submit(batch, s) for s in range(first, min(first + 3, steps))
        )
        for step in range(first, steps):
            ready = ahead.popleft().result()
            if step + 3 < steps:
                ahead.append(pool.submit(batch, step + 3))
            yield ready
