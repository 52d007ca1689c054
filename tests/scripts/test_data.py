"""mts3-data on real Minari data sets, by its exit status and by what it leaves."""

import json
from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces
from random_walks import write_walks

from mbrl_mts3.data import load_minari
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.minari_writer import MinariWriter
from mbrl_mts3.scripts.data import main

ID = "mine/walk-v0"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.chdir(tmp_path)


def status(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


def write_bad() -> None:
    """One NaN in the reward of step 3 of episode 1."""
    box = spaces.Box(-9, 9, (2,), np.float64)
    with MinariWriter(ID, box, spaces.Box(-1, 1, (1,), np.float32)) as writer:
        for number in range(2):
            rewards = np.arange(6.0)
            rewards[3] = np.nan if number else 3.0
            walk = np.random.default_rng(number).normal(size=(7, 2))
            end = np.arange(6) == 5
            writer.add(RawEpisode(walk, walk[:-1, :1].clip(-1, 1).astype(np.float32), rewards, end & False, end))


def test_card_is_printed_and_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_walks(ID)
    assert status("card", ID) == 0
    folder = tmp_path / "runs" / "data" / ID
    card, text = json.loads((folder / "card.json").read_text()), (folder / "card.md").read_text()
    assert card["content_hash"] == load_minari(ID).content_hash
    assert card["total_steps"] == 800
    for words in (f"# {ID}", card["content_hash"], "| steps | 800 |", "| observation/2 |", "Nothing was found."):
        assert words in text
    assert text.rstrip() in capsys.readouterr().out
    assert status("card", str(tmp_path / "minari" / ID), "--output", str(tmp_path / "there")) == 0
    assert json.loads((tmp_path / "there" / "card.json").read_text()) == card


def test_check_passes_what_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_walks(ID)
    assert status("check", ID) == 0
    assert capsys.readouterr().out == f"{ID}: 20 episodes, 800 steps: 0 errors, 0 warnings\n"
    assert not (tmp_path / "runs").exists()


def test_check_names_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_bad()
    assert status("check", ID, "--output", str(tmp_path)) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0] == (
        "error: non-finite rewards: rewards hold NaN or infinity in 1 of 6 rows (episode 1, step 3). "
        "Repair or drop the episode"
    )
    assert out[1] == f"{ID}: 2 episodes, 12 steps: 1 error, 0 warnings"
    assert json.loads((tmp_path / "card.json").read_text())["findings"][0]["episode"] == 1


@pytest.mark.parametrize("action", ["card", "check"])
def test_unknown_data_is_the_users_fault(tmp_path: Path, action: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_walks(ID)
    assert status(action, "mine/wolk-v0") == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(
        "UnknownDatasetError: unknown data set 'mine/wolk-v0'; nearest on disk: mine/walk-v0"
    )
    assert not captured.out
    assert not (tmp_path / "runs").exists()


def test_stats_draws_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_walks(ID)
    assert status("stats", ID) == 0
    sampled = sorted((tmp_path / "runs" / "data" / ID).iterdir())
    assert [path.name for path in sampled] == ["actions.png", "observations.png", "projection.png", "returns.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in sampled)
    assert capsys.readouterr().out.count("written: ") == 4


def test_unknown_actions_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("cord", ID) == 2
    assert "card" in capsys.readouterr().err


def test_list_tells_what_is_on_the_disk(capsys: pytest.CaptureFixture[str]) -> None:
    assert status("list") == 1
    assert capsys.readouterr().out.startswith("no data set is on the disk: collect one")
    write_walks(ID)
    write_walks("mbrl-mts3/point_maze_umaze/waypoint-v0", lengths=(30,) * 4)
    assert status("list") == 0
    found, missing = capsys.readouterr().out.split("\nKnown by name, but not on the disk:\n")
    maze, facts, walk, more = found.splitlines()
    assert maze == "mbrl-mts3/point_maze_umaze/waypoint-v0  (data=point_maze_umaze)"
    assert facts.startswith("    no environment, 4 episodes, 120 steps, 0.")
    assert walk == ID
    assert more.startswith("    no environment, 20 episodes, 800 steps, 0.")
    names = dict(line.split() for line in missing.splitlines())
    assert names["data=half_cheetah_medium"] == "mujoco/halfcheetah/medium-v0"
    # The one that is there, and the two that load any data set.
    assert not {"data=point_maze_umaze", "data=minari", "data=d4rl"} & set(names)


def test_list_takes_a_part_of_an_id(capsys: pytest.CaptureFixture[str]) -> None:
    write_walks(ID)
    write_walks("mine/other-v0")
    assert status("list", "WALK") == 0
    assert [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")] == [ID]
    assert status("list", "cheetah") == 1
    assert capsys.readouterr().out == "none of 2 data sets on the disk has 'cheetah'\n"


def test_files_of_d4rl_are_listed_by_their_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path))
    (tmp_path / "halfcheetah_medium-v2.hdf5").write_bytes(bytes(3_400_000))
    assert status("list", "halfcheetah") == 0
    assert capsys.readouterr().out.splitlines() == [
        "d4rl/halfcheetah-medium-v2  (data=d4rl_half_cheetah_medium)",
        "    HalfCheetah-v5, 3.4 MB: D4RL's own file",
    ]
