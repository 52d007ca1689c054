"""Many dimensions as two, to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from sklearn.decomposition import PCA

from mbrl_mts3.errors import ConfigurationError

Array = np.ndarray[Any, np.dtype[Any]]
METHODS = ("pca", "umap")


@dataclass(frozen=True)
class Projection:
    """Points in the plane, with what the axes mean."""

    points: Array
    """(N, 2)."""
    axes: tuple[str, str]
    """Labels."""
    explained: tuple[float, float] | None = None
    """Share of the variance along each axis; None where axes have no such meaning."""

    @classmethod
    def of(cls, values: Array, method: str = "pca", *, seed: int = 0) -> Projection:
        """Project `values` (N, d).

        Args:
            values: at least three rows and two columns.
            method: "pca", or "umap" (McInnes, Healy and Melville, 2018) where umap-learn is installed; distances
                between far points mean little there.
            seed: of UMAP's search.

        Raises:
            ConfigurationError: an unknown method, umap-learn is missing, or too few values.
        """
        if method not in METHODS:
            raise ConfigurationError(f"unknown projection {method!r}: choose one of {', '.join(METHODS)}")
        if values.ndim != 2 or values.shape[0] < 3 or values.shape[1] < 2:
            raise ConfigurationError(
                f"a projection needs at least 3 points of 2 dimensions, got {values.shape}: use longer or more episodes"
            )
        return cls._pca(values) if method == "pca" else cls._umap(values, seed)

    @classmethod
    def _pca(cls, values: Array) -> Projection:
        pca = PCA(n_components=2, svd_solver="full")
        points = pca.fit_transform(values.astype(np.float64))
        first, second = (float(ratio) for ratio in pca.explained_variance_ratio_)
        labels = (f"Component 1 ({first:.0%} of the variance)", f"Component 2 ({second:.0%})")
        return cls(points, labels, (first, second))

    @classmethod
    def _umap(cls, values: Array, seed: int) -> Projection:
        try:
            # Optional, and slow to load.
            umap = import_module("umap")
        except ImportError as error:
            raise ConfigurationError(
                "projection=umap needs umap-learn: pip install 'mbrl_mts3[umap]', or choose projection=pca"
            ) from error
        neighbours = min(15, len(values) - 1)
        mapper = umap.UMAP(n_components=2, n_neighbors=neighbours, random_state=seed, n_jobs=1)
        return cls(np.asarray(mapper.fit_transform(values)), ("UMAP 1", "UMAP 2"))
