"""How fast windows come, how long training waits for them, and how much memory data on disk takes.

    python tests/performance/loading.py windows              windows per second, data in memory and on disk
    python tests/performance/loading.py training --dataset mbrl-mts3/halfcheetah/medium-replay-v0
                                                      share of the time that training waits for data
    python tests/performance/loading.py memory --gigabytes 0.3 3
                                                      peak memory of a process that maps, splits, normalises and draws
                                                      windows of so much data

What is measured is written to tests/performance/loading.json, each part under its name. Made-up data has
HalfCheetah's sizes.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from mbrl_mts3.data import Normalizer, WindowSampler, load_minari, split_episodes
from mbrl_mts3.data.dataset import StreamedDataset
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.memory_map import map_dataset
from mbrl_mts3.data.observation_selector import ObservationSelector

RESULTS = Path(__file__).parent / "loading.json"
STEPS, OBSERVATIONS, ACTIONS = 1000, 17, 6
ROW = 4 * (OBSERVATIONS + ACTIONS + 1) + 2
LENGTH, BATCH = 90, 32


def made_up(gigabytes: float) -> StreamedDataset:
    """Episodes that are made when they are read."""
    count = max(3, round(gigabytes * 1e9 / ROW / STEPS))

    def read() -> Iterator[RawEpisode]:
        generator = np.random.default_rng(0)
        end = np.arange(STEPS) == STEPS - 1
        for number in range(count):
            walk = generator.standard_normal((STEPS + 1, OBSERVATIONS), dtype=np.float32)
            action = generator.random((STEPS, ACTIONS), dtype=np.float32)
            yield RawEpisode(walk, action, walk[1:, 0], end & False, end, episode_id=number)

    box = spaces.Box(-np.inf, np.inf, (OBSERVATIONS,), np.float32)
    actions = spaces.Box(-1, 1, (ACTIONS,), np.float32)
    return StreamedDataset("made-up", box, actions, read, total_steps=count * STEPS)


def windows(_: argparse.Namespace) -> dict[str, Any]:
    """Windows per second, random batches of the training size."""
    source = made_up(0.3)
    selector = ObservationSelector.from_space(source.observation_space)
    with tempfile.TemporaryDirectory() as folder:
        mapped = map_dataset(source, selector, Path(folder)).episodes
        kinds = {"memory": tuple(mapped[place] for place in range(len(mapped))), "mapped": mapped}
        samplers = {name: WindowSampler(episodes, LENGTH) for name, episodes in kinds.items()}
        rates: dict[str, list[float]] = {name: [] for name in samplers}
        for turn in range(7):  # in turns, so that other work on the machine meets both
            for name, sampler in samplers.items():
                begin = time.perf_counter()
                for _ in sampler.random_batches(BATCH, 100, turn):
                    pass
                rates[name].append(100 * BATCH / (time.perf_counter() - begin))
    return {name: {"windows_per_s": float(np.median(found)), "steps": LENGTH} for name, found in rates.items()}


def training(options: argparse.Namespace) -> dict[str, Any]:
    """Share of an MTS3 training that is spent in waiting for windows."""
    from mbrl_mts3.models import MTS3
    from mbrl_mts3.training import WorldModelTrainer

    found = {}
    for name, mapped in (("memory", False), ("mapped", True)):
        with tempfile.TemporaryDirectory() as folder:
            dataset = load_minari(options.dataset, memory_map=mapped, cache=Path(folder) / "cache")
            waited = _Waiting()
            trainer = WorldModelTrainer(max_updates=options.updates, loggers=(), progress=False)
            with waited:
                trainer.fit(dataset, partial(MTS3, time_scales=(15,)), Path(folder) / "run")
            found[name] = {
                "dataset_id": dataset.dataset_id,
                "content_hash": dataset.content_hash,
                "updates": options.updates,
                "seconds": waited.total,
                "waiting_s": waited.waited,
                "waiting_share": waited.waited / waited.total,
            }
    return found


class _Waiting:
    """Sums the time between asking for a batch and having it, in training and validation."""

    def __enter__(self) -> _Waiting:
        self.waited, self._begin, self._batch = 0.0, time.perf_counter(), WindowSampler.batch

        def batch(sampler: WindowSampler, indices: Any) -> Any:
            begin = time.perf_counter()
            made = self._batch(sampler, indices)
            self.waited += time.perf_counter() - begin
            return made

        WindowSampler.batch = batch  # type: ignore[method-assign]
        return self

    def __exit__(self, *_: object) -> None:
        WindowSampler.batch = self._batch  # type: ignore[method-assign]
        self.total = time.perf_counter() - self._begin


def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Peak memory by size of the data, each in a process of its own."""
    return {f"{size:g} GB": _in_a_process(size, options.folder) for size in options.gigabytes}


def _in_a_process(size: float, folder: Path | None) -> dict[str, Any]:
    command = [sys.executable, __file__, "one-size", "--gigabytes", str(size)]
    command += [] if folder is None else ["--folder", str(folder)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    measured: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return measured


def one_size(options: argparse.Namespace) -> dict[str, Any]:
    """What a training does with data: write it once, split, normalise, draw windows; here and now."""
    source, before = made_up(options.gigabytes[0]), _peak_mb()
    selector = ObservationSelector.from_space(source.observation_space)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        begin = time.perf_counter()
        dataset = map_dataset(source, selector, Path(folder))
        written, peak_written = time.perf_counter() - begin, _peak_mb()
        splits = split_episodes(dataset.episodes)
        Normalizer.fit(splits.train)
        fitted, peak_fitted = time.perf_counter() - begin - written, _peak_mb()
        sampler = WindowSampler(splits.train, LENGTH)
        begin = time.perf_counter()
        for _ in sampler.random_batches(BATCH, options.updates, 0):
            pass
        sampled = time.perf_counter() - begin
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    return {
        "data_mb": size / 2**20,
        "peak_mb": _peak_mb(),
        "peak_before_mb": before,
        "peak_written_mb": peak_written,
        "peak_fitted_mb": peak_fitted,
        "seconds_to_write": written,
        "seconds_to_fit": fitted,
        "windows_per_s": BATCH * options.updates / sampled,
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    """Measure one part and note it."""
    parts = {"windows": windows, "training": training, "memory": memory, "one-size": one_size}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=parts)
    parser.add_argument("--dataset", default="mbrl-mts3/halfcheetah/medium-replay-v0")
    parser.add_argument("--updates", type=int, default=100, help="updates of training, batches of the other parts")
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[0.3, 3.0])
    parser.add_argument("--folder", type=Path, default=None, help="where made-up data lies for a while")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = parts[options.part](options)
    print(json.dumps(found) if options.part == "one-size" else json.dumps(found, indent=1))
    if options.part != "one-size":
        known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
        RESULTS.write_text(json.dumps({**known, options.part: found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
