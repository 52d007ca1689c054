"""The report of a model's diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mbrl_mts3.metrics.diagnosis.model_diagnosis import BEHAVIOUR, ModelDiagnosis
from mbrl_mts3.reporting.diagnosis.figures import cut_figure, ranking_figure, step_error_figure
from mbrl_mts3.reporting.diagnosis.findings import describe_findings, describe_replay, describe_suggestion
from mbrl_mts3.reporting.diagnosis.text_tables import cut_table, rank_table, return_table, step_error_table
from mbrl_mts3.reporting.report import Report
from mbrl_mts3.reporting.style import save_figure


def write_diagnosis_report(folder: str | Path, diagnosis: ModelDiagnosis, facts: Mapping[str, str]) -> Path:
    """Write the figures as PNGs and `report.html` into `folder`.

    Args:
        facts: the model, the data, the policies and the times, by name.

    Returns:
        The path of the report.
    """
    folder = Path(folder)
    report = Report(
        "Diagnosis of a world model",
        "The model and the true simulator, set to the same recorded states, under the same actions.",
    )
    for sentence in describe_findings(diagnosis):
        report.add_text(sentence)
    report.add_text(describe_replay(diagnosis))
    report.add_heading("Errors by step")
    figure = save_figure(step_error_figure(diagnosis), folder / "errors_by_step.png")
    report.add_figure(figure, "Errors by step", _step_caption(diagnosis))
    report.add_table(*step_error_table(diagnosis), _STEP_TABLE)
    report.add_table(*return_table(diagnosis), _returns_caption(diagnosis))
    if diagnosis.kinds:
        _add_uncertainties(report, folder, diagnosis)
    else:
        report.add_text("The model has no uncertainty.")
    report.add_heading("What was compared")
    report.add_table(["what", "value"], list(map(list, facts.items())), "The model, the data and the actions.")
    return report.write(folder / "report.html")


def _add_uncertainties(report: Report, folder: Path, diagnosis: ModelDiagnosis) -> None:
    report.add_heading("Does uncertainty tell where the model is wrong?")
    figure = save_figure(ranking_figure(diagnosis), folder / "errors_by_uncertainty.png")
    report.add_figure(figure, "Errors by uncertainty", _RANKING)
    report.add_table(*rank_table(diagnosis), _RANK_TABLE)
    report.add_heading("Where should rollouts stop?")
    figure = save_figure(cut_figure(diagnosis), folder / "stops.png")
    report.add_figure(figure, "Stops at a quantile of the uncertainty", _CUTS)
    for kind in diagnosis.kinds:
        caption = (
            f"Stops by {kind} uncertainty. In each cell the share of steps that is kept, and their error of states. "
        )
        report.add_table(*cut_table(diagnosis, kind), caption + describe_suggestion(diagnosis, kind))


def _step_caption(diagnosis: ModelDiagnosis) -> str:
    count = int(diagnosis.sources[BEHAVIOUR].by_step().count[0])
    return (
        f"Means over {count} recorded states. Policies act on what the model imagines, and the simulator gets the same "
        "actions. Errors of states are absolute, divided by the standard deviations of the data, and averaged over the "
        "entries; the dotted line is that of a model in which nothing moves, under the data's actions. Where rewards "
        "are computed from imagined states by a function, the dotted line of the second panel is the error of that "
        "function on true states, again under the data's actions: a perfect model errs as much. The lowest panel has "
        "no absolute value: above 0 the model promises more reward than there is, and a policy that learns in it will "
        "seek just that."
    )


def _returns_caption(diagnosis: ModelDiagnosis) -> str:
    return (
        f"Mean sums of rewards over {diagnosis.horizon} steps: in the model; in the simulator under the actions that "
        "were chosen in the model; and in the simulator where the policy acts on what that shows. The first less the "
        "second is the model's error; less the third, it is what the model overrates the policy by. The last two "
        "differ where a policy has to see what its actions lead to."
    )


_STEP_TABLE = (
    "Errors by steps after the last observation, means over rollouts. Of states: mean and median over the entries, in "
    "standard deviations of the data; where the median is far below the mean, a few entries are wrong. Of rewards: "
    "mean absolute error; perfect: that of a perfect model, which the reward function makes on true states; bias: mean "
    "of imagined less true reward. Steps after the end of the true episode do not count."
)
_RANKING = (
    "The steps of each source, sorted by what the model said of their uncertainty and divided into ten equal parts: "
    "mean true error against mean uncertainty of each part. A useful uncertainty has one rising line for all sources: "
    "equal uncertainty, equal error, whoever acts. Where the line of a policy lies above that of the data's actions, "
    "the model is more wrong than its uncertainty says."
)
_RANK_TABLE = (
    "Spearman's rank correlation of each uncertainty with the true errors: 1 where it puts them in order, 0 where it "
    "knows nothing. First over all steps of all rollouts, which is high already where both grow with time; then step "
    "by step over the rollouts, averaged: whether it tells which of several rollouts is wrong."
)
_CUTS = (
    "A rollout stops before its first step that is less certain than a quantile of the steps under the data's actions. "
    "Left, the share of all steps that is kept; right, the error of states of what is kept. The dashed line is the "
    "error of all steps under the data's actions: where a policy's line is below it, what the policy learns from is as "
    "right as the data's own rollouts."
)
