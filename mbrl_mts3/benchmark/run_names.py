"""What runs are called, so that different ones never share a file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set

from mbrl_mts3.errors import ConfigurationError

# What a variant is not named after: its seed has a place of its own, budget and validation hold for a whole table.
_UNNAMED = {
    *(f"training.{name}" for name in ("seed", "max_steps", "max_seconds", "loggers", "progress")),
    *(f"training.validation_{name}" for name in ("interval", "windows", "length", "context")),
    *(f"training.{name}" for name in ("accelerator", "devices", "strategy")),
    "data.download",
}


def variant_name(choices: Mapping[str, str], changes: Mapping[str, str]) -> str:
    """The model's YAML, then the training's where it is not the default, then what was changed in either.

    Args:
        choices: by configuration group, "model" and "training" among them.
        changes: new values of single options by their full name, such as "model.latent_dim".
    """
    training = [] if choices["training"] == "default" else [choices["training"]]
    return _slug("+".join([choices["model"], *training, *_named(changes, ("model.", "training."))]))


def dataset_name(choices: Mapping[str, str], changes: Mapping[str, str]) -> str:
    """The data set's YAML, or its id where that was given, then what else was changed; arguments as above."""
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
                f"{name} would name every choice of {', '.join(sorted(alike))} alike: leave {name} out, or run each "
                "choice on its own"
            )
    named = {key for key in swept if key.split(".")[0] in ("model", "training", "data")} - _UNNAMED
    nameless = swept - named - {"label", "dataset_label", "training.seed"}
    if nameless:
        raise ConfigurationError(
            f"runs that differ in {', '.join(sorted(nameless))} alone would overwrite each other: run each value by "
            "itself, with a label or a folder of results of its own (label=..., results=...)"
        )


def _named(changes: Mapping[str, str], groups: tuple[str, ...]) -> list[str]:
    """Group by group in the order of the alphabet, so that the order on the command line makes no difference."""
    kept = (name for group in groups for name in sorted(changes) if name.startswith(group) and name not in _UNNAMED)
    return [f"{name.partition('.')[2]}={changes[name]}" for name in kept]


def _slug(name: str) -> str:
    """Fit for a file's name."""
    return re.sub(r"[^\w.+=,-]", "", name.replace("/", "_"))
