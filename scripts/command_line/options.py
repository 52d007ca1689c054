"""What can be said to a command: its options and groups, each with its value and its help.

The help of an option is the comment at its key in the YAML file that says it; where there is none, the entry of that
argument in the docstring of what the file's `_target_` names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from hydra import compose, initialize
from omegaconf import DictConfig, OmegaConf

from mbrl_mts3.scripts.command_line.arguments import Arguments
from mbrl_mts3.scripts.command_line.option_help import (
    argument_help,
    default_comments,
    is_global,
    leading_comment,
    option_comments,
    read_yaml,
)

CONFIGS = "pkg://mbrl_mts3.configs"
MISSING = "???"


@dataclass(frozen=True)
class Option:
    """One option of a command."""

    name: str
    """Dotted, such as training.length."""
    value: Any
    told: str
    """What it is for."""


@dataclass(frozen=True)
class Group:
    """A choice among files, and the options of the chosen one."""

    name: str
    """Such as model, or planner@agent.planner for a choice that is not at the place of its own name."""
    choice: str | None
    choices: tuple[str, ...]
    about: tuple[str, ...]
    """Lines: what the command takes from it, and what the chosen file is."""
    options: tuple[Option, ...]


def compose_config(name: str, arguments: Arguments) -> DictConfig:
    """A command's configuration, Hydra's part included; of a sweep, that of its first run."""
    search = [] if arguments.folder is None else [f"hydra.searchpath=[file://{arguments.folder.resolve()}]"]
    with initialize(version_base="1.3", config_path=CONFIGS):
        return compose(arguments.config_name or name, [*arguments.of_first_run(), *search], return_hydra_config=True)


def missing_options(config: DictConfig) -> list[str]:
    """Options that have no value yet; those of Hydra do not count."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return sorted(OmegaConf.missing_keys(own))


def describe(name: str, words: Sequence[str] = ()) -> tuple[list[Option], list[Group]]:
    """A command's own options, and its groups with theirs, under the choices that the words make."""
    arguments = Arguments.read(words)
    config = compose_config(name, arguments)
    plain: Any = OmegaConf.to_container(config, resolve=False)
    choices = _placed(plain.pop("hydra")["runtime"]["choices"])
    roots = _roots(arguments)
    path = f"{arguments.config_name or name}.yaml"
    own_text = read_yaml(roots, path)
    told = option_comments(roots, path)
    for place, (group, choice) in choices.items():
        if choice is not None:
            found = option_comments(roots, f"{group}/{choice}.yaml")
            prefix = "" if is_global(read_yaml(roots, f"{group}/{choice}.yaml")) else f"{place}."
            told = {**{f"{prefix}{option}": text for option, text in found.items()}, **told}
    options = list(_leaves(plain, "", told, lambda option: ""))
    said = {leaf.name for leaf in _leaves(_keys(own_text), "", {}, lambda option: "")}
    reasons = default_comments(own_text)
    groups, taken = [], set()
    for place, (group, choice) in choices.items():
        text = "" if choice is None else read_yaml(roots, f"{group}/{choice}.yaml")
        if is_global(text):
            inside = _set_by(text, [option for option in options if option.name not in said])
        else:
            deeper = tuple(f"{other}." for other in choices if other.startswith(f"{place}."))
            inside = [one for one in options if one.name.startswith(f"{place}.") and not one.name.startswith(deeper)]
        label = group if place == group.replace("/", ".") else f"{group}@{place}"
        about = (*filter(None, [reasons.get(label)]), *leading_comment(text))
        groups.append(Group(label, choice, _choices(roots, group), about, tuple(inside)))
        taken |= {place, *(option.name for option in inside)}
    return [option for option in options if option.name not in taken], groups


def option_names(name: str, words: Sequence[str] = ()) -> list[str]:
    """All options and groups of a command, under the choices that the words make."""
    own, groups = describe(name, words)
    inner = (option.name for group in groups for option in group.options)
    return [*(option.name for option in own), *(group.name for group in groups), *inner]


def read_header(name: str) -> list[str]:
    """The comment that a command's YAML begins with: what it does, and indented its examples."""
    return leading_comment(read_yaml(_roots(Arguments()), f"{name}.yaml"))


def read_own_values(name: str) -> dict[str, Any]:
    """The values that a command's YAML says itself, as they stand there."""
    return _keys(read_yaml(_roots(Arguments()), f"{name}.yaml"))


def read_own_defaults(name: str) -> dict[str, str | None]:
    """The groups of a command, each with the choice that its YAML makes; None where it makes none."""
    text = read_yaml(_roots(Arguments()), f"{name}.yaml")
    said: Any = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    entries = [entry for entry in said.get("defaults", []) if isinstance(entry, dict)]
    return {str(group): choice for entry in entries for group, choice in entry.items()}


def option_comment(name: str, option: str) -> str:
    """The comment of one of a command's own options in its YAML."""
    return option_comments(_roots(Arguments()), f"{name}.yaml").get(option, "")


def _roots(arguments: Arguments) -> list[Traversable]:
    """The folders of YAML files, the user's first."""
    mine: list[Traversable] = [] if arguments.folder is None else [arguments.folder]
    return [*mine, files("mbrl_mts3.configs")]


def _placed(choices: Mapping[str, str | None]) -> dict[str, tuple[str, str | None]]:
    """Group and choice by their place in the configuration, in the order of the defaults, parts behind their whole."""
    placed: dict[str, tuple[str, str | None]] = {}
    # Hydra lists the last one first.
    for key, choice in reversed(list(choices.items())):
        group, _, package = key.partition("@")
        if not key.startswith("hydra/"):
            placed[package or group.replace("/", ".")] = (group, choice)
    tops = [place for place in placed if not any(place.startswith(f"{other}.") for other in placed)]
    return {
        place: placed[place]
        for top in tops
        for place in (top, *(other for other in placed if other.startswith(f"{top}.")))
    }


def _choices(roots: Sequence[Traversable], group: str) -> tuple[str, ...]:
    folders = [root.joinpath(group) for root in roots if root.joinpath(group).is_dir()]
    return tuple(sorted({name for folder in folders for name in _names_below(folder)}))


def _names_below(folder: Traversable) -> Iterator[str]:
    """Names of the YAML files in a folder and its subfolders, as Hydra takes them: half_cheetah/family."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from (f"{entry.name}/{name}" for name in _names_below(entry))
        elif entry.name.endswith(".yaml"):
            yield entry.name.removesuffix(".yaml")


def _keys(text: str) -> dict[str, Any]:
    """What a YAML file says, without its defaults."""
    said: Any = OmegaConf.to_container(OmegaConf.create(text), resolve=False) if text else {}
    return {str(key): value for key, value in said.items() if key not in ("defaults", "hydra")}


def _set_by(text: str, options: Sequence[Option]) -> list[Option]:
    """The options that a file outside its group says, in its order."""
    keys = list(_keys(text))
    mine = [option for option in options if option.name.partition(".")[0] in keys]
    return sorted(mine, key=lambda option: keys.index(option.name.partition(".")[0]))


def _leaves(
    node: Mapping[str, Any], name: str, told: Mapping[str, str], outer: Callable[[str], str]
) -> Iterator[Option]:
    """All options below a node, with the help of their keys, else of the node's target, else of the nearest parent."""
    # A file that leaves the class to the user says ???.
    arguments = argument_help(str(node["_target_"])) if node.get("_target_", "???") != "???" else {}
    for key, value in node.items():
        if key.startswith("_"):
            continue
        whole = f"{name}.{key}" if name else key
        own = told.get(whole, "") or arguments.get(key, "") or outer(key)
        if isinstance(value, dict) and value:
            yield from _leaves(value, whole, told, lambda option, own=own: own)  # type: ignore[misc]
        else:
            yield Option(whole, value, own)
