"""The Markdown page of a data card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Card = Mapping[str, Any]


def data_card_text(card: Card, findings: Sequence[str] = ()) -> str:
    """Markdown page about a data set.

    Args:
        card: `DataCard.to_json`.
        findings: one line each, as `check` prints them.
    """
    parts = [
        f"# {card['dataset_id']}",
        _facts(card),
        "## Returns and lengths",
        _spreads(card),
        "## Rewards",
        _rewards(card["rewards"]),
        "## Actions",
        _table(card["actions"], "at_bounds"),
    ]
    for leaf, columns in card["observations"].items():
        parts += [f"## Observations: {leaf}", _table(columns)]
    parts += ["## Findings", "\n".join(f"- {line}" for line in findings) or "Nothing was found."]
    return "\n\n".join(parts) + "\n"


def _facts(card: Card) -> str:
    ends = (
        f"{card['terminated_episodes']} terminated, {card['truncated_episodes']} truncated, "
        f"{card['unmarked_episodes']} neither"
    )
    rows = {
        "environment": card["env_id"] or "not known",
        "options": ", ".join(f"{key}={_short(value)}" for key, value in card["env_options"].items()) or "none",
        "step limit": card["max_episode_steps"] or "none known",
        "episodes": f"{card['episodes']:,}",
        "steps": f"{card['total_steps']:,}",
        "episodes end": ends,
        "duplicated episodes": card["duplicated_episodes"],
        "rows with NaN or infinity": sum(card["non_finite_rows"].values()),
        "content hash": f"`{card['content_hash']}`",
        "observation space": _space(card["observation_space"]),
        "action space": _space(card["action_space"]),
        **{name.replace("_", " "): _short(value) for name, value in card["metadata"].items()},
    }
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows.items())


def _space(space: Any) -> str:
    if not isinstance(space, Mapping):
        return str(space)
    if space["type"] == "Dict":
        return ", ".join(f"{key}: {_space(part)}" for key, part in space["spaces"].items())
    return f"Box{tuple(space['shape'])} {space['dtype']}"


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return (text if len(text) <= 160 else f"{text[:157]}...").replace("|", "\\|").replace("\n", " ")


def _spreads(card: Card) -> str:
    shares = list(card["returns"]["quantiles"])
    titles = ["min" if share == "0" else "max" if share == "1" else f"{float(share):.0%}" for share in shares]
    rows = [["", "mean", "sd", *titles]]
    for name in ("returns", "lengths"):
        spread = card[name]
        rows.append(
            [name, *(_number(value) for value in (spread["mean"], spread["sd"], *spread["quantiles"].values()))]
        )
    return _markdown(rows)


def _rewards(rewards: Card) -> str:
    numbers = ", ".join(f"{name} {_number(rewards[name])}" for name in ("mean", "sd", "min", "max"))
    described = [f"{name}: {rewards[name]}" for name in ("timing", "meaning") if name in rewards]
    return "\n".join(f"- {line}" for line in [numbers, *described])


def _table(columns: Sequence[Card], *more: str) -> str:
    titles = ("name", "mean", "sd", "min", "max", *more)
    rows = [[name.replace("_", " ") for name in titles]]
    for column in columns:
        shares = [_share(column[name]) for name in more]
        name = column["name"] + (" (constant)" if column["constant"] else "")
        rows.append([name, *(_number(column[title]) for title in titles[1:5]), *shares])
    return _markdown(rows)


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    header, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([header, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *body])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
