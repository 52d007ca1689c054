"""Pictures of what data covers show the numbers that they are made of."""

from pathlib import Path

import numpy as np
import pytest
from gymnasium import spaces
from matplotlib.patches import Rectangle

from mbrl_mts3.data.checks.coverage import CoverageSample
from mbrl_mts3.data.checks.statistics import compute_statistics
from mbrl_mts3.data.dataset import StreamedDataset
from mbrl_mts3.data.episode import RawEpisode
from mbrl_mts3.errors import ConfigurationError, DataError
from mbrl_mts3.reporting import coverage_figures, png_bytes
from mbrl_mts3.reporting.coverage_plots import histogram_figure, maze_coverage_figure
from mbrl_mts3.reporting.maze_plots import MazeLayout

WALLS = ((1, 1, 1, 1), (1, 0, 0, 1), (1, 1, 1, 1))


def dataset(size: int, env_id: str | None, episodes: int = 4, steps: int = 30, **options: object) -> StreamedDataset:
    generator = np.random.default_rng(0)
    end = np.arange(steps) == steps - 1
    made = [
        RawEpisode(
            generator.uniform(-0.4, 0.4, (steps + 1, size)),
            generator.uniform(-1, 1, (steps, 2)).astype(np.float32),
            np.full(steps, float(number)),
            end & False,
            end,
            episode_id=number,
        )
        for number in range(episodes)
    ]
    box, acts = spaces.Box(-1, 1, (size,), np.float64), spaces.Box(-1, 1, (2,), np.float32)
    return StreamedDataset("mine/data-v0", box, acts, lambda: iter(made), env_id, env_id, env_options=options)


def test_a_sample_is_spread_over_all_episodes() -> None:
    found = compute_statistics(dataset(4, "PointMaze_UMaze-v3"))
    whole, part = CoverageSample.from_statistics(found), CoverageSample.from_statistics(found, count=50)
    assert (len(whole.steps), len(part.steps)) == (120, 30)
    assert set(part.returns) == {0.0, 30.0, 60.0, 90.0}
    assert whole.names == ("x", "y", "vx", "vy")
    first = next(iter(found.dataset.read()))
    np.testing.assert_array_equal(whole.observations[:30], first.observations[:30])
    np.testing.assert_array_equal(whole.actions[:30], first.actions)
    np.testing.assert_array_equal(part.steps[:8], np.arange(0, 30, 4))


@pytest.mark.parametrize(
    ("size", "env_id", "options", "more"),
    [
        (3, None, {}, []),
        (4, "PointMaze_UMaze-v3", {"maze_map": [list(row) for row in WALLS]}, ["maze"]),
        (17, "HalfCheetah-v5", {}, ["speed"]),
    ],
)
def test_known_environments_have_pictures_of_their_own(
    size: int, env_id: str | None, options: dict[str, object], more: list[str]
) -> None:
    found = compute_statistics(dataset(size, env_id, **options))
    drawn = dict(coverage_figures(found, CoverageSample.from_statistics(found)))
    assert list(drawn) == ["returns", "observations", "actions", "projection", *more]
    assert all(png_bytes(figure).startswith(b"\x89PNG") for figure in drawn.values())


def test_histograms_hold_all_values() -> None:
    values = np.random.default_rng(0).normal(size=(500, 3))
    figure = histogram_figure(values, "abc", bounds=(np.array([-9, -np.inf, -1]), np.array([9, np.inf, 1])))
    for axes, name, column, lines in zip(figure.axes, "abc", values.T, (2, 0, 2), strict=False):
        assert axes.get_title(loc="left") == name
        bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        assert sum(bar.get_height() * bar.get_width() for bar in bars) == pytest.approx(1)
        assert bars[0].get_x() == pytest.approx(column.min())
        assert len(axes.lines) == lines
    with pytest.raises(ConfigurationError):
        histogram_figure(values, "ab")


def test_the_maze_is_coloured_where_the_point_has_been() -> None:
    maze = MazeLayout(np.array(WALLS, dtype=bool))
    positions = np.array([[-0.5, 0.1]] * 7 + [[0.9, -0.4]] * 3)
    velocities = np.array([[3.0, 4.0]] * 7 + [[0.0, 2.0]] * 3)
    figure = maze_coverage_figure(maze, positions, velocities)
    for axes, expected in zip(figure.axes, ([7, 3], [5.0, 2.0]), strict=False):
        values = np.ma.asarray(axes.collections[0].get_array()).reshape(24, 32)
        rows, columns = np.nonzero(~np.ma.getmaskarray(values))
        assert {(row, column): values[row, column] for row, column in zip(rows, columns, strict=True)} == {
            (12, 12): expected[0],
            (8, 23): expected[1],
        }


def test_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too few steps"):
        CoverageSample.from_statistics(compute_statistics(dataset(3, None, episodes=1, steps=2)))
