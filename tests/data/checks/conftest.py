"""Short data sets of the real simulators, as they are stored; tests plant faults into copies of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from mbrl_mts3.agents.behaviour import RandomBehaviour, SmoothNoiseBehaviour, WaypointBehaviour
from mbrl_mts3.agents.collection.collector import collect_dataset
from mbrl_mts3.data.dataset import StreamedDataset
from mbrl_mts3.data.formats.loading import stream_dataset

SETS = {
    "maze": ("PointMaze_UMaze-v3", WaypointBehaviour, 1800, 300),
    "cheetah": ("HalfCheetah-v5", SmoothNoiseBehaviour, 2400, 200),
    "kitchen": ("FrankaKitchen-v1", RandomBehaviour, 48, 4),
}


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], StreamedDataset]]:
    """real("maze"), real("cheetah"), real("kitchen"): six, twelve and twelve episodes."""
    loaded: dict[str, StreamedDataset] = {}

    def load(name: str) -> StreamedDataset:
        if name not in loaded:
            environment, behaviour, steps, limit = SETS[name]
            dataset_id = f"real/{name}-v0"
            collect_dataset(environment, behaviour, steps, dataset_id, max_episode_steps=limit, progress=False)
            dataset = stream_dataset(dataset_id)
            episodes = list(dataset.read())
            loaded[name] = replace(dataset, read=lambda: iter(episodes))
        return loaded[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("checks")))
        yield load
