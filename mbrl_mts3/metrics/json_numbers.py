"""Numbers as strict JSON knows them."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor


def json_numbers(value: Any) -> Any:
    """Tensors become nested lists, mappings and sequences are walked, NaN and infinity become None."""
    if isinstance(value, Tensor):
        return json_numbers(value.tolist())
    if isinstance(value, dict):
        return {str(key): json_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_numbers(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
