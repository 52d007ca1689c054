"""Kill -9 at random moments, then go on: whether collection and trainings end as those that nobody disturbed.

    python scripts/studies/kill_and_resume.py --kills 40 --out runs/kill_and_resume

Each kind of run (collect, train, benchmark, offline, imagine) is done once in peace. Then it is begun again and again,
and killed after a random time, until it was killed often enough; what was interrupted goes on as its command says
(resume=FOLDER; the same command for benchmark and collect). What comes of each run that ends by itself is compared
with the undisturbed one, bit by bit: weights, curves and scores, or the hash of the data. Times are left out.

All programs are forks of this process, which has imported what they need, so that a kill costs little.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from study import read_options, study_parser, write_rows

from mbrl_mts3.data import load_minari

DATA = "kills/data-v0"
"""What the trainings learn from."""
_MODEL = ("model.width=8", "model.decoder_hidden=[8]")
_TRAINING = (
    *(
        "training.length=20",
        "training.validation_length=20",
        "training.validation_context=10",
        "training.accelerator=cpu",
    ),
    *("training.batch_size=8", "training.validation_windows=8", "training.progress=false"),
    *("training.validation_interval=4", "training.loggers=[csv]", "training.split_fractions=[0.6,0.2,0.2]"),
)
_DATA = ("data=minari", f"data.dataset_id={DATA}")
KINDS: dict[str, tuple[str, ...]] = {
    "collect": (
        "environment=half_cheetah",
        "behaviour=random",
        "steps=3000",
        "max_episode_steps=100",
        "progress=false",
        "overwrite=true",
    ),
    "train": (*_DATA, "model=gru", *_MODEL, *_TRAINING, "training.max_updates=48"),
    "benchmark": (
        *(*_DATA, "model=gru", *_MODEL, "training.seed=0,1,2,3", *_TRAINING, "training.max_updates=16"),
        *("evaluation.context=5", "evaluation.max_windows=20", "evaluation.sliding_window=5", "evaluation.horizon=10"),
    ),
    "offline": (*_DATA, "steps=600", "batch_size=32", "save_interval=60", "evaluation.interval=60"),
    "imagine": (
        *("checkpoint={work}/train/best", "uncertainty.kind=none", "uncertainty.penalty=0"),
        *("rounds=24", "steps_per_round=4", "save_interval=2"),
        *("branches=20", "branch_length=2", "num_start_states=50", "context=5", "imitation_steps=5", "critic_steps=5"),
        *("policy.batch_size=16", "policy.policy_kwargs.net_arch.pi=[16]", "policy.policy_kwargs.net_arch.qf=[16]"),
    ),
}
_STATES = {"train": "resume.ckpt", "offline": "policy.zip", "imagine": "resume.pt"}


def main() -> None:
    """Run in peace, kill, go on, compare, count."""
    options = _options()
    work = options.out.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    os.environ["MINARI_DATASETS_PATH"] = str(work / "minari")
    os.chdir(work)
    for kind in KINDS:
        import_module(f"mbrl_mts3.scripts.{kind}")
    moments, rows = random.Random(options.seed), []
    for kind in KINDS:
        began = time.perf_counter()
        if _attempt(kind, work, work / kind, None) != 0:
            sys.exit(f"{kind} fails undisturbed: see {work / 'log.txt'}")
        seconds, expected = time.perf_counter() - began, _outcome(kind, work, work / kind)
        if kind not in options.kinds:
            continue
        row = {"kind": kind, "kills": 0, "resumptions": 0, "finished": 0, "equal": 0, "seconds": round(seconds, 1)}
        while row["kills"] < options.kills:
            _disturb(kind, work, row, moments, seconds, expected, options.kills)
            print(*(f"{name} {value}" for name, value in row.items()), sep=", ", flush=True)
        rows.append(row)
        write_rows(work / "kills.csv", rows)
    sys.exit(any(row["equal"] < row["finished"] for row in rows))


def _disturb(
    kind: str, work: Path, row: dict[str, Any], moments: random.Random, seconds: float, expected: Any, most: int
) -> None:
    """One run, killed and resumed until it ends, in peace once there were enough kills."""
    folder = _new_folder(work, kind)
    while True:
        in_peace = row["kills"] >= most
        if kind in _STATES and folder.exists() and not (folder / _STATES[kind]).is_file():
            # Nothing was saved, which is begun anew.
            folder = _new_folder(work, kind)
        row["resumptions"] += folder.exists()
        status = _attempt(kind, work, folder, None if in_peace else moments.uniform(0, 1.05 * seconds))
        if status is None:
            row["kills"] += 1
        elif status == 0:
            row["finished"] += 1
            row["equal"] += _outcome(kind, work, folder) == expected
            return
        else:
            sys.exit(f"{kind} in {folder} ended with status {status}: see {work / 'log.txt'}")


def _new_folder(work: Path, kind: str) -> Path:
    number = len(list(work.glob(f"{kind}-*")))
    return work / f"{kind}-{number}"


def _attempt(kind: str, work: Path, folder: Path, kill_after: float | None) -> int | None:
    """Run a command in a process of its own; its exit status, None where it was killed."""
    words = [word.format(work=work) for word in KINDS[kind]]
    if kind == "benchmark":
        words += [f"results={folder}", f"hydra.sweep.dir={folder}/sweeps/{time.time()}"]
    elif kind == "collect":
        words += [f"dataset_id={_dataset_id(folder)}", f"hydra.run.dir={folder}/{time.time()}"]
    elif (folder / _STATES[kind]).is_file():
        words += [f"resume={folder}", f"hydra.run.dir={folder}/again/{time.time()}"]
    else:
        words += [f"hydra.run.dir={folder}"]
    child = os.fork()
    if child == 0:
        _become(kind, words, work / "log.txt")
    ends = time.monotonic() + (kill_after if kill_after is not None else 3600)
    while time.monotonic() < ends:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _become(kind: str, words: Sequence[str], log: Path) -> None:
    """Turn this process into the program of a command."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.argv = [f"mts3-{kind}", *words]
    print("\n>>>", *sys.argv, flush=True)
    status = 1
    try:
        import_module(f"mbrl_mts3.scripts.{kind}").main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _dataset_id(folder: Path) -> str:
    return DATA if folder.name == "collect" else f"kills/{folder.name}-v0"


def _outcome(kind: str, work: Path, folder: Path) -> Any:
    """What must be equal, without times."""
    if kind == "collect":
        return load_minari(_dataset_id(folder)).content_hash
    if kind == "train":
        configs = [json.loads((folder / name / "config.json").read_text()) for name in ("best", "last")]
        return [_without_times(config) for config in configs]
    if kind == "benchmark":
        paths = sorted((folder / "runs").rglob("seed_*.json"))
        return {str(path.relative_to(folder)): _without_times(json.loads(path.read_text())) for path in paths}
    with ZipFile(folder / "policy.zip") as archive:
        weights = hashlib.sha256(archive.read("mbrl_mts3/policy.safetensors")).hexdigest()
    record = json.loads((folder / f"{kind}.json").read_text())
    return weights, _without_times(record.get("curve" if kind == "offline" else "learning_curve"))


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_times(part) for name, part in value.items() if "second" not in name}
    return [_without_times(part) for part in value] if isinstance(value, list) else value


def _options() -> argparse.Namespace:
    parser = study_parser(__doc__)
    parser.add_argument("--kills", type=int, default=40, help="of each kind")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--out", type=Path, default=Path("runs/kill_and_resume"), help="is emptied first")
    return read_options(parser)


if __name__ == "__main__":
    main()
