"""Lines, tables and sentences of a diagnosis say what its numbers are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.metrics.diagnosis import ModelDiagnosis, RolloutErrors
from mbrl_mts3.reporting.diagnosis import (
    cut_figure,
    cut_table,
    describe_findings,
    describe_replay,
    rank_table,
    ranking_figure,
    return_table,
    step_error_figure,
    step_error_table,
    write_diagnosis_report,
)

ERRORS = {"behaviour": 1.0, "<b>mine</b>": 1.5, "random": 4.0}
"""Error of the first step, in deviations; the second one's is twice as large."""


def rollouts(size: float, kinds: tuple[str, ...] = ("aleatoric", "epistemic")) -> RolloutErrors:
    """Forty rollouts whose errors are around `size`, and uncertainties that are a tenth of them."""
    spread = np.linspace(0.5, 1.5, 40)[:, None] * np.array([1.0, 2.0]) * size
    return RolloutErrors(
        starts=np.zeros((40, 1)),
        imagined=spread[..., None] + 3,
        true=np.full((40, 2, 1), 3.0),
        imagined_rewards=np.full((40, 2), 1.0 + size),
        true_rewards=np.ones((40, 2)),
        running=np.ones((40, 2), bool),
        scale=np.ones(1),
        uncertainties=dict.fromkeys(kinds, spread / 10),
        function_rewards=np.full((40, 2), 1.25),
        closed_loop_returns=np.full(40, 3.5),
    )


@pytest.fixture
def diagnosis() -> ModelDiagnosis:
    return ModelDiagnosis({name: rollouts(size) for name, size in ERRORS.items()}, np.array([1e-6, 1e-5]), (0.5, 0.9))


def lines(axes: Any) -> dict[str, list[float]]:
    named = {line.get_label(): line for line in axes.lines}
    return {name: line.get_ydata().tolist() for name, line in named.items() if name in ERRORS}


def test_errors_are_lines_by_step(diagnosis: ModelDiagnosis) -> None:
    states, rewards, bias = step_error_figure(diagnosis).axes
    for name, size in ERRORS.items():
        assert lines(states)[name] == pytest.approx([size, 2 * size])
        assert lines(rewards)[name] == lines(bias)[name] == pytest.approx([size, size])
    dotted = [axes.lines[-1].get_ydata().tolist() for axes in (states, rewards)]
    assert dotted == [[3.0, 3.0], [0.25, 0.25]]
    assert "perfect model" in rewards.get_title(loc="left")
    looks = {(line.get_color(), str(line.get_linestyle())) for line in states.lines[:3]}
    assert len(looks) == 3


def test_errors_rise_with_the_uncertainty_that_is_a_tenth_of_them(diagnosis: ModelDiagnosis) -> None:
    figure = ranking_figure(diagnosis)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Aleatoric", "Epistemic"]
    for line in figure.axes[0].lines:
        assert len(line.get_xdata()) == 10
        np.testing.assert_allclose(line.get_ydata(), 10 * line.get_xdata())
    assert figure.axes[0].get_xscale() == "log"


def test_stops_are_points_of_share_and_error(diagnosis: ModelDiagnosis) -> None:
    share, error, *_, lowest = cut_figure(diagnosis).axes
    cuts = diagnosis.cuts("aleatoric")
    for name in ERRORS:
        assert lines(share)[name] == [cut[name].kept for cut in cuts.values()]
    assert share.lines[0].get_ydata()[-1] == 1.0
    assert error.lines[-1].get_ydata() == pytest.approx([1.5, 1.5])
    assert [tick.get_text() for tick in lowest.get_xticklabels()] == ["0.5", "0.9", "no stop"]


def test_three_kinds_leave_no_empty_panel() -> None:
    kinds = ("aleatoric", "epistemic", "calibrated")
    found = ModelDiagnosis({"behaviour": rollouts(1.0, kinds)}, np.zeros(2))
    shown = [axes for axes in ranking_figure(found).axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in shown] == ["Aleatoric", "Epistemic", "Calibrated"]
    assert len(cut_figure(found).axes) == 6


def test_a_perfect_model_can_be_drawn() -> None:
    found = ModelDiagnosis({"behaviour": rollouts(0.0)}, np.zeros(2))
    assert ranking_figure(found).axes[0].get_xscale() == "linear"


def test_tables_have_the_numbers(diagnosis: ModelDiagnosis) -> None:
    header, rows = step_error_table(diagnosis)
    assert header == ["error of", "actions", "1", "2"]
    assert ["states, mean", "random", "4", "8"] in rows
    assert ["rewards, bias", "behaviour", "1", "1"] in rows
    assert ["rewards, perfect", "random", "0.25", "0.25"] in rows
    assert return_table(diagnosis)[1][0] == ["behaviour", "4", "2", "3.5"]
    assert ["aleatoric", "all", "1", "1", *rank_table(diagnosis)[1][3][4:]] in rank_table(diagnosis)[1]
    header, rows = cut_table(diagnosis, "epistemic")
    assert header == ["quantile", "threshold", *ERRORS]
    assert rows[-1] == ["no stop", "-", "100%, 1.5", "100%, 2.25", "100%, 6"]


def test_findings_are_sentences_with_the_numbers(diagnosis: ModelDiagnosis) -> None:
    said = " ".join(describe_findings(diagnosis))
    assert "After 2 steps the state is 2 standard deviations off under the data's actions" in said
    assert "Up to step 1 <b>mine</b> err no more than the data's actions do anywhere in 2 steps; in longer" in said
    assert "<b>mine</b> earns 5 in the model and 2 in the simulator under the same actions: 3 too much." in said
    assert "Where it acts on what the simulator shows it earns 3.5." in said
    assert "rank correlation 1.00" in said
    suggestion = diagnosis.suggest("epistemic")
    assert suggestion is not None
    assert f"epistemic: stop rollouts where a step exceeds {suggestion.threshold:.3g}" in said


def test_a_replay_that_fails_is_told(diagnosis: ModelDiagnosis) -> None:
    assert "does again what was recorded" in describe_replay(diagnosis)
    wrong = ModelDiagnosis(diagnosis.sources, np.array([0.02, 0.3]), (0.5,))
    assert describe_replay(wrong).startswith("Attention: the simulator does not do again what was recorded.")


def test_the_page_has_all_of_it_and_escapes_names(diagnosis: ModelDiagnosis, tmp_path: Path) -> None:
    page = write_diagnosis_report(tmp_path, diagnosis, {"model": "PETS"}).read_text()
    assert page.count("data:image/png") == 3
    assert "<b>mine" not in page
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    for sentence in ("Where should rollouts stop?", "Stops by aleatoric uncertainty", "PETS"):
        assert sentence in page


def test_a_model_without_uncertainty_has_no_figures_of_it(tmp_path: Path) -> None:
    found = ModelDiagnosis({"behaviour": rollouts(1.0, ())}, np.zeros(2))
    page = write_diagnosis_report(tmp_path, found, {}).read_text()
    assert page.count("data:image/png") == 1
    assert "The model has no uncertainty." in page
    with pytest.raises(ConfigurationError, match="no uncertainty"):
        cut_figure(found)
