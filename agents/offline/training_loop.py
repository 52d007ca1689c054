"""Training of a policy on a data set alone, with records, files and resumption."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mbrl_mts3.agents.base import Agent
from mbrl_mts3.agents.evaluation import EvaluationResult
from mbrl_mts3.agents.offline.base import OfflineLearner
from mbrl_mts3.agents.policy_files import read_policy_facts, save_policy
from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.errors import ConfigurationError, ResultError
from mbrl_mts3.files import to_jsonable, write_atomically

POLICY, RECORD = "policy.zip", "offline.json"
# Between two signs of life.
_UPDATES_AT_ONCE = 100


def train_offline(
    dataset: OfflineDataset,
    make_learner: Callable[..., OfflineLearner],
    folder: str | Path,
    *,
    steps: int = 100_000,
    batch_size: int = 256,
    seed: int = 0,
    evaluation_interval: int = 5000,
    save_interval: int = 5000,
    evaluate: Callable[[Agent], EvaluationResult] | None = None,
    options: Mapping[str, Any] | None = None,
    resume: bool = False,
    on_updates: Callable[[int], None] | None = None,
    on_report: Callable[[Mapping[str, Any]], None] | None = None,
) -> tuple[OfflineLearner, OfflineRecord]:
    """Learn for `steps` batches; the policy of the last one is the result, whatever evaluations say.

    The policy (policy.zip) and the record (offline.json) are written to the folder, in any case after the last batch.
    An interrupted training that is resumed goes on from the policy that was saved last, and gives the policy of one
    that was not interrupted: chance starts anew with every report and every saving. Only seconds and losses between the
    last report and that saving are missing in its next report.

    Args:
        dataset: all observations loaded, see `build_replay_buffer`.
        make_learner: called with the data set and the seed, such as `TD3BC.from_dataset`.
        folder: for the files.
        steps: batches in all, those before an interruption included.
        seed: of the networks and of all chance.
        evaluation_interval: batches between reports, each with the losses' means, an evaluation and the record written.
        save_interval: batches between savings of the policy.
        evaluate: the agent in the real environment, for the reports only.
        options: kept in the record; a training is resumed under equal options only.
        resume: go on with what lies in the folder.
        on_updates: told how many batches there were since it was told last; at first, of those before an interruption.
        on_report: told of every new row of the record's curve.

    Raises:
        ConfigurationError: a number below 1, or a training lies in the folder and `resume` is not set.
        ResultError: there is nothing to resume, or it was made with other data or options.
        NonFiniteError: a loss is NaN or infinite.
    """
    counts = {
        "steps": steps,
        "batch_size": batch_size,
        "evaluation_interval": evaluation_interval,
        "save_interval": save_interval,
    }
    if min(counts.values()) < 1:
        raise ConfigurationError(f"expected at least 1 of each, got {counts}")
    folder = Path(folder)
    fresh = OfflineRecord(
        dataset.dataset_id,
        dataset.content_hash,
        dataset.env_id,
        {**(options or {}), "seed": seed, **{name: count for name, count in counts.items() if name != "steps"}},
    )
    if not resume and (folder / POLICY).exists():
        raise ConfigurationError(f"{str(folder)!r} holds a policy already: take another folder, or resume this one")
    record = _resumed(folder, fresh) if resume else fresh
    learner = make_learner(dataset=dataset, seed=seed)
    if resume:
        record = record.until(_restore(learner, folder / POLICY))
        if on_updates is not None:
            on_updates(learner.updates)
    seconds = record.seconds
    while learner.updates < steps:
        until = min(steps, *(_next(learner, every) for every in (evaluation_interval, save_interval)))
        seconds += _learn(learner, until, batch_size, seed, on_updates)
        row = None
        # In this order: a record that is ahead of its policy is cut when the training is resumed.
        if until % evaluation_interval == 0 or until == steps:
            row = {"updates": until, "seconds": seconds, **_losses(learner)}
            if evaluate is not None:
                row |= _scores(evaluate(learner))
            record = record.reported(row)
            record.save(folder / RECORD)
        if until % save_interval == 0 or until == steps:
            if not record.curve:
                # Without a record there would be nothing to resume.
                record.save(folder / RECORD)
            save_policy(learner, folder / POLICY)
        if row is not None and on_report is not None:
            on_report(row)
    return learner, record


def _next(learner: OfflineLearner, every: int) -> int:
    """The next multiple of `every` updates."""
    return learner.updates + every - learner.updates % every


def _learn(
    learner: OfflineLearner, until: int, batch_size: int, seed: int, on_updates: Callable[[int], None] | None
) -> float:
    """Learn until `until` batches are done; returns the seconds that it took."""
    learner.set_random_seed(int(np.random.SeedSequence((seed, learner.updates)).generate_state(1)[0]))
    began = time.perf_counter()
    while learner.updates < until:
        part = min(_UPDATES_AT_ONCE, until - learner.updates)
        learner.train(part, batch_size)
        if on_updates is not None:
            on_updates(part)
    return time.perf_counter() - began


def _losses(learner: OfflineLearner) -> dict[str, float]:
    """Means since the last report, which are forgotten with that."""
    losses = {
        name.split("/")[-1]: float(loss) for name, loss in learner.logger.name_to_value.items() if "train/" in name
    }
    losses.pop("learning_rate", None)
    learner.logger.dump(learner.updates)
    return losses


def _scores(result: EvaluationResult) -> dict[str, Any]:
    scores = result.to_json()
    return {name: scores[name] for name in ("mean_return", "return_interval", "success_rate", "episodes")}


def _resumed(folder: Path, fresh: OfflineRecord) -> OfflineRecord:
    """The record that lies in the folder, found fit to go on with."""
    if not (folder / POLICY).is_file():
        raise ResultError(f"there is no {POLICY} in {str(folder)!r}: name the folder that mts3-offline wrote")
    found = OfflineRecord.load(folder / RECORD)
    for name in ("dataset_id", "content_hash"):
        if getattr(found, name) != getattr(fresh, name):
            raise ResultError(
                f"{str(folder)!r} was learned from data with the {name} {getattr(found, name)}, this is "
                f"{getattr(fresh, name)}: go on with the data that it began with"
            )
    other = [
        f"{name}={found.options.get(name)}"
        for name in sorted({*found.options, *fresh.options})
        if found.options.get(name) != fresh.options.get(name)
    ]
    if other:
        raise ResultError(f"{str(folder)!r} was begun with {', '.join(other)}: go on with the same options")
    return found


def _restore(learner: OfflineLearner, path: Path) -> int:
    """Put a stored policy, with its optimisers, into a learner; returns its updates."""
    try:
        # Nothing of it is unpickled: the number stands in its JSON, and PyTorch reads tensors alone.
        updates = int(read_policy_facts(path)["_n_updates"])
        learner.set_parameters(str(path), device=learner.device)
        learner.resume_at(updates)
    except Exception as error:  # Of SB3, torch and zip alike.
        raise ResultError(f"{str(path)!r} cannot be resumed ({type(error).__name__}: {error}): begin anew") from error
    return learner.updates


@dataclass(frozen=True)
class OfflineRecord:
    """The data, the options and the learning curve of a training; stored as JSON beside the policy."""

    dataset_id: str
    content_hash: str
    """Of the data set, see `OfflineDataset`."""
    env_id: str | None
    options: dict[str, Any]
    """All that the policy depends on beside the data."""
    curve: tuple[dict[str, Any], ...] = field(default=())
    """One row for each report: "updates", "seconds" so far, mean losses since the last report, and what an evaluation
    in the real environment gave, where there was one."""

    @property
    def updates(self) -> int:
        """Batches learned from at the last report."""
        return int(self.curve[-1]["updates"]) if self.curve else 0

    @property
    def seconds(self) -> float:
        """Time of learning at the last report, evaluations left out."""
        return float(self.curve[-1]["seconds"]) if self.curve else 0.0

    def reported(self, row: Mapping[str, Any]) -> OfflineRecord:
        """With one more row."""
        return OfflineRecord(self.dataset_id, self.content_hash, self.env_id, self.options, (*self.curve, dict(row)))

    def until(self, updates: int) -> OfflineRecord:
        """Without the rows after so many updates."""
        kept = tuple(row for row in self.curve if row["updates"] <= updates)
        return OfflineRecord(self.dataset_id, self.content_hash, self.env_id, self.options, kept)

    def save(self, path: Path) -> None:
        """Write JSON, whole or not at all."""
        written = {name: getattr(self, name) for name in ("dataset_id", "content_hash", "env_id", "options", "curve")}
        text = json.dumps(to_jsonable(written), indent=1, allow_nan=False)
        write_atomically(path, (text + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> OfflineRecord:
        """The inverse of `save`.

        Raises:
            ResultError: no such file, or one of another kind.
        """
        try:
            read = json.loads(path.read_text())
            return cls(**{**read, "curve": tuple(read["curve"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ResultError(
                f"{str(path)!r} is no record of an offline training ({type(error).__name__}: {error}): name the folder "
                "that mts3-offline wrote, or begin anew without resume"
            ) from error
