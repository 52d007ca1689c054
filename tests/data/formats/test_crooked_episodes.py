"""Episodes that do not fit their own spaces are refused by name, whoever reads or writes them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import minari
import numpy as np
import pytest
from gymnasium import spaces
from minari.data_collector import EpisodeBuffer

from mbrl_mts3.data import RawDataset, RawEpisode, convert_dataset, load_dataset, load_minari, read_dataset
from mbrl_mts3.errors import DataError, NonFiniteDataError, StorageError
from mbrl_mts3.scripts.data import main

ID = "crooked/walk-v0"
DICT = spaces.Dict(
    {
        "observation": spaces.Box(-np.inf, np.inf, (2,), np.float64),
        "goal": spaces.Dict({"place": spaces.Box(-9, 9, (1,), np.float64)}),
        "gear": spaces.Discrete(3),
        "note": spaces.Text(9),
    }
)
ACTIONS = spaces.Box(-1, 1, (3,), np.float32)
pytestmark = pytest.mark.usefixtures("minari_root")


def parts(steps: int, **changes: Any) -> dict[str, Any]:
    rows = steps + 1
    seen = {
        "observation": np.arange(2.0 * rows).reshape(rows, 2),
        "goal": {"place": np.zeros((rows, 1))},
        "gear": np.arange(rows) % 3,
        "note": ["word"] * rows,
    }
    content = {
        "observations": seen,
        "actions": np.linspace(-1, 1, 3 * steps, dtype=np.float32).reshape(steps, 3),
        "rewards": np.arange(float(steps)),
        "terminations": np.zeros(steps, bool),
        "truncations": np.arange(steps) == steps - 1,
    }
    observed = {**seen, **changes.pop("observations", {})}
    return {**content, **changes, "observations": observed}


def write(**changes: Any) -> None:
    """Three episodes, of which the second is changed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minari.create_dataset_from_buffers(
            ID,
            [EpisodeBuffer(id=place, **parts(6 + place, **(changes if place == 1 else {}))) for place in range(3)],
            observation_space=DICT,
            action_space=ACTIONS,
        )


def checked(capsys: pytest.CaptureFixture[str], name: str = ID) -> tuple[int, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["check", name])
    return int(end.value.code or 0), capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"observations": {"observation": np.zeros((8, 3))}}, "observation have the shape .3,., the space .2,."),
        ({"observations": {"goal": {"place": np.zeros((8, 2))}}}, "goal/place have the shape .2,., the space .1,."),
        ({"actions": np.zeros((7, 4), np.float32)}, "actions have the shape .4,., the space .3,."),
        ({"observations": {"gear": np.zeros(7, int)}}, "7 rows of gear"),
        ({"observations": {"goal": {"place": np.zeros((7, 1))}}}, "7 rows of goal/place"),
        ({"observations": {"observation": np.zeros((9, 2))}}, "9 rows of observation"),
        ({"observations": {"observation": np.full((8, 2), 1j)}}, "observation are complex128, expected real numbers"),
        ({"observations": {"goal": {"place": np.full((8, 1), b"a")}}}, "goal/place are .*expected real numbers"),
        ({"actions": np.zeros(7, np.float32)}, "actions have the shape .., the space .3,."),
        ({"actions": np.full((7, 3), "a").astype("S1")}, "actions are .*expected real numbers"),
        ({"rewards": np.zeros((7, 2))}, "14 rewards"),
        ({"terminations": np.full(7, np.nan)}, "terminations hold nan at step 0, expected 0 or 1"),
        ({"truncations": np.arange(7) - 5.0}, "truncations hold -5.0 at step 0"),
        ({"terminations": np.full(7, 2)}, "terminations hold 2 at step 0"),
    ],
)
def test_every_reader_refuses_them_and_the_check_names_them(
    changes: dict[str, Any], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write(**changes)
    reads: list[Callable[[], object]] = [
        lambda: load_minari(ID),
        lambda: load_minari(ID, memory_map=True, cache=tmp_path),
        lambda: read_dataset(ID),
    ]
    for read in reads:
        with pytest.raises(DataError, match=f"{ID}, episode 1: .*{told}"):
            read()
    status, printed = checked(capsys)
    assert status == 1
    assert "episode 1" in printed


def test_a_column_of_rewards_is_one_number_a_step(tmp_path: Path):
    write(rewards=np.arange(7.0)[:, None])
    expected = load_minari(ID).episodes[1].rewards
    np.testing.assert_array_equal(expected, np.arange(7.0))
    plain = RawDataset(
        tuple(
            RawEpisode(**{**parts(5), "observations": np.zeros((6, 2)), "rewards": rewards})
            for rewards in (np.arange(5.0), np.arange(5.0)[:, None])
        ),
        ID,
        "0",
        spaces.Box(-np.inf, np.inf, (2,), np.float64),
        ACTIONS,
    )
    convert_dataset(plain, str(tmp_path / "out.hdf5"))
    with h5py.File(tmp_path / "out.hdf5") as file:
        assert file["rewards"].shape[1:] == ()


def test_actions_in_a_dict_are_one_line(capsys: pytest.CaptureFixture[str]):
    content = parts(4)
    observations = content["observations"]["observation"]
    buffer = EpisodeBuffer(**{**content, "observations": observations, "actions": {"a": content["actions"]}})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        minari.create_dataset_from_buffers(
            ID, [buffer], observation_space=DICT["observation"], action_space=spaces.Dict({"a": ACTIONS})
        )
    with pytest.raises(SystemExit) as end:
        main(["check", ID])
    assert end.value.code == 2
    assert capsys.readouterr().err.startswith(f"DataError: {ID}, episode 0: actions of Dict(")


def test_what_fits_is_read_with_a_line_on_what_is_left_out():
    write()
    assert load_minari(ID).notes == ()
    notes = load_minari(ID, "everything").notes
    assert notes == (
        "Left out of everything: gear (Discrete), note (Text), for only Box of one dimension can be read.",
    )


@pytest.mark.parametrize("target", ["out.hdf5", "out.npz", "crooked/copy-v0"])
def test_no_writer_takes_them(target: str, tmp_path: Path):
    space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    whole = parts(5)
    episode = RawEpisode(**{**whole, "observations": whole["observations"]["observation"][:-1]})
    dataset = RawDataset((episode,), ID, "0", space, ACTIONS)
    place = str(tmp_path / target) if "." in target else target
    with pytest.raises(DataError, match="5 actions need 6 observations"):
        convert_dataset(dataset, place)
    assert not list(tmp_path.glob("out*"))


def test_counts_that_the_metadata_tell_wrong(minari_root: Path, capsys: pytest.CaptureFixture[str]):
    write()
    path = minari_root / ID / "data" / "metadata.json"
    metadata = json.loads(path.read_text())
    path.write_text(json.dumps({**metadata, "total_steps": 22}))
    assert "The metadata tell 22 steps, the file holds 21." in load_minari(ID).notes
    _, printed = checked(capsys)
    assert "metadata-counts: the metadata tell 22 steps, the file holds 21" in printed
    path.write_text(json.dumps({**metadata, "total_episodes": 1}))
    with pytest.raises(DataError, match="tell 1 episode, the file holds 3"):
        load_minari(ID)


@pytest.mark.parametrize(
    ("observation_space", "action_space", "scale", "told"),
    [
        (spaces.Box(0, 1, (2,)), spaces.MultiDiscrete([2, 2, 2]), 1, "action-space"),
        (spaces.Box(0, 1, (2, 1)), ACTIONS, 1, "observation-space"),
        (spaces.Box(0, 1, (2,), np.float64), ACTIONS, 1e300, "beyond-float32 observation"),
    ],
)
def test_the_check_finds_what_loading_refuses(
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
    scale: float,
    told: str,
    capsys: pytest.CaptureFixture[str],
):
    steps = 4
    seen = np.full((steps + 1, *(observation_space.shape or ())), 0.5) * scale
    acted = np.zeros((steps, 3), action_space.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        buffer = EpisodeBuffer(**{**parts(steps), "observations": seen, "actions": acted})
        minari.create_dataset_from_buffers(ID, [buffer], observation_space=observation_space, action_space=action_space)
    with pytest.raises(DataError):
        load_minari(ID)
    status, printed = checked(capsys)
    assert status == 1
    assert f"error: {told}" in printed


@pytest.mark.parametrize("where", [(slice(None), 0), (0, slice(None)), (slice(None), slice(None))])
def test_actions_of_d4rl_that_are_not_numbers(where: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    actions = np.linspace(-3, 3, 80).reshape(40, 2)
    actions[where] = np.inf
    with h5py.File(tmp_path / "some.hdf5", "w") as file:
        file["observations"], file["actions"], file["rewards"] = np.ones((40, 2)), actions, np.zeros(40)
        file["terminals"], file["timeouts"] = np.zeros(40, bool), np.arange(40) % 20 == 19
    with pytest.raises(NonFiniteDataError, match="actions hold NaN or infinity"):
        load_dataset(tmp_path / "some.hdf5")
    status, printed = checked(capsys, str(tmp_path / "some.hdf5"))
    assert status == 1
    assert "non-finite actions" in printed


def test_a_folder_of_data_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write()
    dataset = RawDataset(
        (RawEpisode(**{**parts(3), "observations": np.zeros((4, 1))}),), ID, "0", spaces.Box(0, 1, (1,)), ACTIONS
    )
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / place))
        with pytest.raises(StorageError, match="could not be written"):
            convert_dataset(dataset, "some/copy-v0")
        with pytest.raises(DataError):
            load_minari(ID)
