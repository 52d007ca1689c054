"""Types of numbers that lose something."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mbrl_mts3.data.survey import Survey
from mbrl_mts3.data.traps.finding import Finding

_FLAGS = ("terminations", "truncations")


def dtypes(survey: Survey) -> Iterator[Finding]:
    """Values need float32 or float64, flags need bool, the same in all episodes."""
    for name, found in survey.dtypes.items():
        kinds = {np.dtype(dtype) for dtype in found}
        if name not in _FLAGS and any(dtype.kind not in "biuf" for dtype in kinds):
            yield Finding("error", f"dtype of {name}", f"{name} are {' and '.join(found)}, no numbers", "Convert them")
        elif name in _FLAGS and kinds != {np.dtype(np.bool_)}:
            yield Finding(
                "warning", f"dtype of {name}", f"{name} are {' and '.join(found)}, not bool", "Convert them to bool"
            )
        elif name not in _FLAGS and any(dtype.kind != "f" or dtype.itemsize < 4 for dtype in kinds):
            yield Finding(
                "warning",
                f"dtype of {name}",
                f"{name} are {' and '.join(found)}: fractions are rounded or lost",
                "Record them as float32 or float64",
            )
        elif len(kinds) > 1:
            yield Finding(
                "warning",
                f"dtype of {name}",
                f"{name} are {' and '.join(found)} in different episodes",
                "The data may come from several sources: see that their units agree",
            )
