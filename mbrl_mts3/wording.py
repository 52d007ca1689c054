"""Numbers in sentences: counts with the right form of their noun, and ranks."""

from __future__ import annotations


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
