"""A command's own options are looked at before any work: words for numbers, fractions for counts, NaN, out of range."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("name", "option", "expected"),
    [
        ("evaluate", "max_windows=many", "a whole number, at least 1"),
        ("evaluate", "max_windows=0", "a whole number, at least 1"),
        ("evaluate", "context=.nan", "a whole number"),
        ("evaluate", "batch_size=2.5", "a whole number, at least 1"),
        ("evaluate", "imputation_rate=half", "a finite number"),
        ("calibrate", "horizon=7.5", "a whole number"),
        ("rollout", "real.episodes=few", "a whole number"),
        ("rollout", "uncertainty.penalty=.inf", "a finite number"),
        ("rollout", "record=perhaps", "true or false"),
        ("rollout", "films=-2", "a whole number, at least 0"),
        ("plan", "threads=0", "a whole number, at least 1"),
        ("plan", "discount=.nan", "a finite number"),
        ("imagine", "rounds=3.5", "a whole number"),
        ("offline", "steps=true", "a whole number"),
        ("collect", "seed=first", "a whole number"),
        ("benchmark", "evaluation.sliding_window=wide", "a whole number"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    name: str,
    option: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    needed = ["checkpoint=nowhere"] if name in ("evaluate", "calibrate", "plan", "imagine") else []
    run = ["hydra.mode=RUN", "model=gru"] if name == "benchmark" else []
    monkeypatch.setattr(sys, "argv", [f"mts3-{name}", *needed, *run, option])
    with pytest.raises(SystemExit) as stop:
        import_module(f"mbrl_mts3.scripts.{name}").main()
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert f"{option.partition('=')[0]}=" in said
    assert said.endswith(f": expected {expected}\n")
