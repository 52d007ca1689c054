"""The stages of an experiment: commands with their options, and what refers to what."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.scripts.command_line.help import program

EXPERIMENT = "experiment"
"""Stands for the folder of the experiment itself."""

_REFERENCE = re.compile(r"<(\w+)(:all)?>")
# A path in an option, up to what ends it.
_PATH = re.compile(_REFERENCE.pattern + r"([^,\]\s]*)")
# What Hydra takes without quotes.
_PLAIN = re.compile(r"[\w./-]+")


@dataclass(frozen=True)
class Stage:
    """One run of a command."""

    name: str
    """Its folder below that of the experiment, such as model/seed_0."""
    command: str
    """Such as train, for mts3-train."""
    options: tuple[str, ...]
    """Hydra's overrides, as one types them."""
    inputs: tuple[str, ...]
    """Names of the stages whose results it reads."""

    @property
    def line(self) -> str:
        """What one types to run this stage alone."""
        return " ".join((program(self.command), *self.options))


def expand_stages(described: Mapping[str, Any], each: Mapping[str, Sequence[Any]], folder: Path) -> list[Stage]:
    """All runs of an experiment, in order.

    In an option, <name> stands for the folder of an earlier stage, for a value out of `each`, or, as <experiment>, for
    the folder of the experiment. A stage that names a variable of `each`, itself or through a stage that it refers to,
    is run once for each of its values; <name:all> stands for the folders of all runs of a stage (a glob).

    Args:
        described: for each stage its `command`, its list of `options`, and in `after` stages that come before it
            although no option names them.
        each: values by variable, such as {"seed": [0, 1, 2]}.
        folder: of the experiment.

    Raises:
        ConfigurationError: a reference to what there is not, a name that is taken, or an entry that is missing.
    """
    stages: list[Stage] = []
    variables: dict[str, tuple[str, ...]] = {}
    for name, node in described.items():
        if name in (*each, EXPERIMENT):
            raise ConfigurationError(f"a stage is called {name}, which stands for something else: rename it")
        options, after = _options(name, node)
        named = [match.groups() for text in options for match in _REFERENCE.finditer(text)]
        references = [(one, every) for one, every in named if one != EXPERIMENT] + [(one, ":all") for one in after]
        for reference, _ in references:
            if reference not in each and reference not in variables:
                known = ", ".join([*variables, *each]) or "nothing"
                raise ConfigurationError(f"stage {name} refers to <{reference}>: before it there is {known}")
        own = {reference for reference, every in references if reference in each and not every}
        for reference, every in references:
            own |= set() if every else set(variables.get(reference, ()))
        variables[name] = tuple(variable for variable in each if variable in own)
        for values in itertools.product(*(each[variable] for variable in variables[name])):
            chosen = dict(zip(variables[name], values, strict=True))
            read = [run for one, every in references for run in _runs(one, every, variables, each, chosen)]
            stages.append(
                Stage(
                    _run_name(name, variables[name], chosen),
                    str(node["command"]),
                    tuple(_filled(text, variables, each, chosen, folder) for text in options),
                    tuple(dict.fromkeys(read)),
                )
            )
    return stages


def _options(name: str, node: Any) -> tuple[list[str], list[str]]:
    """Options of a stage, and the stages that it names in `after`."""
    keys = {"command", "options", "after"}
    if not isinstance(node, Mapping) or set(node) - keys or not isinstance(node.get("command"), str):
        raise ConfigurationError(f"stage {name} is {node!r}: expected a command, and lists of options and after")
    # OmegaConf writes a null that is interpolated as None, which Hydra would take for a word.
    options = [re.sub(r"=None$", "=null", str(option)) for option in node.get("options") or ()]
    return options, [str(one) for one in node.get("after") or ()]


def _runs(
    reference: str,
    every: str | None,
    variables: Mapping[str, tuple[str, ...]],
    each: Mapping[str, Sequence[Any]],
    chosen: Mapping[str, Any],
) -> list[str]:
    """The runs of an earlier stage that a reference means; none where it means a variable."""
    if reference not in variables:
        return []
    names = variables[reference]
    if not every:
        return [_run_name(reference, names, chosen)]
    combinations = itertools.product(*(each[variable] for variable in names))
    return [_run_name(reference, names, dict(zip(names, values, strict=True))) for values in combinations]


def _run_name(stage: str, variables: Sequence[str], chosen: Mapping[str, Any]) -> str:
    return "/".join((stage, *(f"{variable}_{chosen[variable]}" for variable in variables)))


def _filled(
    text: str,
    variables: Mapping[str, tuple[str, ...]],
    each: Mapping[str, Sequence[Any]],
    chosen: Mapping[str, Any],
    folder: Path,
) -> str:
    def path(match: re.Match[str]) -> str:
        name, every, rest = match.groups()
        if name in each:
            return f"{chosen[name]}{rest}"
        names = variables.get(name, ())
        below = "/".join([name, *("*" for _ in names)]) if every else _run_name(name, names, chosen)
        whole = f"{folder if name == EXPERIMENT else folder / below}{rest}"
        return whole if _PLAIN.fullmatch(whole) else f"'{whole}'"

    return _PATH.sub(path, text)
