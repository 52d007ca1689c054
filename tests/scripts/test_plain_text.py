"""What is printed is printed as it is, whatever brackets and colons are in names."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from random_walks import write_walks

from mbrl_mts3.scripts.command_line import console as lines
from mbrl_mts3.scripts.data import main

NAMES = ["a [bold] b", "x[/]", "[red]y[/red]", ":smile:", "[link=z]"]


@pytest.mark.parametrize("name", NAMES)
def test_tables_facts_files_and_bars(name: str, monkeypatch: pytest.MonkeyPatch):
    out = io.StringIO()
    console = lines.make_console()
    console.file = out
    console.print(f"at {name}")
    console.print(lines.make_facts({name: name}, name))
    console.print(lines.make_table([name, "n"], [[name, "1"]], name))
    lines.print_files(console, found=Path(name))
    with lines.progress_bar(console, name, 1) as advance:
        advance()
    assert out.getvalue().count(name) >= 8


def test_every_command_prints_through_it():
    scripts = Path(lines.__file__).parents[1]
    for path in scripts.rglob("*.py"):
        if path.parent.name not in ("studies", "command_line", "report") and path.parts[-2:] != ("data", "describe.py"):
            assert "= Console(" not in path.read_text(), path


def test_the_console_of_data_is_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    write_walks("mine/plain-v0", lengths=(9,) * 3)
    with pytest.raises(SystemExit):
        main(["card", "mine/plain-v0", "--output", str(tmp_path / "of[/red] :smile:")])
    assert "of[/red] :smile:/card.json" in capsys.readouterr().out


def test_no_notice_of_others_is_printed(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", "from mbrl_mts3.envs import make_environment; make_environment('PointMaze_UMaze-v3')"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert "Adroit" not in done.stderr + done.stdout
