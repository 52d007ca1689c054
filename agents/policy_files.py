"""Policies of Stable-Baselines3 in files: saved, found by name, and loaded."""

from __future__ import annotations

import glob
import importlib
import json
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium
from gymnasium import spaces
from stable_baselines3 import A2C, DDPG, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm

from mbrl_mts3.agents.base import Agent
from mbrl_mts3.agents.baselines import NoisyAgent, RandomAgent
from mbrl_mts3.agents.nested_observations import fit_policy, fit_policy_space
from mbrl_mts3.agents.observation_statistics import NormalizingAgent, ObservationStatistics
from mbrl_mts3.agents.plain_policy import PlainPolicy, check_archive_size
from mbrl_mts3.data.spaces import check_spaces_match
from mbrl_mts3.envs.make import check_environment_spaces
from mbrl_mts3.errors import ConfigurationError, DataError, MTS3Error, SpaceMismatchError
from mbrl_mts3.files import atomic_file
from mbrl_mts3.wording import shortest_names

RANDOM = "random"


def load_policy_files(
    patterns: Sequence[str],
    observation_space: spaces.Space[Any],
    action_space: spaces.Box,
    *,
    algorithm: str = "auto",
    trust_pickle: bool = False,
    normalization: str | Path | None = None,
    random: bool = False,
    noise: Mapping[str, float] | None = None,
    seed: int = 0,
    device: str = "cpu",
) -> dict[str, Agent]:
    """Policies of zip files, named after them, and worse ones beside.

    Args:
        patterns: paths or globs of files that a training here or Stable-Baselines3 saved.
        observation_space, action_space: of the environment that they act in.
        algorithm, trust_pickle: see `load_policy`.
        normalization: see `load_policies`.
        random: one more policy, "random", acts uniformly at random.
        noise: for names of policies a standard deviation, see `NoisyAgent`; each adds a policy "NAME+noise".
        seed: of the random policy and of the noise.
        device: where the policies run.

    Raises:
        ConfigurationError: noise for a policy that is not there; as `find_policies` and `load_policy` do.
        SpaceMismatchError: a policy was trained in other spaces.
    """
    paths = find_policies(patterns)
    unknown = [name for name in noise or () if name not in paths]
    if unknown:
        raise ConfigurationError(f"noise for {', '.join(unknown)}, but the policies are {', '.join(paths) or 'none'}")
    policies: dict[str, Agent] = {}
    statistics = None if normalization is None else ObservationStatistics.read(normalization)
    for name, path in paths.items():
        model: Any = load_policy(path, algorithm=algorithm, trust_pickle=trust_pickle, device=device)
        trained = fit_policy_space(model.observation_space, observation_space), model.action_space
        try:
            check_spaces_match(trained, (observation_space, action_space), "the environment", "environment")
        except SpaceMismatchError as error:
            raise SpaceMismatchError(f"policy {path}: {error}") from error
        shown = model if statistics is None else NormalizingAgent(model, statistics)
        policies[name] = fit_policy(shown, observation_space)
    for name, deviation in (noise or {}).items():
        policies[f"{name}+noise"] = NoisyAgent(policies[name], action_space, deviation, seed)
    if random:
        policies[RANDOM] = RandomAgent(action_space, seed)
    if not policies:
        raise ConfigurationError("there is no policy to evaluate: name files of policies, or ask for a random one")
    return policies


def find_policies(patterns: Sequence[str | Path]) -> dict[str, Path]:
    """Files by the shortest ends of their paths that tell them apart, such as 0/policy of runs/bc/0/policy.zip.

    Args:
        patterns: paths or globs; files of one glob come in alphabetical order.

    Raises:
        ConfigurationError: a pattern without a file, or a file twice.
    """
    paths: list[Path] = []
    for pattern in patterns:
        matches = sorted(Path(match) for match in glob.glob(str(pattern), recursive=True))  # noqa: PTH207 - any path
        if not matches:
            raise ConfigurationError(f"no policy file matches {str(pattern)!r}: give paths or globs of zip files")
        paths += matches
    names = shortest_names([path.with_suffix("") for path in paths])
    if len(set(names)) < len(names):
        raise ConfigurationError(f"a policy is named twice: {', '.join(map(str, paths))}")
    return dict(zip(names, paths, strict=True))


ALGORITHMS: Mapping[str, type[BaseAlgorithm]] = {"SAC": SAC, "TD3": TD3, "DDPG": DDPG, "PPO": PPO, "A2C": A2C}
"""Those of Stable-Baselines3 for continuous actions."""


def load_policy(
    path: str | Path | None,
    environment: gymnasium.Env[Any, Any] | None = None,
    *,
    algorithm: str = "auto",
    trust_pickle: bool | None = None,
    device: str = "cpu",
) -> BaseAlgorithm:
    """Read a policy that a training here or Stable-Baselines3 saved.

    Args:
        path: the zip file. One of `save_policy` is read without pickle.
        environment: where the policy is to act; one that takes its Dict as one array fits, too.
        algorithm: the class that wrote it, out of `ALGORITHMS`; "auto" reads it off the file, unless its policy is of a
            class of your own, whose module is imported first.
        trust_pickle: take files of other origin, which are unpickled: that runs whatever code whoever wrote them put
            into them. None takes them where `algorithm` is named, as calling that class's own `load` would.
        device: where the policy runs.

    Raises:
        ConfigurationError: no such file, or not one of that algorithm, or of a module that was not imported; a file
            with pickles that are not trusted.
        SpaceMismatchError: the policy was trained in other spaces than the environment's.
    """
    if algorithm not in ("auto", *ALGORITHMS):
        raise ConfigurationError(f"unknown algorithm {algorithm!r}: expected auto, {', '.join(ALGORITHMS)}")
    if path is None or not Path(path).is_file():
        raise ConfigurationError(f"no policy file {str(path)!r}: give the path of a zip file saved by {algorithm}")
    trusted = algorithm != "auto" if trust_pickle is None else trust_pickle
    plain = PlainPolicy.read(Path(path))
    written_by = _written_by(Path(path), algorithm) if plain is None else (plain.algorithm,)
    if algorithm == "auto":
        algorithm = written_by[0]
    elif algorithm not in written_by:
        raise ConfigurationError(
            f"{str(path)!r} is not a policy saved by {algorithm}, but by {' or '.join(written_by)}: choose that one, "
            "or another file"
        )
    if plain is None and not trusted:
        raise ConfigurationError(
            f"{str(path)!r} was not saved by this package, or by an early version of it: it holds Python pickles, and "
            "reading those runs any code that is in them. If you trust its origin, set trust_pickle=true; policies "
            "that trainings here save need it not"
        )
    try:
        if plain is not None:
            model = plain.build(ALGORITHMS[algorithm], device)
        else:
            # A replay buffer is of no use to a policy that acts.
            with former_modules():
                model = ALGORITHMS[algorithm].load(path, device=device, custom_objects={"buffer_size": 1})
    except MTS3Error:
        raise
    except Exception as error:  # Zip, pickle, torch and SB3 all raise errors of their own.
        raise ConfigurationError(
            f"{str(path)!r} is not a policy saved by {algorithm}: {type(error).__name__}: {error}"
        ) from error
    if environment is not None:
        trained = fit_policy_space(model.observation_space, environment.observation_space)
        check_environment_spaces(trained, model.action_space, environment)
    return model


_FORMER = {
    "mbrl_mts3.agents.imagination.learning_policies": "mbrl_mts3.agents.imagination.policies",
    "mbrl_mts3.agents.imagination.standardized_observations": "mbrl_mts3.agents.imagination.networks",
    "mbrl_mts3.agents.imagination.normalised_critic": "mbrl_mts3.agents.imagination.networks",
    "mbrl_mts3.agents.imagination.anchored_critic": "mbrl_mts3.agents.imagination.networks",
    "mbrl_mts3.agents.offline.normalised_features": "mbrl_mts3.agents.offline.base",
}
"""Modules that policy files name which an earlier version wrote, and where their classes are now."""
_FORMER_CLASSES = {"NormalisedCritic": "LayerNormCritic", "AnchoredCritic": "ProximalCritic"}


@contextmanager
def former_modules() -> Iterator[None]:
    """While this is open, pickles find classes of ours by the names that they had before."""
    for former, present in _FORMER.items():
        module = ModuleType(former)
        vars(module).update(vars(importlib.import_module(present)))
        for old, new in _FORMER_CLASSES.items():
            setattr(module, old, vars(module).get(new))
        sys.modules[former] = module
    try:
        yield
    finally:
        for former in _FORMER:
            del sys.modules[former]


def read_policy_facts(path: Path) -> dict[str, Any]:
    """What the JSON in a file of Stable-Baselines3 says in plain values; nothing is unpickled."""
    with zipfile.ZipFile(path) as archive:
        check_archive_size(archive, path)
        return dict(json.loads(archive.read("data")))


def _written_by(path: Path, named: str) -> tuple[str, ...]:
    """The algorithms that a file can be of, read without unpickling it; `named` is what the user says."""
    expected = "Stable-Baselines3" if named == "auto" else named
    try:
        data = read_policy_facts(path)
        module = data["policy_class"]["__module__"]
        module = _FORMER.get(module, module)
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{str(path)!r} is not a policy saved by {expected} ({type(error).__name__}: {error}): give the path of a "
            "zip file that its save method wrote"
        ) from error
    of_policies = {
        "stable_baselines3.sac.policies": ("SAC",),
        "stable_baselines3.td3.policies": ("TD3", "DDPG"),
        # What `make_algorithm` makes.
        "mbrl_mts3.agents.imagination.policies": ("SAC",) if "target_entropy" in data else ("TD3",),
        "mbrl_mts3.agents.offline.iql": ("TD3",),
        "stable_baselines3.common.policies": ("PPO",) if "clip_range" in data else ("A2C",),
    }
    if module not in of_policies and str(module).partition(".")[0] != "stable_baselines3":
        if named != "auto" and module in sys.modules:
            return (named,)
        raise ConfigurationError(
            f"{str(path)!r} holds a policy of a class of {module}: name its algorithm ({', '.join(ALGORITHMS)}), and "
            f"if you trust that module, import it first, in commands with trust={module}"
        )
    if module not in of_policies:
        raise ConfigurationError(
            f"{str(path)!r} holds a policy of {module}, expected one of {', '.join(ALGORITHMS)}, whose actions are "
            "continuous"
        )
    return of_policies[module]


def load_policies(
    environment: gymnasium.Env[Any, Any],
    path: str | Path | Sequence[str | Path] | None,
    *,
    algorithm: str = "auto",
    trust_pickle: bool = False,
    normalization: str | Path | None = None,
    device: str = "cpu",
) -> dict[str, Agent]:
    """Load policies by name, see `find_policies`; those that take a Dict as one array are shown it so.

    Args:
        environment: where they are to act.
        path: of one file or of several, or globs.
        algorithm, trust_pickle: see `load_policy`.
        normalization: the file of the VecNormalize that they were trained in, see `ObservationStatistics`; None for
            policies that take observations as they are.
        device: where the policies run.

    Raises:
        ConfigurationError: as `find_policies`, `load_policy` and `ObservationStatistics.read` do.
        SpaceMismatchError: as `load_policy` and `NormalizingAgent` do.
    """
    patterns = [] if path is None else [path] if isinstance(path, str | Path) else list(path)
    if not patterns:
        raise ConfigurationError("no policy is named: set path to a zip file saved by Stable-Baselines3, or to several")
    found = find_policies(patterns)
    options: dict[str, Any] = {"algorithm": algorithm, "trust_pickle": trust_pickle, "device": device}
    loaded: dict[str, Any] = {name: load_policy(one, environment, **options) for name, one in found.items()}
    if normalization is not None:
        statistics = ObservationStatistics.read(normalization)
        loaded = {name: NormalizingAgent(policy, statistics) for name, policy in loaded.items()}
    return {name: fit_policy(policy, environment.observation_space) for name, policy in loaded.items()}


def check_bounded(actions: spaces.Space[Any]) -> None:
    """Raise ConfigurationError unless actions have finite bounds, which Stable-Baselines3 scales its policies to."""
    if not isinstance(actions, spaces.Box) or not actions.is_bounded():
        raise ConfigurationError(
            f"policies of Stable-Baselines3 need a Box of actions with finite bounds, this is {actions}: wrap the "
            "environment in gymnasium.wrappers.RescaleAction or ClipAction, and collect data with it"
        )


def save_policy(model: BaseAlgorithm, path: str | Path) -> Path:
    """Write the zip of Stable-Baselines3, whole or not at all, under the name that was asked for.

    Beside what its own `load` takes, the file has the policy in plain values (see `PlainPolicy`), by which
    `load_policy` reads it without pickle. What cannot be said so, such as an argument that is a function, is in the
    pickles alone.
    """
    plain: PlainPolicy | None = None
    with suppress(ConfigurationError, DataError):
        name = next(name for kind in type(model).__mro__ for name, known in ALGORITHMS.items() if kind is known)
        plain = PlainPolicy.from_model(model, name)
    with atomic_file(path, overwrite=True) as hidden:
        # Stable-Baselines3 adds .zip to a name without it.
        zipped = hidden.with_suffix(".zip")
        model.save(zipped)
        if plain is not None:
            plain.append_to(zipped)
        zipped.replace(hidden)
    return Path(path)
