"""The demo runs through on a small scale and leaves what it promises."""

from __future__ import annotations

import json
import sys

from mbrl_mts3.scripts.demo import main


def test_the_demo_leaves_a_report_and_a_summary(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # The demo sets this variable; so it is put back afterwards.
    monkeypatch.setenv("MINARI_DATASETS_PATH", "unused")
    overrides = [
        "steps=6000",
        "horizon=60",
        "episodes=2",
        "planners.horizon=8",
        "planners.candidates=64",
        "planners.iterations=1",
        "training.max_steps=20",
        "training.validation_interval=10",
        "training.progress=false",
    ]
    monkeypatch.setattr(sys, "argv", ["mts3-demo", *overrides])
    main()
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
    # The data of the demo stays with the demo.
    assert (folder / "minari").is_dir()
