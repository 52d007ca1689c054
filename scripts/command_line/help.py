"""The page of --help: what a command does, its options with their defaults, and the groups it has."""

from __future__ import annotations

import itertools
import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mbrl_mts3.scripts.command_line.options import MISSING, Option, describe, option_comment, read_header

_NARROWEST, _WIDEST = 60, 110
_COLUMN = 34
_WORDS = {None: "null", True: "true", False: "false", "": "''"}
_OPTIONS = "Options, each as NAME=VALUE with its present value:"
_GROUPS = (
    "Groups, each as NAME=CHOICE with the options of the chosen file; --help behind another choice shows that one's, "
    "and +NAME=VALUE adds an argument that the file does not say:"
)
_FLAGS = (
    "Flags: --cfg job prints the configuration and does nothing else, --multirun runs NAME=A,B as two runs, "
    "--config-dir FOLDER adds YAML files of yours, --version."
)


def program(name: str) -> str:
    """The program of a command: mts3-evaluate-policies of evaluate_policies."""
    return f"mts3-{name.replace('_', '-')}"


def help_page(name: str, words: Sequence[str] = ()) -> str:
    """The whole page, for the choices that the words on the command line make."""
    own, groups = describe(name, words)
    width = min(_WIDEST, max(_NARROWEST, shutil.get_terminal_size((100, 24)).columns))
    lines = [*_paragraphs(read_header(name), width), "", _OPTIONS, *_options_lines(own, width)]
    if groups:
        lines += ["", *textwrap.wrap(_GROUPS, width)]
    for group in groups:
        choices = f"Choices: {', '.join(group.choices)}."
        lines += ["", f"{group.name}={_shown(group.choice)}"]
        lines += [f"  {line}" for line in (*_paragraphs(group.about, width - 2), *textwrap.wrap(choices, width - 2))]
        lines += _options_lines(group.options, width)
    return "\n".join([*lines, "", *textwrap.wrap(_FLAGS, width)])


def missing_message(name: str, option: str) -> str:
    """What is said where a required option has no value."""
    lines = (re.split(r"\s{2,}", line.strip())[0] for line in read_header(name) if line.startswith(" "))
    example = next((line for line in lines if f"{option}=" in line), f"{program(name)} {option}=...")
    told = re.split(r"[.:;](?:\s|$)", option_comment(name, option))[0]
    return f"{option} is missing{f' ({told})' if told else ''}, for example: {example}"


def _paragraphs(comment: Sequence[str], width: int) -> list[str]:
    """A comment with its sentences wrapped, and its examples as they are: they are there to be copied."""
    lines: list[str] = []
    for is_example, found in itertools.groupby(comment, lambda line: line.startswith("  ")):
        part = list(found)
        lines += part if is_example else textwrap.wrap(_joined(part), width, break_on_hyphens=False)
    return lines


def _joined(lines: Iterable[str]) -> str:
    """Lines as one text; one that begins a sentence ends the one before, which may lack its stop."""
    return re.sub(r"(?<![.:;,])\n(?=[A-Z])", ". ", "\n".join(lines)).replace("\n", " ")


def _options_lines(options: Sequence[Option], width: int) -> Iterator[str]:
    """Options that share the help of a parent show it once."""
    before = ""
    for option in options:
        yield from _option_lines(option, "" if option.told == before else option.told, width)
        before = option.told


def _option_lines(option: Option, told: str, width: int) -> list[str]:
    value = "..." if option.value == MISSING else _shown(option.value)
    named = [f"  {option.name}={value}"]
    if len(named[0]) > width:
        named = textwrap.wrap(
            f"{option.name}={value}", width, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False
        )
    whole = f"Required. {told}" if option.value == MISSING else told
    words = textwrap.wrap(whole, width - _COLUMN, break_on_hyphens=False)
    if words and len(named[-1]) < _COLUMN - 1:
        named[-1] = f"{named[-1]:<{_COLUMN}}{words.pop(0)}"
    return [*named, *(" " * _COLUMN + line for line in words)]


def _shown(value: Any) -> str:
    """A value as one types it."""
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return _WORDS[value] if value is None or isinstance(value, bool) or value == "" else str(value)
