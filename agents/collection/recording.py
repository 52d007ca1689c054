"""Recording of episodes from a real environment into a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mbrl_mts3.array_types import Array
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.data.formats.minari_writer import MinariWriter
from mbrl_mts3.data.nested import space_leaves
from mbrl_mts3.data.observations import copy_observation, stack_observations
from mbrl_mts3.envs import is_goal_maze
from mbrl_mts3.envs.checked import CheckedEnvironment
from mbrl_mts3.errors import ConfigurationError


class EpisodeRecorder(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Passes every finished episode on, whoever acts; an episode that a reset cuts short counts as truncated.

    Args:
        env: any environment.
        sink: takes each episode.
        on_step: called with the number of steps so far after each of them, for a progress bar.

    Attributes:
        steps, episodes, total_return: of everything so far; episodes and rewards count once they are passed on.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        sink: Callable[[RawEpisode], None],
        on_step: Callable[[int], None] | None = None,
    ) -> None:
        super().__init__(CheckedEnvironment(env))
        self._sink = sink
        self._on_step = on_step
        self._seed: int | None = None
        self.steps = self.episodes = 0
        self.total_return = 0.0
        self._clear()

    def _clear(self) -> None:
        self._observations: list[Any] = []
        self._infos: list[dict[str, Any]] = []
        self._actions: list[Array] = []
        self._outcomes: list[tuple[float, bool, bool]] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.flush()
        observation, info = super().reset(seed=seed, options=options)
        self._seed = seed
        self._observations.append(copy_observation(observation))
        self._infos.append(info)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = super().step(action)
        self._observations.append(copy_observation(observation))
        self._infos.append(info)
        self._actions.append(np.array(action))
        self._outcomes.append((float(reward), bool(terminated), bool(truncated)))
        self.steps += 1
        if self._on_step is not None:
            self._on_step(self.steps)
        if terminated or truncated:
            self.flush()
        return observation, reward, terminated, truncated, info

    def flush(self) -> None:
        """Pass on the episode so far, if it has a step."""
        if self._outcomes:
            rewards, terminations, truncations = (np.array(column) for column in zip(*self._outcomes, strict=True))
            truncations[-1] |= not terminations[-1]
            episode = RawEpisode(
                observations=stack_observations(self._observations),
                actions=np.stack(self._actions),
                rewards=rewards,
                terminations=terminations,
                truncations=truncations,
                infos=_collect(self._infos),
                seed=self._seed,
            )
            self.episodes += 1
            self.total_return += float(rewards.sum())
            self._sink(episode)
        self._clear()


def _collect(infos: list[dict[str, Any]]) -> dict[str, Array]:
    """Numbers and arrays that every step carries: T + 1 rows where the reset carries them too, else T."""
    found = {}
    for key, last in infos[-1].items():
        # Lists are left out: their length, and with it their type, changes from step to step.
        if isinstance(last, bool | int | float | np.generic | np.ndarray):
            rows = infos if key in infos[0] else infos[1:]
            values = [np.asarray(info[key]) for info in rows if key in info]
            if len(values) == len(rows) and values[0].dtype.kind in "biuf" and len({v.shape for v in values}) == 1:
                found[key] = np.stack(values)
    return found


# Steps between two updates of the progress bar; an update costs about as much as one step.
_BAR_EVERY = 100


@contextmanager
def record_dataset(
    environment: gymnasium.Env[Any, Any],
    dataset_id: str,
    steps: int,
    *,
    overwrite: bool = False,
    progress: bool = True,
    algorithm_name: str = "",
    description: str = "",
) -> Iterator[EpisodeRecorder]:
    """Store what the environment sees while this context is open; at its end the data set appears, or at an error none.

    Args:
        environment: closed at the end.
        dataset_id: name of the data set.
        steps: expected, for the progress bar.
        overwrite: replace a data set of that id.
        progress: show a bar.
        algorithm_name: what acts.
        description: for people.

    Raises:
        DataError: the id is malformed or taken; raised before any step.
        ConfigurationError: its observations cannot be stored and read again; raised before any step.
    """
    with closing(environment):
        _check_storable(environment)
        writer = MinariWriter(
            dataset_id,
            environment.observation_space,
            environment.action_space,
            env_spec=storable_spec(environment.spec),
            eval_env_spec=evaluation_spec(storable_spec(environment.spec)),
            overwrite=overwrite,
            algorithm_name=algorithm_name,
            description=description,
        )
        with writer, _bar(f"collecting {dataset_id}", steps, progress) as advance:
            recorder = EpisodeRecorder(environment, writer.add, advance)
            yield recorder
            recorder.flush()


def _check_storable(environment: gymnasium.Env[Any, Any]) -> None:
    """Raise ConfigurationError where observations could not be stored, or nobody could learn from them."""
    leaves = [space for _, space in space_leaves(CheckedEnvironment(environment).observation_space)]
    texts = [space for space in leaves if isinstance(space, spaces.Text)]
    if texts or not any(isinstance(space, spaces.Box) and len(space.shape) == 1 for space in leaves):
        wanted = "numbers in place of text" if texts else "at least one Box of one dimension"
        raise ConfigurationError(
            f"what {environment} shows cannot be learned from ({environment.observation_space}): expected {wanted}; "
            "wrap it, for example in gymnasium.wrappers.FlattenObservation"
        )


@contextmanager
def _bar(title: str, steps: int, show: bool) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), disable=not show) as bar:
        task = bar.add_task(title, total=steps)

        def advance(done: int) -> None:
            if done % _BAR_EVERY == 0 or done >= steps:
                bar.update(task, completed=done)

        yield advance


EnvironmentFactory: TypeAlias = Callable[..., gymnasium.Env[Any, Any]]


def collection_options(environment_id: str) -> dict[str, Any]:
    """Arguments for collecting: a maze shall sample a new goal where one is reached, instead of ending the episode."""
    return {"continuing_task": True, "reset_target": True} if is_goal_maze(environment_id) else {}


def storable_spec(spec: EnvSpec | None) -> EnvSpec | None:
    """The specification as it can be stored: a class that is the entry point by its name.

    Raises:
        ConfigurationError: it holds arguments that are no plain values.
    """
    if spec is None:
        return None
    found: Any = deepcopy(spec)
    for name in ("entry_point", "vector_entry_point"):
        made = getattr(found, name)
        if callable(made):
            setattr(found, name, f"{made.__module__}:{getattr(made, '__qualname__', type(made).__name__)}")
    try:
        found.to_json()
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"the environment {spec.id} cannot be noted in a data set ({error}): give it arguments that are numbers, "
            "text, lists and dicts of such"
        ) from error
    stored: EnvSpec = found
    return stored


def evaluation_spec(spec: EnvSpec | None) -> EnvSpec | None:
    """The environment to judge policies in, where it differs from the one that data was collected in."""
    if spec is None or not is_goal_maze(spec.id):
        return None
    judged = deepcopy(spec)
    judged.kwargs = {**spec.kwargs, "continuing_task": False, "reset_target": False}
    return judged


@dataclass(frozen=True)
class CollectionSummary:
    """Counts and times of one collected data set."""

    dataset_id: str
    episodes: int
    steps: int
    mean_return: float
    """Sum of rewards, mean over episodes."""
    seconds: float
    """All work included."""

    @classmethod
    def from_recorder(cls, recorder: EpisodeRecorder, dataset_id: str, seconds: float) -> CollectionSummary:
        """Of a recorder that has passed all its episodes on."""
        mean_return = recorder.total_return / max(recorder.episodes, 1)
        return cls(dataset_id, recorder.episodes, recorder.steps, mean_return, seconds)
