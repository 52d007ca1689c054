"""Where the help of options comes from: comments in YAML files, and the `Args:` of docstrings."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterator, Sequence
from importlib.resources.abc import Traversable
from typing import Any

from hydra.utils import get_object

_GLOBAL = "# @package _global_"
# Python's words for values, and those of the command line.
_VALUES = {"None": "null", "True": "true", "False": "false"}


def read_yaml(roots: Sequence[Traversable], path: str) -> str:
    """The text of a file in the first of the folders that has it; "" where none has."""
    return next((root.joinpath(path).read_text() for root in roots if root.joinpath(path).is_file()), "")


def is_global(text: str) -> bool:
    """Whether a YAML file sets options outside its group, as experiments do."""
    return text.startswith(_GLOBAL)


def leading_comment(text: str) -> list[str]:
    """Its lines, without the sign; none where it belongs to the first option of the file."""
    lines = text.removeprefix(_GLOBAL).lstrip("\n").splitlines()
    head = list(itertools.takewhile(lambda line: line.startswith("#"), lines))
    after = lines[len(head)] if len(head) < len(lines) else ""
    belongs = after and not after.startswith(("_", "defaults:")) and not is_global(text)
    return [] if belongs else [line[1:].removeprefix(" ") for line in head]


def default_comments(text: str) -> dict[str, str]:
    """The comments above the entries of a defaults list, by group."""
    listed = re.search(r"^defaults:\n((?:[ #].*\n)*)", text, re.M)
    found: dict[str, str] = {}
    above: list[str] = []
    for line in listed[1].splitlines() if listed else []:
        entry = re.match(r"\s+- /?([\w/@.]+):", line)
        if line.lstrip().startswith("#"):
            above.append(line.strip("# "))
            continue
        if entry and above:
            found[entry[1]] = " ".join(above)
        above = []
    return found


def option_comments(roots: Sequence[Traversable], path: str) -> dict[str, str]:
    """Comments above or behind the keys of a YAML file, and of the files of its group that it builds on."""
    text = read_yaml(roots, path)
    found: dict[str, str] = {}
    for base in re.findall(r"^  - (\w+)$", text, re.M):
        if base != "_self_" and "/" in path:
            found |= option_comments(roots, f"{path.rpartition('/')[0]}/{base}.yaml")
    found |= {name: words for name, words in _commented(text) if words and not name.startswith("defaults")}
    return found


def _commented(text: str) -> Iterator[tuple[str, str]]:
    """Each key, dotted, with its comment."""
    head = len(leading_comment(text)) + is_global(text)
    above: list[str] = []
    parents: list[tuple[int, str]] = []
    for line in text.splitlines()[head:]:
        key = re.match(r"( *)([\w.]+):(?:\s+(.*))?$", line)
        if line.strip().startswith("#"):
            above.append(line.strip("# "))
            continue
        if key is not None:
            parents = [(indent, name) for indent, name in parents if indent < len(key[1])]
            parents.append((len(key[1]), key[2]))
            behind = re.search(r"\s# (.*)$", key[3] or "")
            yield ".".join(name for _, name in parents), " ".join(above) or (behind[1] if behind else "")
        above = []


@functools.cache
def argument_help(target: str) -> dict[str, str]:
    """The `Args:` entries and documented fields of a class or a function, those of its base classes included."""
    made = get_object(target)
    bound = getattr(made, "__self__", None)
    owners: list[Any] = [made, *(bound.__mro__ if inspect.isclass(bound) else ())]
    owners += made.__mro__ if inspect.isclass(made) else ()
    found: dict[str, str] = {}
    for owner in owners:
        if owner is not object:
            found = {**_fields(owner), **_entries(inspect.getdoc(owner) or ""), **found}
    return {name: _at_the_command_line(words) for name, words in found.items()}


def _at_the_command_line(words: str) -> str:
    """A sentence, with values as one types them: null for None, [15] for (15,)."""
    words = re.sub(r"\b(None|True|False)\b", lambda match: _VALUES[match[1]], words)
    words = re.sub(r"(?<!\w)\((\d+(?:, \d+)+|\d+,|)\)", lambda match: f"[{match[1].rstrip(',')}]", words)
    is_sentence = re.match(r"[a-z]{2,}", words) and words.partition(" ")[0] not in _VALUES.values()
    return words[:1].upper() + words[1:] if is_sentence else words


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
