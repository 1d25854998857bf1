"""An op store that is full, locked, read-only, damaged, or on a file system without WAL.

What is asked for is done or refused with the reason; nothing is half there, what is served goes on,
and as soon as the store is well again, so is the server.
"""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..disks import fill, locked, remount, small_disk
from ..live import wait_for
from .acts import ACTS
from .lab import Lab, Refused, audit

DISK = 12 << 20


@pytest.fixture
def own(tmp_path):
    """Makes servers of one's own that have trained and serve something."""
    labs = []

    def make(**options):
        made = Lab(tmp_path, **options)
        made.server.start()
        labs.append(made)
        made.train()
        assert made.ask("pipelines/use/load") == {}
        assert made.served() == made.k
        return made

    yield make
    for made in labs:
        made.server.stop()
        assert made.no_orphan() == 0


def post(lab, route, body=None):
    """The answer, whatever it is."""
    return lab.server.post(route, body)


def refused(answer):
    """Whether it says that it is the store that cannot."""
    return answer.status in (500, 503) and answer.body["code"] in ("store_error", "store_busy")


# -- full, read-only ------------------------------------------------------------------------------


def test_a_disk_that_is_full(own, tmp_path, told, noted):
    with small_disk(tmp_path / "root" / ".chariots", DISK):
        lab = own()
        acts = {name: ACTS[name](lab) for name in ("fit", "save", "load", "register")}
        refusals = 0
        for act in acts.values():
            act.prepare()
            before = act.look()
            ballast = lab.database.parent / "ballast"
            fill(ballast)
            try:
                done = attempt(act)
                serves = lab.served()
            finally:
                ballast.unlink()
            refusals += not done
            found = act.look()
            assert found == before or done, act
            assert act.do(), act
            after = act.look()
            for part in found:
                assert found[part] in (before.get(part), after.get(part)), part
            assert serves in (before.get("answers", serves), after.get("answers", serves))
        assert refusals >= 3, "the disk was not full"
        noted("refused on the full disk, done later", f"{refusals} of {len(acts)}")
        audit(lab, told)
        lab.server.stop()
        assert lab.no_orphan() == 0


def attempt(act):
    """Do it; a refusal must say that it is the store."""
    try:
        return act.do()
    except Refused as error:
        body = error.body
    assert (body["code"], "space left" in body["hint"]) == ("store_error", True), body
    return False


@pytest.mark.long
def test_a_store_that_cannot_be_written(own, tmp_path, told):
    folder = tmp_path / "root" / ".chariots"
    with small_disk(folder, DISK):
        lab = own()
        lab.server.stop()
        remount(folder, "ro")
        lab.server.start()
        answers = [
            post(lab, "pipelines/train/main", {"pipeline_input": [0, 2]}),
            post(lab, "pipelines/train/save"),
            post(lab, "pipelines/use/load"),
        ]
        told("refused, for it is read-only", 3, sum(map(refused, answers)))
        assert all("writable" in answer.body["hint"] for answer in answers)
        remount(folder, "rw")
        assert lab.served() == lab.k
        lab.train()
        audit(lab, told, saved=2)
        lab.server.stop()


# -- locked ---------------------------------------------------------------------------------------


def test_a_store_that_another_process_keeps_locked(lab, long, told):
    lab.k += 1
    trained = lab.ask("pipelines/train/main", {"pipeline_input": [0, 2 * lab.k]})
    with ThreadPoolExecutor(4) as pool:
        with locked(lab.database):
            save = pool.submit(post, lab, "pipelines/train/save", {"run_id": trained["run_id"]})
            load = pool.submit(post, lab, "pipelines/use/load")
            fit = pool.submit(post, lab, "pipelines/train/main", {"pipeline_input": [0, 1]})
            # who only reads does not wait
            assert lab.served() < lab.k
            assert lab.server.get("snapshot").status == 200
            if long:
                # longer than anybody waits for a lock
                answers = [each.result() for each in (save, load, fit)]
                told("busy while it is locked", 3, sum(one.status == 503 for one in answers))
                assert all(one.headers.get("Retry-After") for one in answers)
            else:
                assert not save.done()
        if not long:
            told("done when the lock is gone", 3, sum(
                one.result().status == 200 for one in (save, load, fit)
            ))  # fmt: skip
    assert lab.ask("pipelines/train/save", {"run_id": trained["run_id"]}) == {}
    assert lab.ask("pipelines/use/load") == {}
    assert lab.served() == lab.k
    audit(lab, told)


# -- damaged --------------------------------------------------------------------------------------


def damaged(lab, how):
    """Damage the database of a server that is gone."""
    path = lab.database
    data = bytearray(path.read_bytes())
    log = path.with_name("op_store.db-wal")
    match how:
        case "cut in half":
            path.write_bytes(data[: len(data) // 2])
        case "garbage":
            data[4096:] = b"\xa5" * (len(data) - 4096)
            path.write_bytes(data)
        case "no database":
            path.write_bytes(b"what a pity " * 1000)
        case "log torn":
            content = log.read_bytes()
            log.write_bytes(content[: len(content) * 2 // 3])
        case "log gone":
            log.unlink()
    if how in ("cut in half", "garbage", "no database"):
        log.unlink(missing_ok=True)
        path.with_name("op_store.db-shm").unlink(missing_ok=True)


@pytest.mark.parametrize(
    "how",
    [
        pytest.param("cut in half", marks=pytest.mark.long),
        "garbage",
        pytest.param("no database", marks=pytest.mark.long),
    ],
)
def test_a_damaged_store_is_told_and_a_backup_is_as_good_as_new(own, tmp_path, told, how):
    lab = own()
    lab.server.stop()
    backup = tmp_path / "backup"
    shutil.copytree(lab.database.parent, backup)
    damaged(lab, how)
    lab.server.start()
    answers = [
        lab.server.get("ops"),
        post(lab, "pipelines/train/main", {"pipeline_input": [0, 2]}),
        post(lab, "pipelines/use/load"),
    ]
    told("refused, for it is damaged", 3, sum(map(refused, answers)))
    assert all("damaged" in answer.body["message"] for answer in answers), answers
    assert all("backup" in answer.body["hint"] for answer in answers)
    assert lab.server.get("snapshot").status in (200, 500)
    lab.server.stop()
    shutil.rmtree(lab.database.parent)
    shutil.copytree(backup, lab.database.parent)
    lab.server.start()
    assert lab.served() == lab.k
    lab.train()
    audit(lab, told, saved=2)


@pytest.mark.long
@pytest.mark.parametrize("how", ["log torn", "log gone"])
def test_a_log_that_is_torn_or_gone_leaves_what_was_there_before(own, told, how):
    lab = own()
    lab.server.stop()  # all that was written is in the database
    lab.server.start()
    saved = 1
    for _ in range(3):
        lab.train()
        saved += 1
    lab.server.process.kill()
    lab.server.process.wait()
    lab.server.process = None
    assert lab.no_orphan() == 0
    damaged(lab, how)
    lab.server.start()
    assert lab.served() == 1
    ((kept,),) = lab.rows("SELECT count(*) FROM runs WHERE saved IS NOT NULL")
    assert 1 <= kept <= saved
    lab.train()
    assert lab.ask("pipelines/use/load") == {}
    assert lab.served() == lab.k
    audit(lab, told, saved=kept + 1)


# -- without WAL ----------------------------------------------------------------------------------


def test_a_file_system_without_wal(own, long, told, noted):
    lab = own(environment={"FAULTS_SHARED": "1"})
    assert lab.rows("PRAGMA journal_mode") == [("delete",)]
    killed = 0
    for name in ACTS if long else ("fit", "save"):
        act = ACTS[name](lab)
        # with what it writes in its journal, for the next one to undo
        role = {"register": "server", "fit": "child", "gc": "shell"}.get(name, "server")
        act.prepare()
        before = act.look()
        cut = f"{role} before commit 1"
        lab.watch(cut)
        act.do()
        killed += lab.recover(cut)
        found = act.look()
        assert act.do()
        after = act.look()
        for part in found:
            assert found[part] in (before.get(part), after.get(part)), (name, part)
    told("points at which a process was killed", 6 if long else 2, killed)
    wait_for(lambda: lab.ask("pipelines/use/load") == {}, "a load")
    assert lab.served() >= 1
    audit(lab, told)
