import base64
import html.parser
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.files import write_atomically
from mbrl_mts3.reporting import (
    Report,
    dimension_table,
    error_table,
    imputation_table,
    png_bytes,
    recalibration_table,
    write_demo_report,
    write_evaluation_report,
)
from mbrl_mts3.reporting.captions import describe_calibration, describe_control, describe_errors, describe_prediction
from mbrl_mts3.reporting.evaluation_report import add_imputation
from mbrl_mts3.reporting.style import new_figure

NAMES = ("x", "y", "vx")


class Page(html.parser.HTMLParser):
    """What a browser would find: open tags in order, images, links and the text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str]] = []
        self.fetched: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag, attributes) -> None:
        found = dict(attributes)
        self.fetched += [found[name] for name in ("src", "href", "srcset") if name in found]
        if tag == "img":
            self.images.append(found)
        elif tag not in ("meta", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data


def test_page_needs_nothing_beside_and_reads_on_a_phone() -> None:
    figure = new_figure(2, 2)
    figure.subplots().plot([0, 1])
    drawn = png_bytes(figure)
    report = Report("Title", "Subtitle").add_heading("Part").add_text("Words").add_figure(drawn, "Line", "It rises.")
    report.add_table(["a", "b"], [["row", "1"]], "Numbers.").add_key_numbers([("Speed", "3", "m/s")])
    source = report.html()
    page = Page(source)
    assert page.open == []
    assert all(address.startswith("data:image/png;base64,") for address in page.fetched)
    assert base64.b64decode(page.images[0]["src"].split(",")[1]) == drawn
    assert page.images[0]["alt"] == "Line: It rises."
    assert 'name="viewport"' in source
    assert not re.search(r"@import|url\(|<script", source)
    for words in ("Title", "Subtitle", "Part", "Words", "It rises.", "row", "Numbers.", "Speed", "m/s"):
        assert words in page.text


def test_text_is_escaped_everywhere() -> None:
    evil = '"><script>alert(1)</script>'
    report = Report(evil, evil).add_heading(evil).add_text(evil).add_table([evil, evil], [[evil, evil]], evil)
    report.add_key_numbers([(evil, evil, evil)]).add_figure(b"GIF89a", evil, evil)
    page = Page(report.html())
    assert "script" not in page.open
    assert "<script" not in report.html()
    assert page.text.count("alert(1)") == 15


def test_images_are_known_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"GIF89a...")
    source = Report("t").add_figure(tmp_path / "a.bin", "a", "b").html()
    assert "data:image/gif;base64," in source
    with pytest.raises(ConfigurationError, match="no PNG, GIF or JPEG"):
        Report("t").add_figure(b"<svg>", "a", "b")


def test_rows_need_a_cell_for_each_column() -> None:
    with pytest.raises(ConfigurationError, match="columns"):
        Report("t").add_table(["a", "b"], [["1"]], "")


def test_writing_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_atomically(tmp_path / "deep" / "file", b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in path.parent.iterdir()] == ["file"]


def test_error_table_holds_the_reported_horizons(make_result) -> None:
    header, rows = error_table(make_result())
    table = {row[0]: row[1:] for row in rows}
    assert header == ["steps ahead", "1", "5", "15"]
    assert table["NRMSE, model"] == ["0.01", "0.05", "0.15"]
    assert table["NRMSE, repeat last observation"] == ["0.1", "0.5", "1.5"]
    assert table["NLL, model (nats)"] == ["0.04", "0.2", "0.6"]
    assert table["coverage of 50% intervals"] == [f"{0.5 * 0.99**h:.1%}" for h in (1, 5, 15)]
    assert table["CRPS, model"] == ["0.006", "0.03", "0.09"]
    assert table["CRPS, training mean"] == ["0.6", "0.6", "0.6"]
    assert table["windows"] == ["7", "7", "7"]
    assert "NRMSE, reward" not in table


def test_tables_say_what_is_not_finite(make_result) -> None:
    nrmse = torch.full((20,), torch.inf, dtype=torch.float64)
    _, rows = error_table(make_result(nrmse))
    assert rows[0][1:] == ["not finite"] * 3


def test_imputation_table_sets_shown_beside_missing(imputed) -> None:
    header, rows = imputation_table(imputed)
    table = {row[0]: row[1:] for row in rows}
    assert header[1:] == ["this one shown", "this one missing"]
    assert table["NRMSE, model"] == ["0.1", "0.2"]
    assert table["NRMSE, repeat last shown observation"] == ["0.3", "0.6"]
    assert table["NLL, model (nats)"] == ["0.4", "0.8"]
    assert table["coverage of 80% intervals"] == [f"{0.8 * 0.99:.1%}"] * 2
    assert table["predictions"] == ["7", "7"]


def test_recalibration_table_sets_before_beside_after(make_result) -> None:
    before = make_result()
    wider = replace(before.model, coverage=before.model.levels.expand(20, -1), nll=2 * before.model.nll)
    header, rows = recalibration_table(before, make_result(model=wider))
    table = {row[0]: row[1:] for row in rows}
    assert header == ["steps ahead", "1", "5", "15"]
    assert table["coverage of 95% intervals, before"] == [f"{0.95 * 0.99**h:.1%}" for h in (1, 5, 15)]
    assert table["coverage of 95% intervals, after"] == ["95.0%"] * 3
    assert table["NLL (nats), after"] == ["0.08", "0.4", "1.2"]
    assert not any("reward" in name for name in table)
    rewarded = make_result(reward=before.model)
    names = {row[0] for row in recalibration_table(rewarded, rewarded)[1]}
    assert "coverage of 95% intervals of the reward, after" in names


def test_dimensions_have_their_units(make_result) -> None:
    _, rows = dimension_table(make_result(), NAMES)
    assert rows == [
        ["x (m)", "0.01", "0.05", "0.15"],
        ["y (m)", "0.02", "0.1", "0.3"],
        ["vx (m/s)", "0.03", "0.15", "0.45"],
    ]


def test_captions_say_what_the_numbers_say(make_result, demo) -> None:
    result = make_result()
    errors = describe_errors(result)
    assert "is 0.01 one step ahead and 0.2 20 steps ahead" in errors
    assert "is 0.1 and 2" in errors
    assert "better than both references at every horizon" in errors
    assert (
        f"hold {0.95 * 0.99:.0%} of the true values one step ahead and {0.95 * 0.99**20:.0%} at 20"
        in describe_calibration(result)
    )
    assert "Of all 7 windows, this is the one with the median error" in describe_prediction(result)
    assert "shaped plan: 90% of 20 episodes" in describe_control(demo.policies)


def test_captions_admit_defeat(make_result) -> None:
    worse = 0.02 * torch.arange(1, 21, dtype=torch.float64)
    worse[[0, 2, 18, 19]] = 3.0
    text = describe_errors(make_result(worse))
    assert "better than both references at 80% of the horizons, but not at 4 horizons between 1 and 20" in text
    worse[[0, 2]] = 0.01
    assert "but not at 19 to 20 steps ahead" in describe_errors(make_result(worse))
    result = make_result()
    counted = replace(result.model, invalid=torch.ones(20, dtype=torch.float64))
    assert "Predictions that were not finite: 20" in describe_errors(make_result(model=counted))


def test_evaluation_report_is_complete(tmp_path: Path, make_result, window) -> None:
    result = make_result(skipped_episodes=2, available_windows=70)
    result = replace(result, model=replace(result.model, invalid=torch.ones(20, dtype=torch.float64)))
    path = write_evaluation_report(tmp_path / "out", result, window, NAMES, facts={"data set": "mine-v0"}, show=["y"])
    page = Page(path.read_text())
    assert len(page.images) == 3
    for words in (
        "mine-v0",
        "7 of 70 windows",
        "too short: 2 episodes",
        "Attention: predictions that were not finite or had no positive",
        "vx (m/s)",
    ):
        assert words in page.text
    names = {file.name for file in path.parent.iterdir()}
    assert names == {"report.html", "error_by_horizon.png", "calibration.png", "prediction.png"}


def test_a_report_with_an_imputation_test(imputed) -> None:
    report = Report("Title")
    add_imputation(report, imputed)
    text = Page(report.html()).text
    for words in ("After 5 observed steps", "probability of 40%", "3 windows, masks of seed 9", "this one missing"):
        assert words in text


def test_demo_report_and_summary_hold_the_same(tmp_path: Path, demo) -> None:
    path = write_demo_report(tmp_path / "demo", demo)
    page = Page(path.read_text())
    assert [image["src"][:15] for image in page.images].count("data:image/gif;") == 1
    assert len(page.images) == 6
    for words in (
        "100,000 recorded steps",
        "mine/<b>data</b>-v0",
        "shaped plan",
        "is the straight plan.",
        "45% to 95%",
    ):
        assert words in " ".join(page.text.split())
    assert "shortest path through the maze" in page.text
    assert "straight distance" in page.text
    summary = json.loads((tmp_path / "demo" / "summary.json").read_text())
    assert (summary["dataset_id"], summary["content_hash"]) == ("mine/<b>data</b>-v0", "0123abcd")
    assert summary["model"]["nrmse"] == pytest.approx({"1": 0.01, "5": 0.05, "15": 0.15})
    assert summary["model"]["nrmse_persistence"] == pytest.approx({"1": 0.1, "5": 0.5, "15": 1.5})
    assert summary["model"]["coverage95"]["15"] == pytest.approx(0.95 * 0.99**15)
    assert {key: summary["mpc"][key] for key in ("success_rate", "episodes", "ms_per_action")} == {
        "success_rate": 0.9,
        "episodes": 20,
        "ms_per_action": 12.5,
    }
    assert summary["mpc_straight"]["success_rate"] == 0.4
    assert summary["random"]["success_rate"] == 0.05
    assert summary["seconds"] == {"collect": 10.0, "train": 200.0}
