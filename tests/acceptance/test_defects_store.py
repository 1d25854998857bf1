"""Defects of Chariots 0.2 in its op store: gone. What other tests show:

unsigned bytes were unpickled
    → acceptance/test_faults.py::test_a_hostile_state_is_refused_before_it_is_opened
    → acceptance/test_faults.py::test_a_server_neither_opens_it_nor_reports_it_as_loaded
paths of blobs led out of the folder
    → op_store/test_savers.py::test_leaving_the_root_is_refused
    → op_store/test_savers.py::test_leaving_the_root_by_a_link_is_refused
    → server/test_bad_requests.py::test_odd_names_are_404_and_harmless
a pipeline registered twice broke pipeline_exists for ever
    → op_store/test_familiar.py::test_pipelines
version numbers were 1, 2, 2, 2 for four majors
    → op_store/test_versions.py::test_each_major_has_its_own_number
a version was listed although its bytes were never written
    → acceptance/test_cut_off.py::test_it_is_as_it_was_or_whole
a missing key, an unknown op, an unparsable version were 500
    → acceptance/test_defects_client.py::test_each_error_of_the_store_is_one_of_its_own
    → server/test_bad_requests.py::test_a_wrong_parameter_is_400_and_named
there was no listing and no delete
    → server/test_pipelines.py::test_ops_their_versions_and_a_diff
    → op_store/test_gc.py::test_saved_versions_stay_unless_asked
    → op_store/test_definitions.py::test_an_ended_pipeline_is_not_found
"""

from __future__ import annotations

import base64
import os
import sqlite3
import threading
from contextlib import closing

import pytest

from jupyter_chariots import SequentialRunner, Version, errors
from jupyter_chariots.op_store import FileSaver

from ..live import wait_for
from . import cut


@pytest.fixture
def store(tmp_path):
    with cut.open_store(tmp_path / "root" / ".chariots" / "op_store.db") as store:
        yield store


def files_below(folder):
    return {path for path in folder.rglob("*") if not path.name.startswith("op_store.db")}


@pytest.mark.parametrize(
    "name",
    ["../evil", "/evil", "a/../../evil", "..", "a\\evil", "a\0b", "", ".evil", "é", "n" * 129],
)
def test_the_name_of_an_op_is_no_path(store, tmp_path, name):
    """Reading and writing, it was."""
    before = files_below(tmp_path)
    for payload in (b"small", b"large" * 20_000):
        with pytest.raises(errors.InvalidName):
            store.save_op_bytes(name, Version(), payload)
    for read in (
        lambda: store.get_op_bytes_for_version(name, Version()),
        lambda: store.get_op_bytes_for_version(name, "1.0.0"),
        lambda: store.history(name),
    ):
        with pytest.raises(errors.NotFound):
            read()
    new = files_below(tmp_path) - before
    assert all(store.path.with_suffix(".blobs") in (path, *path.parents) for path in new)
    assert store.ops() == []


def rows(store):
    with closing(sqlite3.connect(store.path)) as db:
        tables = ("versions", "lineages", "links", "blobs", "ops")
        return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone() for table in tables}


def test_saving_again_adds_no_links(store):
    """The same link was inserted on every save."""
    trainer = cut.training()
    SequentialRunner().run(trainer, [1, 3])
    trainer.save(store)
    once = rows(store)
    assert once["links"] == (1,)
    for _ in range(3):
        trainer.save(store)
        cut.run(store, [1, 3], promote=True)
        again = cut.training()
        again.load(store)
        again.save(store)
        user = cut.prediction()
        user.load(store)
        SequentialRunner().run(user, [2])
        user.save(store)
    assert rows(store) == once


def test_each_version_that_is_listed_can_be_read(store):
    """It was listed before its bytes were written."""
    done = threading.Event()
    seen, wrong = set(), []

    def look():
        with cut.open_store(store.path) as other:
            while not done.is_set():
                for op in ("mean", "largest"):
                    for version in other.get_all_versions_of_op(op) or ():
                        try:
                            assert other.read(op, version)
                            seen.add((op, version))
                        except BaseException as error:
                            wrong.append(error)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for number in range(1, 8):
            cut.run(store, [number, 3 * number], promote=True)
        wait_for(lambda: wrong or len(seen) == 14, "all versions")
    finally:
        done.set()
        for looker in lookers:
            looker.join()
    assert wrong == []


def test_a_file_is_never_seen_half_written(tmp_path):
    """Files were written in place."""
    saver = FileSaver(tmp_path)
    contents = [bytes([number]) * 1_000_000 for number in range(10)]
    saver.save(contents[0], "state")
    done = threading.Event()
    seen = []

    def look():
        while not done.is_set():
            seen.append(hash(bytes(saver.load("state"))))  # kept, they would fill the memory

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for content in contents * 3:
            saver.save(content, "state")
        wait_for(lambda: len(seen) > 3, "some reads")
    finally:
        done.set()
        looker.join()
    assert set(seen) <= {hash(content) for content in contents}
    assert os.listdir(tmp_path) == ["state"]


def test_states_never_travel_as_text(store):
    """Bad base64 was 500; states now go as the bytes that they are."""
    payload = bytes(range(256)) * 300
    version = Version()
    store.save_op_bytes("imported", version, payload)
    assert store.get_op_bytes_for_version("imported", version) == payload
    with closing(sqlite3.connect(store.path)) as db:
        assert base64.b64encode(payload)[:60] not in "".join(db.iterdump()).encode()


def test_what_is_deleted_is_listed_no_more(store):
    for numbers in ([1, 3], [3, 9], [5, 15]):
        cut.run(store, numbers, promote=True)
    assert {op.name for op in store.ops()} == {"mean", "largest"}
    assert len(store.history("mean")) == 3
    files = files_below(store.path.with_suffix(".blobs"))
    removed = store.gc(keep=1)
    assert removed.versions == 4
    readable = [one for one in store.history("mean") if one.size is not None]
    assert [one.number for one in readable] == ["3.0.0"]
    assert len(files_below(store.path.with_suffix(".blobs"))) < len(files)
    with pytest.raises((errors.BlobMissing, errors.VersionNotFound)):
        store.read("mean", "1.0.0")
