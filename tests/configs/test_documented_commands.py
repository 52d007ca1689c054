"""Commands that README, docs and the YAML files show have options that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize
from hydra.core.override_parser.overrides_parser import OverridesParser

from mbrl_mts3.scripts.command_line.decorator import refuse_renamed

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def shown(text: str) -> Iterator[str]:
    """Command lines: in fenced blocks, in backticks that hold an option, and in the headers of YAML files."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for block in re.findall(r"```bash\n(.*?)```", joined, re.S):
        yield from (line.partition(" #")[0] for line in block.splitlines() if "mts3-" in line)
    yield from (" ".join(found.split()) for found in re.findall(r"`(mts3-[\w-]+\s[^`]*=[^`]*)`", joined))
    yield from re.findall(r"^#   ((?:MUJOCO_GL=\w+ )?mts3-.*?)(?:   .*)?$", joined, re.M)


LINES = [(path.name, line) for path in (*PAGES, *CONFIGS) for line in shown(path.read_text())]


def words(line: str) -> list[str]:
    plain = re.sub(r"<\w+>|\.\.\.", "X", line)
    return [word for word in shlex.split(plain) if not word.startswith("MUJOCO_GL")]


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page}-{number}" for number, (page, _) in enumerate(LINES)])
def test_the_command_has_these_options(page: str, line: str) -> None:
    program, *arguments = words(line)
    name = program.removeprefix("mts3-").replace("-", "_")
    if name in ("data", "list", "report") or any(argument.startswith("-") for argument in arguments):
        pytest.skip("words in a row, or configurations of one's own")
    # Launchers of other systems are plugins.
    overrides = [
        word for word in arguments if "=" in word and not re.match("hydra/launcher=(?!joblib)|hydra.launcher", word)
    ]
    refuse_renamed(name, overrides)
    single = []
    for override in OverridesParser.create().parse_overrides(overrides):
        value = override.value()
        # Of a sweep the first choice.
        first = str(value.list[0]) if override.is_sweep_override() and hasattr(value, "list") else None
        single.append(override.input_line if first is None else f"{override.get_key_element()}={first}")
    with initialize(version_base="1.3", config_path="pkg://mbrl_mts3.configs"):
        compose("experiment" if name == "demo" else name, single)


def test_commands_were_found() -> None:
    assert {page for page, _ in LINES} >= {"README.md", "train.yaml", "policy_learning.md", "experiments.md"}
