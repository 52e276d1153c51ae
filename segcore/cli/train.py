"""`train`: from a data set to a run."""

import datetime
from pathlib import Path

import numpy as np

from segcore import data, files, plotting, provenance, runs
from segcore.cli.shared import fail, network, paddle_on, say
from segcore.errors import InputError
from segcore.files import short


def train(options):
    build = network(options.model)
    if options.scale[0] > options.scale[1]:
        raise InputError("--scale takes the lower number first.")
    if runs.same_place(options.data, options.out):
        raise InputError(f"{options.out}: --out holds the data; name another folder.")
    runs.check_place(options.out, options.resume)
    run, size = Path(options.out), options.size and tuple(options.size)
    train = data.load(options.data, "train", size=size)
    val = data.load(options.data, "val", size=size)
    if not len(train):
        raise InputError(f"{options.data}: the training part is empty; add images.")
    # All parts: a bad test image is better found now than after the training.
    report = data.examine(options.data, progress=True)
    if report.problems:
        raise InputError(
            f"{report.problems[0]} ({len(report.problems)} problems in all:"
            f" `python -m segcore check {options.data}` lists them.)"
        )
    for note in [*getattr(train, "notes", ()), *report.warnings]:
        say(f"{options.data}: {note.rstrip('.')}.")
    say(
        f"{len(train)} training and {len(val)} validation images, {train.num_classes}"
        f" classes: {', '.join(train.classes)}."
    )
    crop = options.crop or [min(256, max(32, n)) for n in train[0]["mask"].shape]
    settings = runs.Settings(
        model=options.model,
        data=options.data,
        width=options.width,
        steps=options.steps,
        batch_size=options.batch_size,
        size=options.size,
        crop=crop,
        scale=list(options.scale),
        lr=options.lr,
        balance=options.balance,
        seed=options.seed,
        classes=list(train.classes),
        colours=[list(map(int, colour)) for colour in _colours_of(train)],
        values=[[int(a), int(b)] for a, b in getattr(train, "values", {}).items()],
        prints=report.prints,
        versions={},
        started=datetime.datetime.now().isoformat(timespec="seconds"),
        command=provenance.command(),
    )
    paddle = paddle_on(options.device)
    settings.versions = provenance.versions()
    from segcore import losses, training
    from segcore.data.transforms import Augment

    weights, rare = None, ()
    if options.balance:
        pixels = data.class_pixels(train)
        weights = losses.balance_weights(pixels)
        rare = tuple(int(i) for i in np.nonzero(pixels < np.median(pixels))[0])
    augment = Augment(
        crop=tuple(crop),
        scale=tuple(options.scale),
        rare=rare,
        **getattr(train, "augment", {}),
    )
    paddle.seed(options.seed)
    model = build(train.num_classes, width=options.width)
    run.mkdir(parents=True, exist_ok=True)
    with files.locked(run):
        runs.check_place(run, options.resume)  # again: now nobody else can begin here
        if options.resume:
            settings.started = runs.check_same(run, settings).started
        else:
            runs.write_settings(run, settings)
        try:
            history = training.fit(
                model,
                train,
                val if len(val) else None,
                steps=options.steps,
                batch_size=options.batch_size,
                lr=options.lr,
                augment=augment,
                class_weights=weights,
                out=run,
                resume=options.resume,
                seed=options.seed,
            )
        except KeyboardInterrupt as stop:
            fail(
                f"Stopped. What was learned is in {short(run)}; the same command with"
                " --resume goes on from there."
            )
            return 128 + getattr(stop, "signal", 2)
        runs.write_settings(run, settings)  # a longer run has other steps
    print(history.tail(10).to_string(index=False, float_format="%.4g"))
    score = next((name for name in history if name.startswith("val_")), None)
    if score and history[score].notna().any():
        best = history.loc[history[score].idxmax()]
        name = score.removeprefix("val_").replace("_", " ").replace("iou", "IoU")
        print(f"Best validation {name} {best[score]:.3f}, step {best.step:.0f}.")
    say(f"Next: python -m segcore evaluate {short(run)}")


def _colours_of(dataset):
    return dataset.colours or plotting.colours(dataset.num_classes).tolist()
