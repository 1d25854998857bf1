import re

from jupyter_chariots.client.tables import Difference, history_of, served_sets

VERSION = {
    "number": "1.0.1",
    "at": "2026-01-02T03:04:05.678901",
    "pipeline": "train",
    "who": None,
    "facts": {"metrics": {"accuracy": 0.123456789}, "host": "h"},
}


def test_a_history_shows_what_matters_and_is_a_list_of_all():
    candidate = {**VERSION, "number": None, "facts": {}}
    history = history_of([VERSION, candidate])
    assert history == [VERSION, candidate]
    assert repr(history).splitlines() == [
        "number     at                   pipeline  metrics",  # nobody stands under "who"
        "1.0.1      2026-01-02 03:04:05  train     accuracy 0.1235",
        "not saved  2026-01-02 03:04:05  train     –",
    ]
    html = history._repr_html_()
    assert re.findall(r"<td[^>]*>(.*?)</td>", html)[:4] == [
        "1.0.1",
        "2026-01-02 03:04:05",
        "train",
        "accuracy 0.1235",
    ]


def test_a_history_tells_cell_kernel_and_what_it_was_trained_on():
    facts = {
        "notebook": "/home/ann/iris.ipynb",
        "cell": {"execution_count": 3, "source": "class A: pass"},
        "kernel": {"name": "python3", "display_name": "Python 3"},
    }
    upstream = [
        {"op": "pca", "label": "1.0.0", "stateful": True},
        {"op": "data", "label": "ab12c", "stateful": False},
    ]
    history = history_of([{**VERSION, "facts": facts, "trained_on": upstream}])
    assert repr(history).splitlines() == [
        "number  at                   pipeline  notebook        kernel    trained on",
        "1.0.1   2026-01-02 03:04:05  train     iris.ipynb [3]  Python 3  pca 1.0.0",
    ]


def test_served_sets():
    served = {
        "at": "2026-01-02T03:04:05",
        "until": None,
        "who": "ann",
        "cause": "load",
        "numbers": {"pca": "1.0.0", "clf": None},
        "pins": {"pca": "1.0.0"},
    }
    assert repr(served_sets([served])).splitlines() == [
        "from                 who  cause  versions          pinned",
        "2026-01-02 03:04:05  ann  load   pca 1.0.0, clf –  pca 1.0.0",
    ]


def test_nothing_is_an_empty_list():
    assert repr(history_of([])) == "[]"
    assert history_of([])._repr_html_() is None


def test_names_are_not_html():
    assert "<b>" not in history_of([{**VERSION, "pipeline": "<b>"}])._repr_html_()


def test_a_difference_has_a_column_for_each_version():
    found = {
        "levels": ["major", "patch"],
        "state": ["0123456789abcdef", "fedcba9876543210"],
        "facts": {"metrics.accuracy": [0.5, None], "rows": [list(range(99)), 3]},
        "lineage": {"pca": ["1.0.0", "2.0.0"]},
        "source": "-a < b\n+a > b",
    }
    difference = Difference(found, "clf", ("1.0.0", "1.0.1"))
    assert difference == found
    lines = repr(difference).splitlines()
    assert lines[:4] == [
        "clf: the major and patch digests differ",
        "                  " + "1.0.0".ljust(62) + "1.0.1",
        "metrics.accuracy  " + "0.5".ljust(62) + "–",
        "trained on pca    " + "1.0.0".ljust(62) + "2.0.0",
    ]
    assert lines[4].startswith("rows              0, 1, 2")
    assert "…" in lines[4]
    assert lines[5:] == [
        "state             " + "0123456789".ljust(62) + "fedcba9876",
        "-a < b",
        "+a > b",
    ]
    html = difference._repr_html_()
    assert "<pre>-a &lt; b\n+a &gt; b</pre>" in html


def test_no_difference_and_one_of_digests_only():
    assert repr(Difference({}, "clf", ("1.0.0", "1.0.0"))) == "clf: no difference"
    assert Difference({}, "clf", ("1.0.0", "1.0.0"))._repr_html_() == "<p>clf: no difference</p>"
    patched = Difference({"levels": ["patch"]}, "clf", ("1.0.0", "1.0.1"))
    assert repr(patched) == "clf: the patch digests differ"
