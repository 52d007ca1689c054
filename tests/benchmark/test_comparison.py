"""The numbers of the tables, computed again."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from mbrl_mts3.benchmark import Comparison, SeedSummary, markdown_report, write_comparison
from mbrl_mts3.errors import ResultError

SEEDS = {"gru": (0.3, 0.34, 0.41), "mts3": (0.2, 0.26, 0.23)}


@pytest.fixture
def comparison(make_record) -> Comparison:
    return Comparison(tuple(make_record(label, s, v) for label, values in SEEDS.items() for s, v in enumerate(values)))


def block(text: str, title: str) -> dict[str, list[str]]:
    """Rows of a Markdown table by their first cell."""
    lines = text.split(f"## {title}\n\n")[1].split("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells}


def test_means_and_intervals_are_students(comparison):
    for label, values in SEEDS.items():
        for horizon in (1, 15):
            found = comparison.at(label, "nrmse", horizon)
            exact = np.array(values) + 0.01 * horizon
            low, high = stats.t.interval(0.95, df=2, loc=exact.mean(), scale=stats.sem(exact))
            assert found.mean == pytest.approx(exact.mean())
            assert (found.mean - found.half_width, found.mean + found.half_width) == pytest.approx((low, high))


def test_the_table_shows_them_and_marks_the_best(comparison):
    text = markdown_report(comparison)
    table = block(text, "NRMSE")
    assert table["model"] == ["1", "5", "15"]
    exact = np.array(SEEDS["mts3"]) + 0.05
    spread = stats.t.ppf(0.975, 2) * exact.std(ddof=1) / math.sqrt(3)
    assert table["mts3"][1] == f"**{exact.mean():.3f} ±{spread:.3f}**"
    assert table["gru"][1].startswith("0.400 ±")
    assert table["*repeats the last observation*"] == ["0.100", "0.500", "1.50"]
    # Lower is better for a log likelihood below zero too.
    likelihoods = block(text, "NLL (nats, summed over dimensions)")
    assert all(cell.startswith("**") for cell in likelihoods["mts3"])
    assert not any("**" in cell for cell in likelihoods["gru"])
    assert block(text, "Coverage error of 95% intervals (percentage points)")["gru"][0].strip("*") == "5.00"
    cost = block(text, "Cost")
    assert cost["model"][:3] == ["seeds", "parameters", "updates"]
    assert cost["mts3"][:3] == ["3", "1,234", "4"]
    assert re.fullmatch(r"11 ±2\.5", cost["gru"][4])
    for words in (
        "`test/walk-v0`",
        "20 steps open loop",
        "seeds (0, 1, 2)",
        "at most 4 updates, 8 windows of 10",
    ):
        assert words in text


def test_the_csv_file_holds_every_number(comparison, tmp_path: Path):
    paths = write_comparison(comparison, tmp_path / "deep")
    assert [path.name for path in paths] == ["walk.csv", "walk.md", "walk.png"]
    rows = list(csv.DictReader(paths[0].open()))
    assert set(rows[0]) == {"model", "seed", "metric", "horizon", "value"}
    found = {(row["model"], row["seed"], row["metric"], row["horizon"]): float(row["value"]) for row in rows}
    assert len(found) == len(rows)
    assert found["gru", "2", "nrmse", "5"] == pytest.approx(0.46)
    assert found["mts3", "0", "sliding_nrmse", "11"] == pytest.approx(0.4)
    assert found["mts3", "1", "training_seconds", ""] == 11
    assert found["persistence", "", "nrmse", "15"] == pytest.approx(1.5)
    with Image.open(paths[2]) as image:
        assert min(image.size) > 400


def test_a_metric_that_the_evaluation_has_gained_appears(make_record):
    newer = make_record("gru", 0, 0.3)
    newer.curves["energy_score"] = tuple([0.25] * 20)
    text = markdown_report(Comparison((newer, make_record("mts3", 0, 0.2))))
    assert block(text, "energy_score") == {
        "model": ["1", "5", "15"],
        "---": ["---:"] * 3,
        "gru": ["**0.250**"] * 3,
        "mts3": ["-"] * 3,
    }


def test_the_imputation_test_has_a_block_of_its_own(make_record, comparison):
    assert "## Imputation" not in markdown_report(comparison)
    scalars = {"imputation_missing_nrmse": 0.5, "imputation_shown_coverage_95": 0.94, "windows": 7.0}
    made = make_record("gru", 0, 0.3, evaluation={"imputation_rate": 0.25}, scalars=scalars)
    text = markdown_report(Comparison((made,)))
    assert "missing with probability 0.25" in text
    table = text.split("## Imputation")[1]
    assert "| gru | 0.500 | - | - | - | - | 0.940 |" in table


def test_sliding_windows_have_a_block_of_their_own(make_record, comparison):
    table = block(markdown_report(comparison), "NRMSE of sliding windows of 10 open-loop steps")
    assert table["model"] == ["1-10", "11-20"]
    assert [cell.split(" ")[0] for cell in table["gru"]] == ["0.350", "0.700"]
    assert [cell.split(" ")[0] for cell in table["mts3"]] == ["**0.230", "**0.460"]
    # A long stretch has more windows than a page has room for: every third of 22 here.
    starts = tuple(float(start) for start in range(1, 331, 15))
    sliding = {"first_horizon": starts, "nrmse": tuple(start / 100 for start in starts)}
    text = markdown_report(Comparison((make_record("gru", 0, 0.3, sliding=sliding),)))
    table = block(text, "NRMSE of sliding windows of 10 open-loop steps")
    assert table["model"] == [f"{start}-{start + 9}" for start in range(1, 331, 45)]
    assert table["gru"][-1] == "**3.16**"


def test_what_is_not_finite_is_never_hidden_in_a_mean(make_record, tmp_path: Path):
    broken = make_record("gru", 1, 0.1)
    broken.curves["nrmse"] = (math.nan, *broken.curves["nrmse"][1:])
    made = Comparison((make_record("gru", 0, 0.1), broken, make_record("mts3", 0, 0.9)))
    table = block(markdown_report(made), "NRMSE")
    assert table["gru"][0] == "not finite"
    assert table["mts3"][0] == "**0.910**"
    assert table["gru"][1].startswith("**")
    write_comparison(made, tmp_path)


def test_records_come_back_from_their_files(comparison, tmp_path: Path):
    for record in reversed(comparison.records):
        record.save(tmp_path / record.label / f"seed_{record.seed}.json")
    assert Comparison.read(tmp_path) == comparison


def test_a_number_that_was_not_finite_comes_back_as_nan(make_record, tmp_path: Path):
    record = make_record("gru", 0, 0.1, scalars={"validation_nll": math.inf})
    assert math.isnan(type(record).load(record.save(tmp_path / "x.json")).scalars["validation_nll"])


def test_unequal_conditions_do_not_share_a_table(make_record):
    one = make_record("gru", 0, 0.3)
    for other, message in (
        (make_record("mts3", 0, 0.2, evaluation={"context": 6}), "evaluation.context is 5 and 6"),
        (make_record("mts3", 0, 0.2, data={"content_hash": "def"}), "data.content_hash is abc and def"),
        (make_record("gru", 1, 0.2, training={"max_updates": 5}), "training.max_updates is 4 and 5"),
    ):
        with pytest.raises(ResultError, match=message):
            Comparison((one, other))
    # Not even where one that lacks the option stands between two that differ in it.
    rated = [
        make_record(name, 0, 0.2, evaluation={"imputation_rate": rate}) for name, rate in (("a", 0.5), ("c", 0.25))
    ]
    with pytest.raises(ResultError, match=r"evaluation\.imputation_rate is 0\.5 and 0\.25"):
        Comparison((rated[0], make_record("b", 0, 0.2), rated[1]))
    text = markdown_report(Comparison((one, make_record("mts3", 0, 0.2, training={"max_seconds": 9.5}))))
    assert "not the same for all" in text
    assert "at most 4 updates and 9.5 s, 8 windows of 10 steps per update for mts3" in text


def test_nothing_cannot_be_compared(tmp_path: Path):
    with pytest.raises(ResultError, match="run mts3-benchmark"):
        Comparison.read(tmp_path)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.25], "0.250"),
        ([134496.0, 134496.0], "134,496"),
        ([-12.5, -12.4], "-12.4 ±0.64"),
        ([1.0], "1"),
        ([math.inf, 1.0], "not finite"),
        ([], "-"),
    ],
)
def test_numbers_are_short(values, text):
    assert str(SeedSummary.from_values(values)) == text
