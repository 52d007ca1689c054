"""What every test starts from: fixed seeds, one thread, no data set of the user within reach."""

import os
import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import settings

# This file must not import mbrl_mts3: a class imported here could come from elsewhere than the wheel under test.
torch.set_num_threads(1)

settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(autouse=True)
def _fixed_seeds() -> None:
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - for libraries that draw from the old global generator
    torch.manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def _empty_data_roots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests that need data sets write their own; a fixture of a narrower scope may set another folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(tmp_path_factory.mktemp("minari")))
        patch.setenv("D4RL_DATASET_DIR", str(tmp_path_factory.mktemp("d4rl")))
        yield
