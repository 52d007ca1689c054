"""Policies as files."""

from __future__ import annotations

from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm


def save_policy(model: BaseAlgorithm, path: str | Path) -> Path:
    """Write the zip of Stable-Baselines3, whole or not at all, under the name that was asked for."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}-incomplete.zip")
    try:
        model.save(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    return path
