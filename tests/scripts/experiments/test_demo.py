"""The demo runs through on a small scale and leaves what it promises."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mbrl_mts3.scripts.experiment import demo

SMALL = ["steps=6000", "horizon=60", "episodes=2", "plan_horizon=8", "candidates=64", "updates=20"]


def test_the_demo_leaves_a_report_and_a_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "unused"))
    monkeypatch.setattr(sys, "argv", ["mts3-demo", *SMALL])
    demo()
    printed = capsys.readouterr().out
    assert "runs/demo/report.html" in printed.replace("\n", "")
    folder = tmp_path / "runs" / "demo"
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png;base64,") >= 5
    assert page.count("data:image/gif;base64,") == 1
    summary = json.loads((folder / "summary.json").read_text())
    assert set(summary) >= {"model", "mpc", "random", "seconds"}
    assert set(summary["mpc"]) >= {"success_rate", "episodes", "ms_per_action"}
    assert summary["mpc"]["episodes"] == 2
    assert 0 <= summary["random"]["success_rate"] <= 1
    for key in ("nrmse", "nrmse_persistence", "coverage95"):
        assert set(summary["model"][key]) == {"1", "5", "15", "60"}
    assert set(summary["seconds"]) == {"collect", "train", "evaluate", "shaped", "straight", "random"}
    assert sum(summary["seconds"].values()) > 1
    # The page's numbers are those of the stages.
    (predicted,) = summary["predictions"]
    assert predicted["nrmse"]["60"] == pytest.approx(summary["model"]["nrmse"]["60"], rel=1e-5)
    assert [row["stage"] for row in summary["rows"]] == ["shaped", "straight", "random"]
    assert summary["rows"][0]["success_rate"] == summary["mpc"]["success_rate"]
    # The data of the demo stays with the demo.
    assert (folder / "minari").is_dir()
    assert not (tmp_path / "unused").exists()
