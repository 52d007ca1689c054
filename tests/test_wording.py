"""Counts and ranks in words."""

from mbrl_mts3.wording import counted, ordinal


def test_counts_have_the_form_of_their_noun() -> None:
    assert [counted(number, "warning") for number in (0, 1, 2)] == ["0 warnings", "1 warning", "2 warnings"]
    assert counted(12345, "episode") == "12,345 episodes"
    assert [counted(number, "entry", "entries") for number in (1, 2)] == ["1 entry", "2 entries"]


def test_ranks() -> None:
    assert [ordinal(number) for number in (1, 2, 3, 4, 11, 12, 21, 111)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "111th",
    ]  # fmt: skip
