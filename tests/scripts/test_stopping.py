"""Commands that are told to stop say what is kept, and the line that they name goes on where they were."""

from __future__ import annotations

import multiprocessing
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from random_walks import write_walks

from mbrl_mts3.files import PREFIX
from mbrl_mts3.scripts.command_line.signals import reports_stop, stop_signals

DATA = "tests/stopped-v0"
OFFLINE = ["data=minari", f"data.dataset_id={DATA}", "evaluation.interval=2", "batch_size=8", "steps=6"]


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.chdir(tmp_path)
    write_walks(DATA, lengths=(30,) * 6)


def call(monkeypatch: pytest.MonkeyPatch, name: str, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", [f"mts3-{name}", *words])
    import_module(f"mbrl_mts3.scripts.{name}").main()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_line_that_is_told_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    status: int,
):
    loop = import_module("mbrl_mts3.agents.offline.training_loop")
    save, before = loop.save_policy, signal.getsignal(number)

    def save_and_stop(*arguments: object) -> None:
        save(*arguments)
        os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_policy", save_and_stop)
        with pytest.raises(SystemExit) as end:
            call(patch, "offline", *OFFLINE, "hydra.run.dir='some folder'")
    assert end.value.code == status
    assert signal.getsignal(number) is before
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"stopped by {number.name}: ")
    assert "\n" not in said
    _, *words = shlex.split(said.partition("go on with ")[2])
    call(monkeypatch, "offline", *words)
    assert "policy after 6 updates" in capsys.readouterr().out
    assert (tmp_path / "some folder" / "policy.zip").is_file()


def test_nothing_half_written_is_left_of_what_cannot_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    writer = import_module("mbrl_mts3.data.formats.minari_writer").MinariWriter
    add = writer.add

    def add_and_stop(*arguments: object) -> None:
        add(*arguments)
        assert list((tmp_path / "minari").glob(f"{PREFIX}*"))
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(writer, "add", add_and_stop)
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, "convert", f"dataset_id={DATA}", "to=tests/other-v0")
    assert end.value.code == 143
    assert "nothing was saved yet; begin anew with mts3-convert" in capsys.readouterr().err
    assert not list((tmp_path / "minari").glob(f"{PREFIX}*"))


def test_a_sweep_is_called_again_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("mbrl_mts3.scripts.benchmark._attempt", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, "benchmark", "model=gru", "training.seed=0,1", "data=half_cheetah_replay")
    assert end.value.code == 143
    said = capsys.readouterr().err
    assert "the same command goes on: mts3-benchmark model=gru training.seed=0,1" in said


def test_the_second_signal_ends_at_once():
    def stubborn() -> None:
        with stop_signals():
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)

    process = multiprocessing.get_context("fork").Process(target=stubborn)
    process.start()
    process.join(20)
    assert process.exitcode == 143


def test_an_interrupt_without_a_signal_counts_as_ctrl_c(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end, reports_stop(lambda: "words"):
        raise KeyboardInterrupt
    assert end.value.code == 130
    assert capsys.readouterr().err == "stopped by SIGINT: words\n"


class Swallows:
    """Loses an interrupt, as Python does with every error of a finalizer."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)


def swallow_one_and_go_on() -> None:
    Swallows()
    time.sleep(60)


def turn_it_into_another_error() -> None:
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    finally:
        raise AttributeError("half a state")


@pytest.mark.parametrize(
    ("work", "line"),
    [
        (swallow_one_and_go_on, "words"),
        (turn_it_into_another_error, "words"),
        (Swallows, "the work was finished before it could stop, nothing of it is missing"),
    ],
)
def test_an_interrupt_that_gets_lost_is_still_one(
    work: Callable[[], object], line: str, capsys: pytest.CaptureFixture[str]
):
    began = time.monotonic()
    with pytest.raises(SystemExit) as end, stop_signals(), reports_stop(lambda: "words"):
        work()
    assert end.value.code == 143
    assert time.monotonic() - began < 30
    # Python's "Exception ignored in ..." is not for users.
    assert capsys.readouterr().err == f"stopped by SIGTERM: {line}\n"
