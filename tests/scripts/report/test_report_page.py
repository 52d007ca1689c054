"""mts3-report: pages out of the files of runs, looked at as text and in a browser."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_walks import OWN, write_walks

from mbrl_mts3.agents import EvaluatedEpisode
from mbrl_mts3.agents.recorded_episodes import save_episodes
from mbrl_mts3.benchmark import RunRecord
from mbrl_mts3.benchmark.options import RunOptions
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.scripts.report.curves import horizon_curves, reliability, training_panels
from mbrl_mts3.scripts.report.pages import collect_runs, main

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAZE = {"id": "PointMaze_UMaze-v3", "continuing_task": False, "reset_target": False}


def command(name: str, *words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"mts3-{name}", *words])
        import_module(f"mbrl_mts3.scripts.{name}").main()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a training, two evaluations, a plan with recorded paths and an offline training."""
    root = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(root / "minari"))
        patch.chdir(root)
        write_walks(OWN)
        small = ["model=gru", "model.width=4", "model.decoder_hidden=[4]", "training.length=10"]
        small += ["training.validation_length=10", "training.validation_context=4", "training.max_updates=100"]
        small += ["training.validation_interval=50", "training.progress=false", "training.accelerator=cpu"]
        command("train", "data=minari", f"data.dataset_id={OWN}", *small, "hydra.run.dir=runs/train/gru")
        for horizon in (5, 8):
            words = ["checkpoint=latest", "context=5", f"horizon={horizon}", f"hydra.run.dir=runs/evaluate/{horizon}"]
            command("evaluate", *words)
    write_plan(root / "runs" / "plan" / "a<b>")
    (root / "runs" / "offline" / "clone").mkdir(parents=True)
    rows = [{"updates": 10, "mean_return": 1.0}, {"updates": 20, "mean_return": 3.0}, {"updates": 30}]
    written = {"dataset_id": OWN, "options": {"algorithm": "td3_bc"}, "curve": rows}
    (root / "runs" / "offline" / "clone" / "offline.json").write_text(json.dumps(written))
    return root / "runs"


def write_plan(folder: Path) -> None:
    """What mts3-plan leaves of two episodes in a maze, one of which reaches its goal."""
    found = {
        "episodes": 2, "seeds": [1, 2], "mean_return": 0.5, "return_bootstrap_interval": [0.0, 1.0],
        "success_rate": 0.5, "success_interval": [0.1, 0.9], "ms_per_action": 2.0,
    }  # fmt: skip
    config = {"checkpoint": "best", "planner": {"_target_": "ICEM"}}
    written = {"environment": MAZE, "trained_on": {}, "task": "PointMaze", "result": found, "config": config}
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(json.dumps(written))
    way = np.linspace([-1.0, 1.0], [1.0, 1.0], 5)
    goals = {"achieved_goal": way, "desired_goal": way[::-1], "observation": np.zeros((5, 4))}
    episodes = [EvaluatedEpisode(seed, goals, np.zeros((4, 2)), np.zeros(4), seed == 1) for seed in (1, 2)]
    save_episodes(folder / "episodes.npz", episodes)


@pytest.fixture(scope="module")
def page(place: Path) -> Path:
    path = place.parent / "page" / "report.html"
    main([str(place), "--output", str(path)])
    return path


def test_the_page_has_all_that_runs_left(page: Path) -> None:
    source = page.read_text()
    text = html.unescape(re.sub(r"<[^>]+>", " ", source))
    for words in (
        "5 runs",
        f"GRU of {OWN}: validation RMSE",
        "Training of models",
        "Real return by updates",
        "at the end: clone 3.",
        "Goals that were reached: a<b>: 1 of 2.",
        "NRMSE on held-out episodes by steps ahead",
        "Mean distance from the diagonal: 5 ",
        "mts3-train data=minari",
    ):
        assert words in text
    # What is named by a user cannot break the page.
    assert "<b>" not in source
    images = re.findall(r'<img src="([^"]{20}).*?" alt="([^"]*)"', source)
    assert len(images) >= 4 + 2 * 3
    assert all(src.startswith("data:image/png;base") and len(alt) > 40 for src, alt in images)
    assert not re.search(r'(?:src|href)="(?!data:)', source)


def test_curves_are_the_numbers_of_the_files(place: Path) -> None:
    named = [(run.folder.name, run) for run in collect_runs([place])]
    written = {steps: json.loads((place / "evaluate" / steps / "evaluation.json").read_text()) for steps in ("5", "8")}
    models, references = horizon_curves(named)
    assert list(models) == ["5", "8"]
    for name, curves in models.items():
        errors = written[name]["predictors"]["model"]
        np.testing.assert_array_equal(curves["nrmse"], [errors["nrmse"]])
        at_95 = errors["levels"].index(0.95)
        np.testing.assert_array_equal(curves["coverage_95"], [[row[at_95] for row in errors["coverage"]]])
        levels, observed = reliability(named)[name]
        np.testing.assert_array_equal(levels, errors["levels"])
        np.testing.assert_allclose(observed, np.mean(errors["coverage"], axis=0))
    np.testing.assert_array_equal(
        references["training_mean"]["nrmse"], written["5"]["predictors"]["training_mean"]["nrmse"]
    )
    (line,) = training_panels(named)["Validation: CRPS"].values()
    facts = json.loads((place / "train" / "gru" / "train.json").read_text())
    assert line[0].tolist() == [49, 99] or line[0].tolist() == [50, 100]
    assert np.isclose(line[1].min(), facts["metrics"]["validation/crps"])


def test_a_benchmark_is_compared_by_its_records(tmp_path: Path) -> None:
    options = RunOptions({}, {}, {}, {})
    curves = {"nrmse": (0.1, 0.2), "nll": (1.0, 2.0)}
    for seed in range(2):
        record = RunRecord("maze", "gru", seed, options, curves, {}, {"first_horizon": (1.0,)}, {}, {})
        record.save(tmp_path / "models" / "runs" / "maze" / "gru" / f"seed_{seed}.json")
    (run,) = collect_runs([tmp_path])
    models, _ = horizon_curves([("models", run)])
    np.testing.assert_array_equal(models["maze, gru"]["nrmse"], [[0.1, 0.2]] * 2)
    main([str(tmp_path / "models"), "--output", str(tmp_path / "page.html")])
    assert "mts3-benchmark: models" in (tmp_path / "page.html").read_text()


def test_folders_without_finished_runs_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path)])
    assert stop.value.code == 2
    assert "ConfigurationError: there is no run in" in capsys.readouterr().err
    (tmp_path / "begun" / ".hydra").mkdir(parents=True)
    (tmp_path / "begun" / ".hydra" / "run.json").write_text(json.dumps({"command": "mts3-plan checkpoint=latest"}))
    with pytest.raises(ConfigurationError, match="none of 1 run has finished"):
        collect_runs([tmp_path])
    assert not (tmp_path / "runs").exists()


def test_a_page_gets_a_folder_of_its_own(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(place.parent)
    main(["runs/plan/a<b>"])
    path = Path(capsys.readouterr().out.split()[-1])
    assert path.parts[:2] == ("runs", "report")
    assert "mts3-plan: a&lt;b&gt;" in path.read_text()


MEASURE = """
<script>
window.addEventListener("load", () => {
  const images = [...document.images];
  const found = {
    tables: document.querySelectorAll("table").length,
    figures: document.querySelectorAll("figure").length,
    drawn: images.filter(image => image.complete && image.naturalWidth > 100).length,
    described: images.filter(image => image.alt.length > 40).length,
    width: document.documentElement.scrollWidth, window: window.innerWidth,
    ink: getComputedStyle(document.body).color, page: getComputedStyle(document.body).backgroundColor,
  };
  document.body.insertAdjacentHTML("beforeend", `<pre id="measured">${JSON.stringify(found)}</pre>`);
});
</script>
"""


def look_at(page: Path, folder: Path, *flags: str) -> dict[str, Any]:
    """What a browser finds in a page; an error in its console fails the test."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser is installed, out of {', '.join(BROWSERS)} (Debian: apt install chromium)")
    copy = folder / "measured.html"
    copy.write_text(page.read_text().replace("</body>", f"{MEASURE}</body>"))
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}"]
    words += ["--enable-logging=stderr", "--virtual-time-budget=3000", *flags, "--dump-dom", copy.as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr
    # Before it stands the script that writes it.
    measured = re.findall(r'<pre id="measured">(.*?)</pre>', done.stdout)[-1]
    return dict(json.loads(html.unescape(measured)))


def test_a_browser_sees_tables_and_figures(page: Path, tmp_path: Path) -> None:
    found = look_at(page, tmp_path, "--window-size=1200,900")
    assert found["tables"] >= 4
    assert found["figures"] == found["drawn"] == found["described"] >= 10
    assert (found["ink"], found["page"]) == ("rgb(31, 35, 40)", "rgb(255, 255, 255)")


def test_on_a_phone_nothing_hangs_over(page: Path, tmp_path: Path) -> None:
    found = look_at(page, tmp_path, "--window-size=500,900")
    assert found["window"] <= 500
    assert found["width"] <= found["window"]


def test_in_the_dark_the_page_is_dark(page: Path, tmp_path: Path) -> None:
    found = look_at(page, tmp_path, "--blink-settings=preferredColorScheme=0")
    assert (found["ink"], found["page"]) == ("rgb(230, 233, 237)", "rgb(21, 25, 30)")
