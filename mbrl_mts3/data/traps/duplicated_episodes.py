"""Episodes that are there twice."""

from __future__ import annotations

from collections.abc import Iterator

from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding


def duplicated_episodes(survey: Survey) -> Iterator[Finding]:
    """A copy in the training data tells a model the answers of the test data."""
    first: dict[str, int] = {}
    copies: list[tuple[int, int]] = []
    for episode_id, digest in zip(survey.episode_ids.tolist(), survey.hashes, strict=True):
        if digest in first:
            copies.append((episode_id, first[digest]))
        first.setdefault(digest, episode_id)
    if copies:
        shown = ", ".join(f"{copy} = {original}" for copy, original in copies[:5])
        more = f" and {len(copies) - 5} more" if len(copies) > 5 else ""
        yield Finding(
            "error",
            "duplicated-episodes",
            f"{len(copies)} of {len(survey.hashes)} episodes equal an earlier one, value by value: {shown}{more}",
            "Drop the copies before the data is split",
            copies[0][0],
        )
