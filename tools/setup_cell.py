# Set-up, the same in every lesson: installs only what is missing, then says what runs.
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = "https://github.com/PLACEHOLDER/image-segmentation-with-paddlepaddle"
PADDLE_GPU = "https://www.paddlepaddle.org.cn/packages/stable/cu126/"


def missing(*names):
    importlib.invalidate_caches()
    return any(importlib.util.find_spec(name) is None for name in names)


def install(*what):
    print("Installing", what[-1], "(once, a few minutes) ...")
    if not missing("numpy"):  # another numpy would break packages that are loaded
        what = (f"numpy=={importlib.metadata.version('numpy')}", *what)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", *what]
    env = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    run = subprocess.run(pip, capture_output=True, text=True, env=env)
    if run.returncode:
        print(run.stderr.strip()[-1500:])
        sys.exit(
            "The installation failed, see above. Without a network, or where the"
            " repository does not answer, put segcore-*.whl beside this notebook."
        )


here = Path.cwd()
clone = [p for p in (here, *here.parents) if (p / "segcore/__init__.py").exists()][:1]
sys.path[:0] = map(str, clone)  # in a clone, its own segcore comes first
needed = "segcore filelock nibabel pandas safetensors skimage sklearn tqdm"
if missing(*needed.split()):
    wheel = sorted(map(str, here.glob("segcore-*.whl")))[-1:]
    place = os.environ.get("SEGCORE_SOURCE") or (wheel or [REPOSITORY])[0]
    if Path(place).is_dir():
        place = Path(place).resolve().as_uri()
    if not place.endswith(".whl"):
        place = f"git+{place}"
    install("scikit-learn", *(["--editable", str(clone[0])] if clone else [place]))
if missing("paddle"):  # an installed Paddle is never touched
    if subprocess.getstatusoutput("nvidia-smi")[0] == 0:
        install("--index-url", PADDLE_GPU, "paddlepaddle-gpu==3.3.1")
    else:
        install("paddlepaddle==3.3.1")

importlib.invalidate_caches()
for name in ("segcore", "paddle", "numpy"):  # segcore first: it prepares Paddle
    print(name, importlib.import_module(name).__version__, end=", ")
device = importlib.import_module("paddle").device.get_device()
print(f"Python {sys.version.split()[0]}, on {device}")
