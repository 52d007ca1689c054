"""Every command is told to stop at random moments of a small real run, and the line that it says is followed."""

from __future__ import annotations

import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest
from forked_commands import Ended, run_forked
from small_runs import COMMANDS, WRITERS, prepare, words_of

from mbrl_mts3.files import PREFIX

STOPS = (signal.SIGTERM, signal.SIGINT)
# Of a save that was begun, and of the end of an interpreter.
LONGEST = 10.0
# Commands without Hydra.
PLAIN = ("data", "report", "list")
# The command that the line names.
GOES_ON = re.compile(r"stopped by SIG\w+: .*(?:go on with|goes on:|begin anew with) mts3-([\w-]+) (.*)")


@pytest.fixture(scope="module")
def paths(work: Path) -> dict[str, str]:
    return prepare(work)


def attempt(
    name: str, paths: dict[str, str], work: Path, folder: Path, *signals: tuple[float, signal.Signals]
) -> Ended:
    """One run, with nothing there of the runs before it."""
    shutil.rmtree(work / "copy", ignore_errors=True)
    shutil.copytree(paths["model"], work / "copy")
    shutil.rmtree(work / "minari" / "tests" / "experiment-v0", ignore_errors=True)
    return run_forked(name, words_of(name, {**paths, "copy": str(work / "copy")}), folder, signals=signals)


def stop_and_go_on(name: str, paths: dict[str, str], work: Path, moments: list[float]) -> int:
    """Stop a command at each of some moments, as shares of its run, and follow its line; how often it was stopped."""
    whole = attempt(name, paths, work, work / name)
    assert whole.status == 0, whole.err
    stopped = 0
    for place, moment in enumerate(moments):
        number, folder = STOPS[place % 2], work / f"{name}-{place}"
        ended = attempt(name, paths, work, folder, (moment * whole.seconds, number))
        if ended.status == 0:
            # It was over before, or at that moment.
            assert ended.delay < 1
            continue
        assert ended.status == 128 + number, ended.err
        assert ended.delay < LONGEST
        assert "Traceback" not in ended.err
        assert "Exception ignored" not in ended.err
        (line,) = [line for line in ended.err.splitlines() if line.startswith(f"stopped by {number.name}: ")]
        assert not [*folder.rglob(f"{PREFIX}*"), *(work / "minari").rglob(f"{PREFIX}*")]
        if "the work was finished" not in line:
            found = GOES_ON.fullmatch(line)
            assert found is not None, line
            again = run_forked(found[1].replace("-", "_"), shlex.split(found[2]), folder)
            assert again.status == 0, f"{line}\n{again.err}"
        stopped += 1
    return stopped


@pytest.mark.parametrize("name", ["train", "convert", "report"])
def test_some_commands_stop_and_go_on(name: str, paths: dict[str, str], work: Path) -> None:
    assert stop_and_go_on(name, paths, work, [0.1, 0.5])


# The others, such as mts3-list, may be over before a signal reaches them.
@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_every_command_stops_and_goes_on(name: str, paths: dict[str, str], work: Path) -> None:
    moments = random.Random(name)
    assert stop_and_go_on(name, paths, work, [moments.random() for _ in range(12)]) >= 4


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_a_second_signal_ends_every_command_at_once(name: str, paths: dict[str, str], work: Path) -> None:
    whole = attempt(name, paths, work, work / name)
    ended = attempt(name, paths, work, work / f"{name}-twice", *[(0.4 * whole.seconds, number) for number in STOPS])
    # The line may have been told in between.
    assert ended.status in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert ended.delay < 1
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("number", STOPS)
def test_a_stop_while_libraries_are_imported_is_told(number: signal.Signals, tmp_path: Path) -> None:
    code = "from mbrl_mts3.scripts.programs.entry_points import imagine; print('now', flush=True); imagine()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "checkpoint=some where"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.3)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert said == f"stopped by {number.name}: nothing was begun yet; begin anew with -c 'checkpoint=some where'\n"


@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("name", ["imagine", "report.pages", "diagnose"])
def test_a_module_that_is_run_tells_it_as_well(name: str, number: signal.Signals, tmp_path: Path) -> None:
    words = ["-m", f"mbrl_mts3.scripts.{name}", "checkpoint=some where"]
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", *words], stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stderr is not None
    while not process.stderr.readline().endswith(" mbrl_mts3.scripts\n"):
        assert process.poll() is None
    process.send_signal(number)
    *_, said = process.communicate(timeout=60)[1].splitlines()
    assert process.returncode == 128 + number
    line = shlex.join(["python", "-X", "importtime", *words])
    assert said == f"stopped by {number.name}: nothing was begun yet; begin anew with {line}"


def test_programs_are_those_of_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = import_module("mbrl_mts3.scripts.programs.entry_points")
    for name in (*COMMANDS, "demo"):
        monkeypatch.setattr(sys, "argv", [f"mts3-{name}", "--version"])
        with pytest.raises(SystemExit) if name in PLAIN else pytest.MonkeyPatch.context():
            getattr(programs, {"list": "list_runs"}.get(name, name))()
        assert capsys.readouterr().out.startswith(f"mts3-{name.replace('_', '-')} ")
