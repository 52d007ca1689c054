"""Models of a benchmark against one of them, episode by episode.

    python scripts/studies/compare_episodes.py results/models/runs/half_cheetah_replay --reference mts3_deep

A mean over test windows hangs on the few episodes that go wrong: whether a model foresees one fall decides over its
rank. Here each model (mean of its seeds) meets the reference in every test episode: in how many the reference has the
lower error, and how likely differences of that kind are if neither is better (Wilcoxon's signed-rank test over the
episodes). Errors are of open-loop steps from --first on, of the mean (NRMSE, root of the mean square) and of the
density (NLL, nats). With `--splits test validation` the validation episodes count as well: they chose each run's
checkpoint, of every model alike.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import wilcoxon
from study import read_options, study_parser, write_rows

from mbrl_mts3.benchmark import EvaluationProtocol
from mbrl_mts3.data import OfflineDataset
from mbrl_mts3.training import Checkpoint, checkpoint_dataset, checkpoint_splits

MEASURES = ("nrmse", "nll")
Scores = dict[str, np.ndarray]
"""Measure -> (seeds, episodes)."""


def main() -> None:
    """Evaluate, compare, write."""
    options = _options()
    dataset: OfflineDataset | None = None
    models: dict[str, Scores] = {}
    for folder in sorted(options.runs.iterdir()):
        checkpoints = sorted(folder.glob("seed_*/best"))
        if not checkpoints:
            continue
        dataset = dataset or checkpoint_dataset(Checkpoint.from_pretrained(checkpoints[0]))
        seeds = [_scores(path, dataset, options) for path in checkpoints]
        models[folder.name] = {name: np.stack([scores[name] for scores in seeds]) for name in MEASURES}
        print(folder.name, {name: round(float(values.mean()), 4) for name, values in models[folder.name].items()})
    reference = _find(models, options.reference)
    rows = [
        {"model": name, "measure": measure, **_against(models[reference][measure], scores[measure])}
        for name, scores in models.items()
        for measure in MEASURES
        if name != reference
    ]
    for row in rows:
        print(row)
    if options.csv is not None:
        write_rows(options.csv, rows)


def _scores(path: Path, dataset: OfflineDataset, options: argparse.Namespace) -> dict[str, np.ndarray]:
    """Of each episode, from step `first` to `last`."""
    checkpoint = Checkpoint.from_pretrained(path)
    protocol = EvaluationProtocol(context=options.context, horizon=options.horizon)
    found: dict[str, list[float]] = {name: [] for name in MEASURES}
    splits = checkpoint_splits(checkpoint, dataset)
    for episode in [episode for name in options.splits for episode in getattr(splits, name)]:
        errors = protocol.evaluate(checkpoint.model, checkpoint.normalizer, [episode]).model
        far = slice(options.first - 1, options.last)
        found["nrmse"].append(float(errors.nrmse[far].square().mean().sqrt()))
        assert errors.nll is not None
        found["nll"].append(float(errors.nll[far].mean()))
    return {name: np.array(values) for name, values in found.items()}


def _against(reference: np.ndarray, other: np.ndarray) -> dict[str, float]:
    mine, theirs = reference.mean(axis=0), other.mean(axis=0)
    return {
        "episodes": len(mine),
        "reference_lower": int((mine < theirs).sum()),
        "reference_mean": round(float(mine.mean()), 4),
        "model_mean": round(float(theirs.mean()), 4),
        "median_difference": round(float(np.median(mine - theirs)), 4),
        "p": round(float(wilcoxon(mine, theirs).pvalue), 5),
    }


def _find(models: dict[str, Scores], name: str) -> str:
    found = [label for label in models if label == name or label.startswith(f"{name}+")]
    if len(found) != 1:
        raise SystemExit(f"no single model {name!r}: there are {', '.join(models)}")
    return found[0]


def _options() -> argparse.Namespace:
    parser = study_parser(__doc__)
    parser.add_argument("runs", type=Path, help="RESULTS/runs/DATASET of mts3-benchmark")
    parser.add_argument("--reference", default="mts3_deep")
    parser.add_argument("--context", type=int, default=30)
    parser.add_argument("--horizon", type=int, default=330)
    parser.add_argument("--first", type=int, default=60, help="first open-loop step that counts")
    parser.add_argument("--last", type=int, default=None, help="last one; the horizon, unless given")
    parser.add_argument("--splits", nargs="+", choices=("test", "validation"), default=["test"])
    parser.add_argument("--csv", type=Path)
    return read_options(parser)


if __name__ == "__main__":
    main()
