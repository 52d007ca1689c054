"""All known traps, tried on one data set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps import EPISODE_TRAPS, LAYOUT, SURVEY_TRAPS, Finding


def find_traps(survey: Survey) -> tuple[Finding, ...]:
    """Read the data set once more and tell what is wrong with it, errors first.

    Args:
        survey: of the data set to look at.

    Returns:
        One finding for each name; the place is that of the first occurrence.
    """
    found: list[Finding] = [finding for trap in SURVEY_TRAPS for finding in trap(survey)]
    together = _Together()
    for episode in survey.dataset.read():
        broken = list(LAYOUT(episode, survey))
        together.add(broken)
        if not broken:
            for trap in EPISODE_TRAPS:
                together.add(trap(episode, survey))
    found += together.findings
    return tuple(sorted(found, key=lambda finding: (finding.severity, finding.name)))


class _Together:
    """Keeps the first finding of each kind and counts the episodes of the others: a damaged set may have millions."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], Finding] = {}

    def add(self, findings: Iterable[Finding]) -> None:
        for finding in {(finding.severity, finding.name): finding for finding in findings}.values():
            key = (finding.severity, finding.name)
            known = self._first.get(key)
            self._first[key] = finding if known is None else replace(known, occurrences=known.occurrences + 1)

    @property
    def findings(self) -> list[Finding]:
        return list(self._first.values())
