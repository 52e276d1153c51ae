"""Reading `results/` from a lesson."""

import numpy as np
import pytest

from segcore import results
from segcore.errors import InputError

RUNS = [
    {"arm": "a", "seed": 0, "score": 0.5},
    {"arm": "b", "seed": 0, "score": 0.1},
    {"arm": "a", "seed": 1, "score": 0.7},
    {"arm": "b", "seed": 1, "score": 0.4},
]


def test_a_table_has_mean_and_spread():
    table = results.table(RUNS, "arm", ["score"])
    # The sample deviation of .5 and .7 is .2 over the root of 2.
    assert table.loc["a", "score"] == "0.600 ± 0.141"
    assert list(table.index) == ["a", "b"] and list(table["seeds"]) == [2, 2]
    single = results.table(RUNS, ["arm", "seed"], ["score"])
    assert single.loc[("b", 1), "score"] == "0.400"


def test_a_table_has_one_row_of_heads():
    for by, corner in (("arm", "arm"), (["arm", "seed"], "arm, seed")):
        shown = results.table(RUNS, by, ["score"])
        assert shown.columns.name == corner
        head = shown.to_html().split("</thead>")[0]
        assert head.count("<tr") == 1 and f"<th>{corner}</th>" in head


def test_seeds_are_compared_with_themselves():
    np.testing.assert_allclose(results.signs(RUNS, "a", "b", "score"), [0.4, 0.3])


def test_a_missing_file_is_named():
    with pytest.raises(InputError, match=r"results/no_such_thing\.json"):
        results.load("no_such_thing")
