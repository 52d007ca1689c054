"""Episodes whose every number tells where it comes from."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mbrl_mts3.data import Episode

EpisodeMaker = Callable[..., Episode]


@pytest.fixture(scope="session")
def make_episode() -> EpisodeMaker:
    """make_episode(steps, number): o_t = (number, t), a_t = (number + 0.5, t), r_t = 1000 number + t, from t = 0."""

    def make(steps: int, number: int = 1, terminated: bool = False) -> Episode:
        time = np.arange(steps + 1, dtype=np.float32)
        return Episode(
            observations=np.stack([np.full_like(time, number), time], axis=1),
            actions=np.stack([np.full_like(time, number + 0.5), time], axis=1)[:-1],
            rewards=1000 * number + time[:-1],
            terminations=np.arange(steps) == (steps - 1 if terminated else -1),
            truncations=np.arange(steps) == (-1 if terminated else steps - 1),
            episode_id=number,
        )

    return make


@pytest.fixture
def minari_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for Minari data sets."""
    root = tmp_path / "minari"
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    return root


@pytest.fixture
def d4rl_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where D4RL's files are looked for; not there yet."""
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path / "d4rl"))
    return tmp_path / "d4rl"
