import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mbrl_mts3.errors import ConfigurationError
from mbrl_mts3.reporting import Projection


def test_pca_equals_the_singular_value_decomposition() -> None:
    values = np.random.default_rng(0).normal(size=(40, 5)) @ np.diag([5.0, 3.0, 1.0, 0.5, 0.1])
    found = Projection.fit(values)
    left, singular, _ = np.linalg.svd(values - values.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs(found.points), np.abs(left * singular)[:, :2], rtol=1e-6)
    np.testing.assert_allclose(found.explained, (singular**2 / (singular**2).sum())[:2])
    assert f"{found.explained[0]:.0%}" in found.axes[0]


def test_umap_is_asked_with_a_seed_and_fitting_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    class UMAP:
        def __init__(self, **options) -> None:
            asked.update(options)

        def fit_transform(self, values):
            return values[:, :2]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=UMAP))
    values = np.random.default_rng(0).normal(size=(8, 3))
    found = Projection.fit(values, "umap", seed=4)
    np.testing.assert_array_equal(found.points, values[:, :2])
    assert found.axes == ("UMAP 1", "UMAP 2")
    assert found.explained is None
    assert asked["random_state"] == 4
    assert asked["n_neighbors"] == 7


def test_without_umap_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'mbrl_mts3\[umap\]'"):
        Projection.fit(np.zeros((5, 3)), "umap")


def test_bad_input_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="pca, umap"):
        Projection.fit(np.zeros((5, 3)), "tsne")
    for shape in ((2, 5), (5, 1)):
        with pytest.raises(ConfigurationError, match="3 points of 2 dimensions"):
            Projection.fit(np.zeros(shape))
