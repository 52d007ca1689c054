"""The page of --help: what a command does, its options with their defaults, and the groups it has.

The help of an option is the comment at its key in the YAML file that says it; where there is none, the entry of that
argument in the docstring of what the file's `_target_` names.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import re
import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from hydra import compose, initialize
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

CONFIGS = "pkg://mbrl_mts3.configs"
_FLAGS = (
    "Flags: --cfg job prints the configuration, --multirun runs a=1,2 as two runs, --config-dir FOLDER adds "
    "configurations of yours, --version."
)


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
    choice: str | None
    choices: tuple[str, ...]
    options: tuple[Option, ...]


def program(name: str) -> str:
    """The program of a command: mts3-evaluate-policies of evaluate_policies."""
    return f"mts3-{name.replace('_', '-')}"


def help_page(name: str, arguments: Sequence[str] = ()) -> str:
    """The whole page, for the choices that the arguments make."""
    title, examples, _ = read_header(name)
    own, groups = describe(name, arguments)
    width = min(110, max(60, shutil.get_terminal_size((100, 24)).columns))
    lines = [*textwrap.wrap(title, width), "", *(f"  {line}" for line in examples), "", "Options (NAME=VALUE):"]
    lines += _options_lines(own, width)
    for group in groups:
        lines += ["", f"{group.name}={'null' if group.choice is None else group.choice}"]
        lines += textwrap.wrap(
            f"choices: {', '.join(group.choices)}", width - 2, initial_indent="  ", subsequent_indent="  "
        )
        lines += _options_lines(group.options, width)
    return "\n".join([*lines, "", *textwrap.wrap(_FLAGS, width)])


def describe(name: str, arguments: Sequence[str] = ()) -> tuple[list[Option], list[Group]]:
    """A command's own options, and its groups with theirs."""
    overrides, folders = _split(arguments)
    search = [f"hydra.searchpath=[{','.join(f'file://{folder.resolve()}' for folder in folders)}]"] if folders else []
    with initialize(version_base="1.3", config_path=CONFIGS):
        config = compose(name, [*overrides, *search], return_hydra_config=True)
    roots: list[Traversable] = [*folders, files("mbrl_mts3.configs")]
    told = _comments(roots, f"{name}.yaml")
    groups: dict[str, tuple[str, str | None]] = {}
    for key, choice in config.hydra.runtime.choices.items():
        if not key.startswith("hydra/"):
            group, _, package = key.partition("@")
            at = package or group.replace("/", ".")
            groups[at] = (group, choice)
            if choice is not None:
                found = _comments(roots, f"{group}/{choice}.yaml")
                place = "" if _is_global(roots, f"{group}/{choice}.yaml") else f"{at}."
                told = {**{f"{place}{option}": text for option, text in found.items()}, **told}
    plain = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    options = list(_leaves(plain, "", told, lambda option: ""))
    described = []
    for at, (group, choice) in groups.items():
        inside = tuple(option for option in options if option.name.startswith(f"{at}."))
        deeper = tuple(other for other in groups if other != at and other.startswith(f"{at}."))
        inside = tuple(option for option in inside if not option.name.startswith(tuple(f"{one}." for one in deeper)))
        name_of = group if at == group.replace("/", ".") else f"{group}@{at}"
        described.append(Group(name_of, choice, _choices(roots, group), inside))
    starts = tuple(f"{at}." for at in groups)
    return [one for one in options if one.name not in groups and not one.name.startswith(starts)], described


@functools.cache
def option_names(name: str) -> tuple[str, ...]:
    """All options and groups of a command, as its defaults choose them."""
    own, groups = describe(name)
    inner = (option.name for group in groups for option in group.options)
    return (*(option.name for option in own), *(group.name for group in groups), *inner)


def read_header(name: str, option: str = "") -> tuple[str, list[str], str]:
    """What a command does, its examples, and what one of its options is for."""
    head = []
    for line in files("mbrl_mts3.configs").joinpath(f"{name}.yaml").read_text().splitlines():
        if not line.startswith("#"):
            break
        head.append(line[1:])
    examples = [line.strip() for line in head if line.startswith("   ")]
    words = [line.strip() for line in head if not line.startswith("   ")]
    told = _comments([files("mbrl_mts3.configs")], f"{name}.yaml").get(option, "")
    return " ".join(words), examples, told.rstrip(".")


def _split(arguments: Sequence[str]) -> tuple[list[str], list[Path]]:
    """Overrides, and folders of configurations."""
    overrides, folders, words = [], [], iter(arguments)
    for word in words:
        if word in ("--config-dir", "-cd"):
            folders.append(Path(next(words, ".")))
        elif word.startswith("--config-dir="):
            folders.append(Path(word.partition("=")[2]))
        elif not word.startswith("-"):
            overrides.append(word)
    return overrides, folders


def _text(roots: Sequence[Traversable], path: str) -> str:
    return next((root.joinpath(path).read_text() for root in roots if root.joinpath(path).is_file()), "")


def _choices(roots: Sequence[Traversable], group: str) -> tuple[str, ...]:
    found = {
        entry.name.removesuffix(".yaml")
        for root in roots
        if root.joinpath(group).is_dir()
        for entry in root.joinpath(group).iterdir()
        if entry.name.endswith(".yaml")
    }
    return tuple(sorted(found))


def _is_global(roots: Sequence[Traversable], path: str) -> bool:
    return _text(roots, path).startswith("# @package _global_")


def _comments(roots: Sequence[Traversable], path: str) -> dict[str, str]:
    """Comments above or behind the keys of a YAML file, and of the files of its group that it builds on."""
    text = _text(roots, path)
    found: dict[str, str] = {}
    for base in re.findall(r"^  - (\w+)$", text, re.M):
        if base != "_self_" and "/" in path:
            found |= _comments(roots, f"{path.rpartition('/')[0]}/{base}.yaml")
    above: list[str] = []
    parents: list[tuple[int, str]] = []
    for line in text.splitlines():
        key = re.match(r"( *)([\w.]+):(?:\s+(.*))?$", line)
        if line.strip().startswith("#"):
            above.append(line.strip("# "))
        elif key is None:
            above = []
        else:
            depth = len(key[1])
            parents = [(indent, name) for indent, name in parents if indent < depth]
            behind = re.search(r"\s# (.*)$", key[3] or "")
            words = " ".join(above) or (behind[1] if behind else "")
            name = ".".join([*(name for _, name in parents), key[2]])
            if words and "defaults" not in name:
                found[name] = words
            parents.append((depth, key[2]))
            above = []
    return found


def _leaves(node: DictConfig, name: str, told: dict[str, str], fallback: Callable[[str], str]) -> Iterator[Option]:
    """All options below a node, with the help of their keys, else of the node's target, else of the nearest parent."""
    if "_target_" in node:
        arguments = _arguments(str(node._target_))
        outer = fallback
        fallback = lambda option: arguments.get(option, "") or outer(option)  # noqa: E731
    for key in map(str, node):
        whole = f"{name}.{key}" if name else key
        if key.startswith("_"):
            continue
        own = told.get(whole, "") or fallback(key)
        value = "???" if OmegaConf.is_missing(node, key) else node._get_node(key)
        if isinstance(value, DictConfig) and not value._is_none() and len(value):
            yield from _leaves(value, whole, told, lambda option, own=own: own)  # type: ignore[misc]
        else:
            plain = value if isinstance(value, str) else OmegaConf.to_container(OmegaConf.create({"v": value}))["v"]  # type: ignore[index,call-overload]
            yield Option(whole, plain, own)


@functools.cache
def _arguments(target: str) -> dict[str, str]:
    """The `Args:` entries and documented fields of a class or a function, those of its base classes included."""
    made = get_object(target)
    bound = getattr(made, "__self__", None)
    owners: list[Any] = [made, *(bound.__mro__ if inspect.isclass(bound) else ())]
    owners += made.__mro__ if inspect.isclass(made) else ()
    found: dict[str, str] = {}
    for owner in owners:
        if owner is not object:
            found = {**_fields(owner), **_entries(inspect.getdoc(owner) or ""), **found}
    return found


def _entries(doc: str) -> dict[str, str]:
    """Of the `Args:` section: "a, b: words" tells both."""
    section = re.search(r"^Args(?: of the base)?:\n((?:[ ]{4}.*\n?|\n)+)", doc, re.M)
    found: dict[str, str] = {}
    names: list[str] = []
    for line in textwrap.dedent(section[1]).splitlines() if section else []:
        entry = re.match(r"([*\w, ]+): (.*)", line)
        if entry and not line.startswith(" "):
            names = [name.strip("* ") for name in entry[1].split(",")]
            found |= dict.fromkeys(names, entry[2])
        else:
            found |= {name: f"{found[name]} {line.strip()}".strip() for name in names}
    return found


def _fields(owner: Any) -> dict[str, str]:
    """Of a dataclass: the strings below its fields."""
    if not inspect.isclass(owner) or "__dataclass_fields__" not in vars(owner):
        return {}
    body = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0].body  # type: ignore[attr-defined]
    return {
        field.target.id: " ".join(after.value.value.split())
        for field, after in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
    }


def _options_lines(options: Sequence[Option], width: int) -> list[str]:
    """Options that share the help of a parent show it once."""
    lines, before = [], ""
    for option in options:
        lines += _option_lines(replace(option, told="") if option.told == before else option, width)
        before = option.told
    return lines


def _option_lines(option: Option, width: int) -> list[str]:
    value = _shown(option.value)
    named = textwrap.wrap(f"{option.name}={value}", width - 2, subsequent_indent="    ", break_on_hyphens=False)
    *before, first = (f"  {line}" for line in named)
    words = textwrap.wrap(option.told + (" (required)" if value == "???" else ""), width - 34)
    lines = [first] if len(first) > 32 or not words else [f"{first:<34}{words.pop(0)}"]
    return [*before, *lines, *(" " * 34 + line for line in words)]


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return str(value)
