"""A process that ends at any named point leaves what it did undone, or done wholly.

Kernel, Jupyter server, worker and replica are real, and end themselves by SIGKILL. All points that
a step passes are tried in the long form, one after the other, also those that are added later.
"""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from jupyter_chariots.faults import Point

from .acts import ACTS
from .lab import audit


def test_each_named_point_is_passed(lab):
    """So none is missed below."""
    passed = set()
    for make in ACTS.values():
        act = make(lab)
        act.prepare()
        lab.watch()
        assert act.do()
        found = {line.partition(" ")[2] for line in lab.passed()}
        assert {cut.partition(" ")[2] for cut in act.short} <= found
        passed |= found
    assert passed == set(get_args(Point))


@pytest.mark.parametrize("name", ACTS)
def test_what_is_cut_off_is_undone_or_done(lab, long, told, noted, name):
    act = ACTS[name](lab)
    cuts = [f"{cut} 1" for cut in act.short]
    if long:
        act.prepare()
        lab.watch()
        assert act.do()
        times = Counter(lab.passed())
        cuts = [f"{line} {n + 1}" for line in times for n in range(times[line])]
    whole = made = 0
    for cut in cuts:
        act.prepare()
        before = act.look()
        lab.watch(cut)
        answered = act.do()
        made += lab.recover(cut)
        found = act.look()
        assert act.do(), f"not done again after {cut}"
        after = act.look()
        assert set(found) <= set(before) | set(after)
        halves = [
            (part, found[part])
            for part in found
            if found[part] not in (before.get(part), after.get(part))
        ]
        assert not halves, (cut, halves)
        if answered:
            assert found == after, f"answered, and undone after {cut}"
        whole += 1
    noted("points at which a process was killed", made)
    told("left undone or done, and done again", len(cuts), whole)
    audit(lab, told)
