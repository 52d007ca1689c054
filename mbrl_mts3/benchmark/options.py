"""The options that a benchmark result depends on, and the names of runs made from them."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mbrl_mts3.benchmark.protocol import EvaluationProtocol
from mbrl_mts3.data.dataset import OfflineDataset
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.models.base import WorldModel
from mbrl_mts3.training.trainer import WorldModelTrainer

Part = dict[str, Any]

_SPLIT = ("split_fractions", "split_seed")
# The seed is part of the result's name; the others change what is displayed, not what is learned.
_NOT_TRAINING = {*_SPLIT, "seed", "loggers", "progress"}
_NOT_EVALUATION = {"batch_size", "longest"}


@dataclass(frozen=True)
class RunOptions:
    """All options of a run but its seed: data, model, training and evaluation as plain JSON values."""

    data: Part
    """Data set, content hash, selected observations and split."""
    model: Part
    """Class and constructor arguments."""
    training: Part
    evaluation: Part
    defaults: dict[str, Part] = field(default_factory=dict, compare=False, repr=False)
    """Present defaults by part, for results that are older than an option. Not stored."""

    @classmethod
    def from_run(
        cls, dataset: OfflineDataset, model: WorldModel, trainer: WorldModelTrainer, protocol: EvaluationProtocol
    ) -> RunOptions:
        """Collect the options before training; `protocol` is fitted to the test episodes."""
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
        """Read what `to_json` returned."""
        parts = {name: dict(stored[name]) for name in _PARTS}
        if "max_steps" in parts["training"]:
            # Its name in results that were written before.
            parts["training"]["max_updates"] = parts["training"].pop("max_steps")
        return cls(**parts)

    def differences(self, earlier: RunOptions, parts: Iterable[str] | None = None) -> list[str]:
        """List the options that differ from `earlier`, such as "training.max_updates was 3000, now 500".

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
                if then.get(name, _MISSING) != now.get(name, _MISSING)
            ]
        return found

    def conflicts(self, other: RunOptions, parts: Iterable[str]) -> list[str]:
        """List the options that both have with different values, such as "training.max_updates is 3000 and 500"."""
        pairs = ((part, getattr(self, part), getattr(other, part)) for part in parts)
        return [
            f"{part}.{name} is {mine[name]} and {theirs[name]}"
            for part, mine, theirs in pairs
            for name in sorted(set(mine) & set(theirs))
            if mine[name] != theirs[name]
        ]


_MISSING = object()
_PARTS = tuple(item.name for item in fields(RunOptions) if item.name != "defaults")


def _without(options: Mapping[str, Any], names: set[str]) -> Part:
    return {name: value for name, value in options.items() if name not in names}


def _defaults(model: type[WorldModel]) -> Part:
    parameters = inspect.signature(model).parameters.values()
    return {item.name: item.default for item in parameters if item.default is not inspect.Parameter.empty}


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Convert as JSON does, so that a tuple equals the list that was stored for it."""
    plain: dict[str, Any] = json.loads(json.dumps(options, default=_plain_value))
    return plain


def _plain_value(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


# Options that are no part of a variant's name: the seed is a part of the path, budget and validation are the same for
# a whole table.
_UNNAMED = {
    *(f"training.{name}" for name in ("seed", "max_updates", "max_seconds", "loggers", "progress")),
    *(f"training.validation_{name}" for name in ("interval", "windows", "length", "context")),
    *(f"training.{name}" for name in ("accelerator", "devices", "num_nodes", "strategy")),
    "data.download",
}


def variant_name(choices: Mapping[str, str], changes: Mapping[str, str]) -> str:
    """Name of a variant: the model's YAML, the training's if it is not the default, then the changes in either.

    Args:
        choices: by configuration group, "model" and "training" among them.
        changes: new values of single options by their full name, such as "model.latent_dim".
    """
    training = [] if choices["training"] == "default" else [choices["training"]]
    return _slug("+".join([choices["model"], *training, *_named(changes, ("model.", "training."))]))


def dataset_name(choices: Mapping[str, str], changes: Mapping[str, str]) -> str:
    """Name of a data set: its YAML, or its id if one was given, then other changes; arguments as in `variant_name`."""
    others = {name: value for name, value in changes.items() if name != "data.dataset_id"}
    return _slug("+".join([changes.get("data.dataset_id", choices["data"]), *_named(others, ("data.",))]))


def check_sweep(swept: Set[str], given: Set[str]) -> None:
    """Refuse a sweep whose runs would share a name.

    Args:
        swept: options and groups that take several values.
        given: which of "label" and "dataset_label" were given by the user.

    Raises:
        ConfigurationError: such runs would overwrite each other.
    """
    for name, groups in (("label", ("model", "training")), ("dataset_label", ("data",))):
        alike = {key for key in swept if key.split(".")[0] in groups} - _UNNAMED
        if name in given - swept and alike:
            raise ConfigurationError(
                f"{name} would give every choice of {', '.join(sorted(alike))} the same name: leave {name} out, or run "
                "each choice on its own"
            )
    named = {key for key in swept if key.split(".")[0] in ("model", "training", "data")} - _UNNAMED
    nameless = swept - named - {"label", "dataset_label", "training.seed"}
    if nameless:
        raise ConfigurationError(
            f"runs that differ in {', '.join(sorted(nameless))} alone would overwrite each other: run each value by "
            "itself, with a label or a folder of results of its own (label=..., results=...)"
        )


def _named(changes: Mapping[str, str], groups: tuple[str, ...]) -> list[str]:
    """Changes by group in alphabetical order, so that the order on the command line makes no difference."""
    kept = (name for group in groups for name in sorted(changes) if name.startswith(group) and name not in _UNNAMED)
    return [f"{name.partition('.')[2]}={changes[name]}" for name in kept]


def _slug(name: str) -> str:
    """Remove the characters that a file name should not have."""
    return re.sub(r"[^\w.+=,-]", "", name.replace("/", "_"))
