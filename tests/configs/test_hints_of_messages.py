"""Every NAME=VALUE and every mts3-command that a message of ours tells users to type is one that there is."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from mbrl_mts3.scripts.command_line.options import option_names

ROOT = Path(__file__).parents[2]
FOLDERS = ("mbrl_mts3", "envs", "agents", "scripts")
# What follows tells what to do; without such a word NAME=VALUE tells what came.
ADVICE = re.compile(r"\b(?:set|take|use|choose|try|leave|train|load|download|put|go on|or|with|anew|one|after)\b")
PAIR = re.compile(r"(?<![\w.'\"/])([a-z]\w*(?:\.\w+)*)=('?[^\s,;:()]+)")
PROGRAM = re.compile(r"mts3-[a-z][a-z-]*[a-z]")
# Arguments of calls in Python, which messages give in quotes or together with the option of commands.
IN_PYTHON = {"state", "options"}


def messages() -> Iterator[tuple[str, str]]:
    """Place and text of every string that is no docstring; what is filled in stands as {}."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "studies" in path.parts:
                continue
            tree = ast.parse(path.read_text())
            parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
            parts |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                if isinstance(node, ast.JoinedStr):
                    text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                    text = node.value
                else:
                    continue
                if " " in text:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", text


@cache
def programs() -> set[str]:
    return set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"])


@cache
def options() -> frozenset[str]:
    """Every option of every command, under every choice of every group."""
    commands = [path.stem for path in (ROOT / "configs").glob("*.yaml")]
    found = {name.replace("@", ".") for command in commands for name in option_names(command)}
    for path in (ROOT / "configs").glob("*/*.yaml"):
        text = path.read_text()
        prefix = "" if "@package _global_" in text else f"{path.parent.name}."
        found |= {f"{prefix}{name}" for name in (yaml.safe_load(text) or {}) if isinstance(name, str)}
    return frozenset(found)


def hints(text: str) -> list[tuple[str, str]]:
    """Names and values behind the first word of advice; behind a colon stands what to do."""
    found = ADVICE.search(text)
    start = len(text) if found is None else found.start()
    # A value that is filled in tells what came.
    return [(name, value) for name, value in PAIR.findall(text[start:]) if "{}" not in value]


def test_hints_are_found() -> None:
    assert hints("x=3: set trust_pickle=true, or model.width=4") == [("trust_pickle", "true"), ("model.width", "4")]
    assert hints("steps=0: expected at least 1") == []
    assert sum(len(hints(text)) for _, text in messages()) > 50


def test_every_option_that_is_told_is_there() -> None:
    wrong = []
    for place, text in messages():
        for name, value in hints(text):
            is_argument = value.startswith("'") or name in IN_PYTHON
            known = {option.rpartition(".")[2] for option in options()} if is_argument else options()
            if name not in known | IN_PYTHON:
                wrong.append(f"{place}: {name}={value} in {text}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("group", ["model", "format", "environment", "offline_algorithm", "projection"])
def test_every_choice_that_is_told_is_there(group: str) -> None:
    told = {value for _, text in messages() for name, value in hints(text) if name == group and value != "..."}
    folder = ROOT / "configs" / group
    known = {path.stem for path in folder.glob("*.yaml")} if folder.is_dir() else {"onnx", "aoti", "pca", "umap"}
    assert told <= known


def test_every_command_that_is_told_is_there() -> None:
    told = {program for _, text in messages() for program in PROGRAM.findall(text)}
    assert len(told) > 8
    assert told <= programs()
