"""Names that are close to one that does not exist."""

from mbrl_mts3.errors import close_match, nearest_names


def test_the_nearest_comes_first():
    assert nearest_names("gru_dep", ["lstm", "gru", "gru_deep"]) == ["gru_deep", "gru"]
    assert nearest_names("gru_dep", ["lstm", "gru", "gru_deep"], most=1) == ["gru_deep"]


def test_any_name_will_do_without_a_cutoff():
    assert set(nearest_names("x", {"gru": 1, "lstm": 2}, cutoff=0.0)) == {"gru", "lstm"}


def test_a_hint_is_given_where_a_name_is_close():
    assert close_match("grus", ["lstm", "gru"]) == " (did you mean gru?)"
    assert close_match("x", ["lstm", "gru"]) == ""
    assert close_match("x", []) == ""
