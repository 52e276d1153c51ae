"""Trainings killed at random moments and resumed: do they end as the unbroken ones?

    OMP_NUM_THREADS=1 python experiments/kills.py [KILLS]

Each network of MODELS trains on synthetic scenes in a process of its own, once in peace
and once with signals (KILL, TERM or INT, 50 in all) at random moments, resumed each
time. States are saved far more often than usual, so that signals fall into saves too.
What stands in the result is not run again.
Weights, optimizer, history and best weights must be equal to the bit. Writes
results/kills.json.
"""

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from safetensors import safe_open
from safetensors.numpy import load_file

STEPS = 40
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
SETTINGS = {"steps": STEPS, "width": 0.02, "size": [48, 48], "batch_size": 2}


def train(name, folder):
    """One training, or what is left of it; says when it begins."""
    import paddle

    from segcore import data, training
    from segcore.models import MODELS

    sys.modules["segcore.training.fit"].SAVE_EVERY = 0.1
    parts = (
        data.load("shapes", split, size=(48, 48), length=6)
        for split in ("train", "val")
    )
    paddle.seed(0)
    model = MODELS[name](6, width=SETTINGS["width"])
    print("begin", flush=True)
    training.fit(
        model,
        *parts,
        steps=STEPS,
        batch_size=SETTINGS["batch_size"],
        eval_every=4,
        out=folder,
        resume=True,
        progress=False,
    )


def start(name, folder):
    """The training in a process of its own, from the moment when it begins."""
    code = [sys.executable, __file__, "--train", name, str(folder)]
    process = subprocess.Popen(
        code, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    process.stdout.readline()
    return process


def unbroken(name, folder):
    """Trains in peace; returns the seconds it took."""
    process = start(name, folder)
    began = time.perf_counter()
    if process.wait():
        raise SystemExit(f"{name} did not train.")
    return time.perf_counter() - began


def broken(name, folder, kills, seconds, rng):
    """Trains with signals at random moments; returns those that met a running one."""
    met = []
    while len(met) < kills:
        process = start(name, folder)
        # What is left gets shorter with each resume, so aim at the first part.
        time.sleep(rng.uniform(0, seconds / (kills + 1)))
        number = rng.choice(SIGNALS)
        process.send_signal(number)
        process.wait()
        if notes_of(folder).get("step") == STEPS:
            break
        met.append(number.name)
    while notes_of(folder).get("losses", 1):  # the last row closes the last mean
        start(name, folder).wait()
    return met


def notes_of(folder):
    """What the last state says of itself; nothing if there is none."""
    path = folder / "last.safetensors"
    if not path.exists():  # a kill fell between two moves, or before the first save
        return {}
    with safe_open(path, "numpy") as file:
        return json.loads(file.metadata()["notes"])


def differences(one, other):
    """What is not equal to the bit in two runs, as a list of words."""
    found = []
    for file in ("best.safetensors", "last.safetensors"):
        a, b = (load_file(folder / file) for folder in (one, other))
        if a.keys() != b.keys() or not all((a[k] == b[k]).all() for k in a):
            found.append(file)
    tables = [pd.read_csv(folder / "history.csv") for folder in (one, other)]
    if not tables[0].drop(columns="seconds").equals(tables[1].drop(columns="seconds")):
        found.append("history.csv")
    notes = [notes_of(folder) for folder in (one, other)]
    if any(notes[0][key] != notes[1][key] for key in ("step", "best", "loss_sum")):
        found.append("notes")
    return found


def main():
    import record

    from segcore.models import MODELS

    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    what = "Trainings killed at random moments and resumed, against unbroken ones"
    path = record.RESULTS / "kills.json"
    runs = json.loads(path.read_text())["runs"] if path.exists() else []
    for index, name in enumerate(MODELS):
        share = kills * (index + 1) // len(MODELS) - kills * index // len(MODELS)
        # A training may end before all its signals came: then there is another one.
        while True:
            of_name = [run for run in runs if run["arm"] == name]
            missing = share - sum(len(run["signals"]) for run in of_name)
            if missing <= 0:
                break
            with tempfile.TemporaryDirectory() as folder:
                one, other = Path(folder) / "one", Path(folder) / "other"
                seconds = unbroken(name, one)
                rng = random.Random(f"{name} {len(of_name)}")
                met = broken(name, other, missing, seconds, rng)
                run = {"arm": name, "seed": 0, "signals": met}
                runs.append({**run, "different": differences(one, other)})
            print(runs[-1], flush=True)
            record.write(what, runs, SETTINGS)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        train(*sys.argv[2:])
    else:
        main()
