"""All that a result depends on, so that equal runs can be told from others."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mbrl_mts3.benchmark.evaluation_protocol import EvaluationProtocol
from mbrl_mts3.data.offline_dataset import OfflineDataset
from mbrl_mts3.models.world_model import WorldModel
from mbrl_mts3.training.world_model_trainer import WorldModelTrainer

Part = dict[str, Any]

_SPLIT = ("split_fractions", "split_seed")
# The seed is a result's name; the others change what is shown, not what is learned.
_NOT_TRAINING = {*_SPLIT, "seed", "loggers", "progress"}
_NOT_EVALUATION = {"batch_size", "longest"}


@dataclass(frozen=True)
class RunOptions:
    """Data, model, training and evaluation as plain JSON values; all of a run but its seed."""

    data: Part
    """Data set, content hash, selected observations and split."""
    model: Part
    """Class and constructor arguments."""
    training: Part
    evaluation: Part
    defaults: dict[str, Part] = field(default_factory=dict, compare=False, repr=False)
    """By part: the defaults of today's options, for results that are older than an option. Not stored."""

    @classmethod
    def of(
        cls, dataset: OfflineDataset, model: WorldModel, trainer: WorldModelTrainer, protocol: EvaluationProtocol
    ) -> RunOptions:
        """Gather what is known before training; `protocol` is fitted to the test episodes."""
        training = asdict(trainer)
        data = {
            "dataset_id": dataset.dataset_id,
            "content_hash": dataset.content_hash,
            "observations": dataset.observation_names,
            **{name: training[name] for name in _SPLIT},
        }
        options = {
            "data": data,
            "model": {"class": type(model).__name__, **model.arguments()},
            "training": _without(training, _NOT_TRAINING),
            "evaluation": _without(asdict(protocol), _NOT_EVALUATION),
        }
        defaults = {
            "model": _defaults(type(model)),
            "training": _without(asdict(WorldModelTrainer()), _NOT_TRAINING),
            "evaluation": _without(asdict(EvaluationProtocol()), _NOT_EVALUATION),
        }
        return cls(**_plain(options), defaults=_plain(defaults))

    def to_json(self) -> dict[str, Part]:
        """The four parts."""
        return {name: getattr(self, name) for name in _PARTS}

    @classmethod
    def from_json(cls, stored: Mapping[str, Part]) -> RunOptions:
        """What `to_json` gave."""
        return cls(**{name: dict(stored[name]) for name in _PARTS})

    def differences(self, earlier: RunOptions, parts: Iterable[str] | None = None) -> list[str]:
        """What `earlier` had otherwise, in words: "training.max_steps was 3000, now 500".

        An option that did not exist when `earlier` was stored counts as its present default.

        Args:
            parts: names of the fields to compare; None compares all four.
        """
        found = []
        for part in _PARTS if parts is None else parts:
            now, stored = getattr(self, part), getattr(earlier, part)
            then = {**{name: value for name, value in self.defaults.get(part, {}).items() if name in now}, **stored}
            found += [
                f"{part}.{name} was {then.get(name, 'not there')}, now {now.get(name, 'gone')}"
                for name in sorted({*then, *now})
                if then.get(name, _NOTHING) != now.get(name, _NOTHING)
            ]
        return found

    def conflicts(self, other: RunOptions, parts: Iterable[str]) -> list[str]:
        """Options that both have, with different values: "training.max_steps is 3000 and 500"."""
        pairs = ((part, getattr(self, part), getattr(other, part)) for part in parts)
        return [
            f"{part}.{name} is {mine[name]} and {theirs[name]}"
            for part, mine, theirs in pairs
            for name in sorted(set(mine) & set(theirs))
            if mine[name] != theirs[name]
        ]


_NOTHING = object()
_PARTS = tuple(item.name for item in fields(RunOptions) if item.name != "defaults")


def _without(options: Mapping[str, Any], names: set[str]) -> Part:
    return {name: value for name, value in options.items() if name not in names}


def _defaults(model: type[WorldModel]) -> Part:
    parameters = inspect.signature(model).parameters.values()
    return {item.name: item.default for item in parameters if item.default is not inspect.Parameter.empty}


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON gives it back, so that a tuple equals the list that was stored of it."""
    plain: dict[str, Any] = json.loads(json.dumps(options, default=_plain_value))
    return plain


def _plain_value(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)
