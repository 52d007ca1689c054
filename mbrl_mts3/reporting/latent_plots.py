"""Figures of slow latents in a projection to two dimensions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from mbrl_mts3.array_types import Array
from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.reporting.style import GREY, new_figure, set_title, styled

_COLUMNS = 3


@styled
def latent_figure(projection: Projection, episode: Array, colours: Mapping[str, Array], *, title: str = "") -> Figure:
    """The same points in one panel for each colouring; a thin line joins the points of an episode.

    Args:
        projection: of N points.
        episode: (N,): index of the episode of each point; points of an episode are in the order of time.
        colours: values (N,) by their label, such as {"step of the episode": ...}.
        title: above all panels.

    Raises:
        ConfigurationError: no colours, or another number of values than of points.
    """
    count = len(projection.points)
    wrong = [name for name, values in colours.items() if np.shape(values) != (count,)]
    if not colours or wrong:
        raise ConfigurationError(
            f"expected at least one colouring, each with one value for each of {count} points; of another shape: "
            f"{wrong or 'none'}"
        )
    columns = 2 if len(colours) == 4 else min(len(colours), _COLUMNS)
    rows = -(-len(colours) // columns)
    figure = new_figure(4.4 * columns + 0.6, 3.8 * rows + (0.4 if title else 0.0))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(colours) :]:
        axes.set_axis_off()
    for axes, (name, values) in zip(panels, colours.items(), strict=False):
        for number in np.unique(episode):
            axes.plot(*projection.points[episode == number].T, color=GREY, lw=0.4, alpha=0.35, zorder=1)
        points = axes.scatter(*projection.points.T, c=values, cmap="viridis", s=7, linewidths=0, zorder=2)
        figure.colorbar(points, ax=axes, label=name)
        axes.set(xlabel=projection.axes[0], ylabel=projection.axes[1])
    set_title(figure, title)
    return figure


METHODS = ("pca", "umap")


@dataclass(frozen=True)
class Projection:
    """Points projected to the plane, with the labels of the axes."""

    points: Array
    """(N, 2)."""
    axes: tuple[str, str]
    """Labels."""
    explained: tuple[float, float] | None = None
    """Share of the variance along each axis; None for a method whose axes explain no share."""

    @classmethod
    def fit(cls, values: Array, method: str = "pca", *, seed: int = 0) -> Projection:
        """Project `values` (N, d) to two dimensions.

        Args:
            values: at least three rows and two columns.
            method: "pca", or "umap" (McInnes, Healy and Melville, 2018), which needs umap-learn; there, distances
                between far points have little meaning.
            seed: of UMAP.

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
