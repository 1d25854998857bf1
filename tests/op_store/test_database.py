from __future__ import annotations

import subprocess
import sys
import threading
from importlib.machinery import ModuleSpec

import pytest

from jupyter_chariots.op_store.database import hidden


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_store_brings_neither_numpy_nor_pandas() -> None:
    code = "import sys, jupyter_chariots.op_store; print({'numpy', 'pandas'} & {*sys.modules})"
    assert run(code) == "set()"


@pytest.mark.parametrize("before", ["", "import numpy", "import sqlite_utils"])
def test_sqlite_utils_of_other_code_knows_their_types(before: str) -> None:
    code = f"""
{before}
import jupyter_chariots.op_store, numpy, pandas, sqlite_utils
db = sqlite_utils.Database(memory=True)
db["t"].insert({{"n": numpy.int64(1), "at": pandas.Timestamp("2020-01-01")}})
print(db["t"].columns_dict)
db.close()
"""
    assert run(code) == "{'n': <class 'int'>, 'at': <class 'str'>}"


def find(name: str) -> ModuleSpec | None:
    """As an import does, past what ``importlib.util`` itself looks at first."""
    found = (finder.find_spec(name, None) for finder in sys.meta_path)
    return next((spec for spec in found if spec is not None), None)


def test_only_this_thread_is_told_so_and_only_meanwhile() -> None:
    found: list[ModuleSpec | None] = []
    with hidden("pandas_of_the_test", from_="user_of_the_test"):
        with pytest.raises(ModuleNotFoundError, match="pandas_of_the_test"):
            find("pandas_of_the_test")
        assert find("statistics") is not None
        other = threading.Thread(target=lambda: found.append(find("pandas_of_the_test")))
        other.start()
        other.join()
    found.append(find("pandas_of_the_test"))
    assert found == [None, None]
