"""How a program of a peer is asked: orders as lines of JSON come in, answers go out.

What is printed is no answer, so whoever is asked imports this before what may print.
"""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

_ANSWERS, sys.stdout = sys.stdout, sys.stderr


def answer(actions: Mapping[str, Callable[..., Any]]) -> None:
    """Do what the lines on standard input say until there are no more."""
    print(json.dumps("ready"), file=_ANSWERS, flush=True)
    for line in sys.stdin:
        name, given = json.loads(line)
        print(json.dumps(actions[name](**given)), file=_ANSWERS, flush=True)
