"""Which returns count as 0 and as 100."""

from pathlib import Path
from typing import Any

import minari
import numpy as np
import pytest
from gymnasium import spaces

from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.minari_writer import MinariWriter
from mbrl_mts3.data.formats.reference_scores import ReferenceScores
from mbrl_mts3.errors import UnknownDatasetError

BOX = spaces.Box(-1, 1, (1,), np.float32)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))


def write(dataset_id: str, **scores: float) -> None:
    step: Any = np.zeros(1, np.float32)
    with MinariWriter(dataset_id, BOX, BOX) as writer:
        writer.add(RawEpisode(np.zeros((2, 1), np.float32), step[None], step, step > 0, step == 0))
    minari.load_dataset(dataset_id).storage.update_metadata(scores)


def test_those_of_the_data_set_come_first() -> None:
    write("tests/scored-v0", ref_min_score=10.0, ref_max_score=20.0)
    reference = ReferenceScores.find("tests/scored-v0", "HalfCheetah-v5")
    assert reference is not None
    assert (reference.low, reference.high) == (10, 20)
    assert "tests/scored-v0" in reference.source
    np.testing.assert_allclose(reference.score(np.array([10.0, 20.0, 15.0, 0.0])), [0, 100, 50, -100])


@pytest.mark.parametrize(
    ("env_id", "low", "high"), [("HalfCheetah-v5", -280.178953, 12135.0), ("FrankaKitchen-v1", 0, 4)]
)
def test_else_those_of_a_like_environment(env_id: str, low: float, high: float) -> None:
    write("tests/plain-v0")
    for dataset_id in ("tests/plain-v0", None):
        reference = ReferenceScores.find(dataset_id, env_id)
        assert reference is not None
        assert (reference.low, reference.high) == (low, high)
        assert "D4RL" in reference.source
        assert "analogy" in reference.source


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("halfcheetah-medium-replay-v2", -280.178953, 12135.0),
        ("maze2d-umaze-v1", 23.85, 161.86),
        ("maze2d-medium-dense-v1", 44.264742, 297.4552547777125),
        ("maze2d-large-v1", 6.7, 273.99),
        ("kitchen-mixed-v0", 0, 4),
    ],
)
def test_d4rls_data_sets_have_their_own(name: str, low: float, high: float) -> None:
    reference = ReferenceScores.find(f"d4rl/{name}")
    assert reference is not None
    assert (reference.low, reference.high) == (low, high)


def test_there_may_be_none() -> None:
    assert ReferenceScores.find(None, "PointMaze_UMaze-v3") is None
    assert ReferenceScores.find(None, None) is None
    assert ReferenceScores.find("d4rl/hammer-human-v1") is None
    with pytest.raises(UnknownDatasetError):
        ReferenceScores.find("tests/nothing-v0", "HalfCheetah-v5")
