"""Imports go one way, and each heavy library has one home; read from the syntax trees."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("mbrl_mts3", "envs", "agents", "configs", "scripts")
# A layer may import itself and what stands before it; everything that is not named here is core.
LAYERS = ("core", "envs", "agents", "scripts")
HOMES = {
    "hydra": ("mbrl_mts3.scripts",),
    "omegaconf": ("mbrl_mts3.scripts",),
    "lightning": ("mbrl_mts3.training",),
    "pytorch_lightning": ("mbrl_mts3.training",),
    "stable_baselines3": ("mbrl_mts3.agents",),
    "matplotlib": ("mbrl_mts3.reporting",),
    "sklearn": ("mbrl_mts3.reporting",),
    "minari": ("mbrl_mts3.data.formats.minari_reader", "mbrl_mts3.data.formats.minari_writer"),
    "h5py": (
        "mbrl_mts3.data.formats.minari_reader",
        "mbrl_mts3.data.formats.minari_writer",
        "mbrl_mts3.data.formats.d4rl_arrays",
        "mbrl_mts3.data.formats.d4rl_writer",
    ),
    "pooch": ("mbrl_mts3.data.formats.d4rl_download",),
    "requests": ("mbrl_mts3.data.formats.d4rl_download",),
}


def module_name(path: Path) -> str:
    """The name that a file of the checkout has once it is installed."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "mbrl_mts3" else ("mbrl_mts3", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(source: str) -> Iterator[str]:
    """Every module that a source may import, at any depth; relative imports start with a dot."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def layer(module: str) -> str:
    parts = module.split(".")
    second = parts[1] if len(parts) > 1 else ""
    if second == "configs":
        return "scripts"
    return second if second in LAYERS else "core"


def inside(module: str, homes: tuple[str, ...]) -> bool:
    return any(module == home or module.startswith(f"{home}.") for home in homes)


def violations(source: str, module: str) -> Iterator[str]:
    """What the imports of `source`, installed as `module`, do against the rules."""
    for name in imported(source):
        top = name.split(".")[0]
        if name.startswith("."):
            yield f"relative import {name}: write the whole name"
        elif top in FOLDERS[1:] or top == "tests":
            yield f"bare {name}: write mbrl_mts3.{name}, or every class is there twice"
        elif top == "mbrl_mts3" and LAYERS.index(layer(name)) > LAYERS.index(layer(module)):
            yield f"{layer(module)} imports {name}: imports go {' <- '.join(LAYERS)}"
        elif top in HOMES and not inside(module, HOMES[top]):
            yield f"{name} may be imported in {', '.join(HOMES[top])} only"


# Studies are scripts to run by hand; they are no part of the package.
STUDIES = ROOT / "scripts" / "studies"
FILES = [
    path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")) if not path.is_relative_to(STUDIES)
]


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_keep_the_rules(path: Path) -> None:
    assert not list(violations(path.read_text(), module_name(path)))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("mbrl_mts3.models.state_space.mts3", "import mbrl_mts3.envs.tasks"),
        ("mbrl_mts3.models.state_space.mts3", "from mbrl_mts3 import envs"),
        ("mbrl_mts3.models.state_space.mts3", "def late():\n    from mbrl_mts3.agents import MPCAgent"),
        ("mbrl_mts3", "from mbrl_mts3.scripts.train import main"),
        ("mbrl_mts3.envs.make", "from mbrl_mts3.agents.planning.mpc import MPCAgent"),
        ("mbrl_mts3.agents.planning.mpc", "from mbrl_mts3.configs import anything"),
        ("mbrl_mts3.agents.planning.mpc", "import torch, envs"),
        ("mbrl_mts3.scripts.plan", "from agents.mpc_agent import MPCAgent"),
        ("mbrl_mts3.scripts.plan", "from tests.helpers import oracle"),
        ("mbrl_mts3.models.state_space.mts3", "from .rkn import RKN"),
        ("mbrl_mts3.models.state_space.mts3", "from .. import data"),
        ("mbrl_mts3.training.trainer", "from hydra.utils import instantiate"),
        ("mbrl_mts3.agents.collection.collector", "from omegaconf import DictConfig"),
        ("mbrl_mts3.scripts.train", "import lightning.pytorch as pl"),
        ("mbrl_mts3.training_tools", "import lightning"),
        ("mbrl_mts3.envs.make", "import stable_baselines3 as sb3"),
        ("mbrl_mts3.metrics.calibration", "import matplotlib.pyplot"),
        ("mbrl_mts3.metrics.slow_latents", "from sklearn.decomposition import PCA"),
        ("mbrl_mts3.data.split", "import minari"),
        ("mbrl_mts3.data.split", "import h5py"),
    ],
)
def test_a_planted_violation_is_caught(module: str, source: str) -> None:
    assert len(list(violations(source, module))) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("mbrl_mts3.scripts.plan", "import hydra\nfrom mbrl_mts3.agents.planning.mpc import MPCAgent"),
        ("mbrl_mts3.agents.planning.mpc", "import stable_baselines3\nfrom mbrl_mts3.envs.tasks import Task"),
        ("mbrl_mts3.envs.tasks.base", "from mbrl_mts3.data import Episode\nimport torch"),
        ("mbrl_mts3.data.formats.minari_reader", "import minari, h5py"),
    ],
)
def test_what_is_allowed_passes(module: str, source: str) -> None:
    assert not list(violations(source, module))
