"""Words for numbers and files: counts with the right form of their noun, ranks, short names of paths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A count with its noun: 1 warning, 0 warnings, 1,234 warnings.

    Args:
        number: how many there are.
        noun: for one.
        plural: for several; None adds an s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def ordinal(number: int) -> str:
    """A number as a rank: 1st, 2nd, 3rd, 4th."""
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ends.get(number % 10, 'th')}"


def shortest_names(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of paths that tell them apart, such as 0/policy of runs/bc/0/policy.

    Paths that are equal cannot be told apart, and keep their whole length.
    """
    whole = [path.parts for path in paths]
    for length in range(1, max(map(len, whole), default=0) + 1):
        names = ["/".join(parts[-length:]) for parts in whole]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]
