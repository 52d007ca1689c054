"""Commands run in this process, as their programs would, each in a folder `run` of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from random_walks import OWN, save_untrained, write_walks

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """What makes a run of a command: with the file of its result, and the options that it always has."""

    def prepare(name: str, result: str, *always: str, whole_errors: bool = False) -> Run:
        def run(*arguments: str) -> dict[str, Any]:
            words = [f"mts3-{name}", f"hydra.run.dir={tmp_path / 'run'}", *always, *arguments]
            monkeypatch.setattr(sys, "argv", words)
            if whole_errors:
                # Hydra would print the error and leave the interpreter; the tests want the error.
                monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
            import_module(f"mbrl_mts3.scripts.{name}").main()
            return dict(json.loads((tmp_path / "run" / result).read_text()))

        return run

    return prepare


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An untrained model of random walks; their data set OWN lies in a folder of this test alone."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    write_walks(OWN)
    return save_untrained(tmp_path / "checkpoint", OWN)


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What a command says that ends with status 2 because of its arguments; an `error` must stand first."""

    def said(run: Run, *arguments: str, error: type[Exception] | None = None, message: str = "") -> str:
        with pytest.raises(SystemExit) as stop:
            run(*arguments)
        assert stop.value.code == 2
        told = capsys.readouterr().err
        assert error is None or told.startswith(f"{error.__name__}: ")
        assert message in told
        return told

    return said


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with data sets of its own, for all tests of a module."""
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(folder / "minari"))
        yield folder
