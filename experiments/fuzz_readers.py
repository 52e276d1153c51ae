"""Damage at random, given to all that reads files which a stranger may have made.

    python experiments/fuzz_readers.py 10         # minutes; a second number: the seed

writes results/fuzz_readers.json: for images, masks, settings, weights and states how
many damaged files were read, refused in a sentence, or made an error of another kind.
The last must be none. Each of those is kept, as small as it could be made, in
tests/fuzz_seeds/, and `tests/test_attack.py` reads it again.
"""

import collections
import hashlib
import sys
import tempfile
import time
import traceback
from pathlib import Path

import hypothesis
import record
from hypothesis import strategies as st

TESTS = Path(__file__).resolve().parent.parent / "tests"
SEEDS = TESTS / "fuzz_seeds"
EXAMPLES = 500  # of one kind in a row
LARGEST = 2**16  # bytes of a file that is kept
SUFFIXES = {"image": ".png", "mask": ".png", "settings": ".json"}


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    sys.path.append(str(TESTS))
    import attack

    with tempfile.TemporaryDirectory() as place:
        run = sound_run(attack, Path(place))
        files = attack.samples() | {
            "settings": [(run / "settings.json").read_bytes()],
            "weights": [(run / "best.safetensors").read_bytes()],
            "state": [(run / "last.safetensors").read_bytes()],
        }
        readers = attack.readers(run)
        counts = {kind: collections.Counter() for kind in readers}
        seconds = collections.Counter()
        kept, end, number = set(), time.monotonic() + 60 * minutes, first
        while time.monotonic() < end:
            kind = list(readers)[number % len(readers)]
            began = time.monotonic()
            path = Path(place) / f"damaged{SUFFIXES.get(kind, '.safetensors')}"
            kept |= fuzz(attack, kind, readers[kind], files[kind], number, counts, path)
            seconds[kind] += time.monotonic() - began
            number += 1
            rate = sum(counts[kind].values()) / seconds[kind]
            print(f"{kind:9} {dict(counts[kind])}, {rate:.0f} a second", flush=True)
    record.write(
        "damaged files: how many were read, refused in a sentence, or failed otherwise",
        [
            {
                "arm": kind,
                **counts[kind],
                "a second": round(rate_of(counts, seconds, kind)),
            }
            for kind in counts
        ],
        {"minutes": minutes, "first seed": first, "seeds": number - first},
        kept=sorted(kept),
    )


def rate_of(counts, seconds, kind):
    return sum(counts[kind].values()) / max(seconds[kind], 1e-9)


def sound_run(attack, place):
    """A run of two steps, whose files are then damaged."""
    attack.sound_folder(place / "mine")
    attack.accepted(f"train {attack.TINY} --data {place}/mine --out {place}/run")
    return place / "run"


def fuzz(attack, kind, read, files, number, counts, path):
    """Damages files some hundred times; the names of the failing ones that are kept."""
    failing = {}

    @hypothesis.seed(number)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        report_multiple_bugs=False,
    )
    @hypothesis.given(st.sampled_from(files), attack.damages)
    def damage(content, strokes):
        content = attack.damaged(content, strokes)
        path.write_bytes(content)
        try:
            with (
                attack.at_most(attack.LIMIT),
                attack.written_by_libraries() as native,
            ):
                said = read(path)
            assert not native, native  # lines on a user's terminal that are not ours
        except Exception as error:
            counts[kind]["failed"] += 1
            failing["content"], failing["error"] = content, error
            raise
        counts[kind]["read" if said is None else "refused"] += 1

    try:
        damage()
    except Exception:
        # Hypothesis ends with the smallest example that it found.
        content, error = failing["content"], failing["error"]
        traceback.print_exception(error)
        if len(content) > LARGEST:
            print(f"{kind}, seed {number}: too large to keep.")
            return set()
        name = f"{kind}-{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
        SEEDS.mkdir(exist_ok=True)
        (SEEDS / name).write_bytes(content)
        return {name}
    return set()


if __name__ == "__main__":
    main()
