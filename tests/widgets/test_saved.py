from __future__ import annotations

import json
from datetime import datetime, timezone

from jupyter_chariots.widgets.saved import kept

AT = datetime(2026, 11, 22, 12, 4, tzinfo=timezone.utc)


def test_only_what_is_shown_is_kept():
    pipeline = {
        "name": "p",
        "is_loaded": True,
        "reason": None,
        "last_error": {"message": "a secret"},
        "token": "a secret",
    }
    job = {"id": "j", "status": "failed", "who": "ann", "error": {"message": "a secret"}}
    found = kept("p", [pipeline], [job], AT)
    assert found == {
        "protocol": 1,
        "pipeline": "p",
        "at": "2026-11-22T12:04:00+00:00",
        "pipelines": [{"name": "p", "is_loaded": True}],
        "jobs": [{"id": "j", "status": "failed"}],
    }
    assert json.loads(json.dumps(found)) == found
