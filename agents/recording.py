"""The frame that every way of collecting data shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import gymnasium
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from mbrl_mts3.agents.collection_environment import evaluation_spec
from mbrl_mts3.agents.episode_recorder import EpisodeRecorder
from mbrl_mts3.data.minari_writer import MinariWriter

# Steps between two updates of the progress bar; an update costs about as much as one step.
_BAR_EVERY = 100


@contextmanager
def recording(
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
    """
    with closing(environment):
        writer = MinariWriter(
            dataset_id,
            environment.observation_space,
            environment.action_space,
            env_spec=environment.spec,
            eval_env_spec=evaluation_spec(environment.spec),
            overwrite=overwrite,
            algorithm_name=algorithm_name,
            description=description,
        )
        with writer, _bar(f"collecting {dataset_id}", steps, progress) as advance:
            recorder = EpisodeRecorder(environment, writer.add, advance)
            yield recorder
            recorder.flush()


@contextmanager
def _bar(title: str, steps: int, show: bool) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), disable=not show) as bar:
        task = bar.add_task(title, total=steps)

        def advance(done: int) -> None:
            if done % _BAR_EVERY == 0 or done >= steps:
                bar.update(task, completed=done)

        yield advance
