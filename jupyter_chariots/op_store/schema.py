"""The tables, as a list of migrations.

``PRAGMA user_version`` holds the number of migrations that a store has seen: one with more than
this release knows was written by a newer release and is refused.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import StoreTooNew
from .database import Database, Migrations

__all__ = ["SCHEMA", "migrate"]

SCHEMA = Migrations("jupyter_chariots.op_store")


@SCHEMA(name="0001_versions")
def _versions(db: Database) -> None:
    db.executescript(
        """
        -- One sequence for all that happens: runs, saves, served rows and definitions bear its
        -- numbers, and it never gives a number twice.
        CREATE TABLE news (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL, pipeline TEXT, at TEXT NOT NULL, who TEXT, ref TEXT);

        -- owner: the notebook or module to which the name belongs (stateful ops only);
        -- code: the class-level version that the owner registered or saved last.
        CREATE TABLE ops (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
            owner TEXT, code INTEGER REFERENCES versions(id));
        CREATE TABLE op_shares (
            op INTEGER NOT NULL REFERENCES ops(id), origin TEXT NOT NULL,
            PRIMARY KEY (op, origin)) WITHOUT ROWID;

        CREATE TABLE blobs (
            digest TEXT PRIMARY KEY, size INTEGER NOT NULL,
            data BLOB, path TEXT, CHECK ((data IS NULL) <> (path IS NULL)));

        -- kind: class (no state), fitted, imported (trained on something unknown), carried (the
        -- state was carried on, not trained), known (named in a lineage, never committed here);
        -- named: sequence number of the latest save that names it; origin: the version that it
        -- was re-recorded from under newer code.
        CREATE TABLE versions (
            id INTEGER PRIMARY KEY,
            op INTEGER NOT NULL REFERENCES ops(id),
            major TEXT NOT NULL, minor TEXT NOT NULL, patch TEXT NOT NULL, created TEXT NOT NULL,
            kind TEXT NOT NULL
                CHECK (kind IN ('class', 'fitted', 'imported', 'carried', 'known')),
            class_major TEXT, class_minor TEXT, class_patch TEXT,
            level TEXT, fingerprint TEXT,
            blob TEXT REFERENCES blobs(digest), signature BLOB,
            facts TEXT NOT NULL DEFAULT '{}', at TEXT NOT NULL, who TEXT,
            pipeline TEXT, run_id TEXT, named INTEGER,
            n_major INTEGER, n_minor INTEGER, n_patch INTEGER,
            origin INTEGER REFERENCES versions(id) ON DELETE SET NULL,
            UNIQUE (op, major, minor, patch));
        CREATE INDEX versions_newest ON versions(op, class_major, named) WHERE named IS NOT NULL;
        CREATE INDEX versions_named ON versions(op, named) WHERE named IS NOT NULL;
        CREATE UNIQUE INDEX versions_number ON versions(op, n_major, n_minor, n_patch)
            WHERE n_major IS NOT NULL;
        CREATE INDEX versions_numbered ON versions(op, major, minor, n_major, n_minor)
            WHERE n_major IS NOT NULL;
        CREATE INDEX versions_history ON versions(op, id) WHERE fingerprint IS NOT NULL;
        CREATE INDEX versions_blob ON versions(blob) WHERE blob IS NOT NULL;
        CREATE INDEX versions_origin ON versions(origin) WHERE origin IS NOT NULL;

        -- A version may have several lineages: equal training on different upstreams gives one
        -- version. A lineage with an author was accepted by hand.
        CREATE TABLE lineages (
            id INTEGER PRIMARY KEY,
            version INTEGER NOT NULL REFERENCES versions(id) ON DELETE CASCADE,
            digest TEXT NOT NULL, at TEXT NOT NULL, author TEXT, reason TEXT,
            UNIQUE (version, digest));
        -- op and major are those of the upstream version; downstream, line and named those of the
        -- version that was trained, so that one index finds the newest that was trained on it.
        CREATE TABLE links (
            lineage INTEGER NOT NULL REFERENCES lineages(id) ON DELETE CASCADE,
            upstream INTEGER NOT NULL REFERENCES versions(id),
            stateful INTEGER NOT NULL,
            op INTEGER NOT NULL, major TEXT NOT NULL,
            downstream INTEGER NOT NULL, line TEXT, named INTEGER,
            PRIMARY KEY (lineage, upstream)) WITHOUT ROWID;
        CREATE INDEX links_newest ON links(op, major, downstream, line, named)
            WHERE named IS NOT NULL;
        CREATE INDEX links_upstream ON links(upstream);
        """
    )


@SCHEMA(name="0002_pipelines")
def _pipelines(db: Database) -> None:
    db.executescript(
        """
        CREATE TABLE definitions (
            name TEXT PRIMARY KEY, spec TEXT NOT NULL, digest TEXT NOT NULL,
            revision INTEGER NOT NULL, owner TEXT NOT NULL, source TEXT NOT NULL,
            seq INTEGER NOT NULL REFERENCES news(seq), at TEXT NOT NULL, who TEXT,
            retired INTEGER NOT NULL DEFAULT 0, signature BLOB NOT NULL) WITHOUT ROWID;
        -- Which pipelines fit which ops, for remedies.
        CREATE TABLE fits (
            op INTEGER NOT NULL REFERENCES ops(id), pipeline TEXT NOT NULL,
            takes_input INTEGER NOT NULL, seq INTEGER NOT NULL,
            PRIMARY KEY (op, pipeline)) WITHOUT ROWID;
        CREATE INDEX fits_pipeline ON fits(pipeline);

        CREATE TABLE runs (
            seq INTEGER PRIMARY KEY REFERENCES news(seq),
            run_id TEXT NOT NULL UNIQUE, pipeline TEXT NOT NULL, started INTEGER,
            saved INTEGER REFERENCES news(seq), at TEXT NOT NULL, who TEXT, job_id TEXT);
        CREATE INDEX runs_pipeline ON runs(pipeline, seq);
        CREATE INDEX runs_unsaved ON runs(at) WHERE saved IS NULL;
        CREATE TABLE run_versions (
            run INTEGER NOT NULL REFERENCES runs(seq) ON DELETE CASCADE,
            op INTEGER NOT NULL REFERENCES ops(id),
            version INTEGER NOT NULL REFERENCES versions(id),
            learned INTEGER NOT NULL,
            PRIMARY KEY (run, op)) WITHOUT ROWID;
        CREATE INDEX run_versions_version ON run_versions(version);

        -- loaded: somebody asked for this set, it was not merely restored or carried over.
        CREATE TABLE served (
            seq INTEGER PRIMARY KEY REFERENCES news(seq),
            pipeline TEXT NOT NULL, definition TEXT NOT NULL, revision INTEGER NOT NULL,
            pins TEXT NOT NULL, cause TEXT NOT NULL, loaded INTEGER NOT NULL,
            at TEXT NOT NULL, until TEXT, who TEXT, warnings TEXT NOT NULL);
        CREATE INDEX served_pipeline ON served(pipeline, seq);
        CREATE INDEX served_loaded ON served(pipeline, loaded, seq);
        CREATE INDEX served_at ON served(pipeline, at);
        CREATE TABLE served_versions (
            served INTEGER NOT NULL REFERENCES served(seq) ON DELETE CASCADE,
            op INTEGER NOT NULL REFERENCES ops(id),
            version INTEGER NOT NULL REFERENCES versions(id),
            PRIMARY KEY (served, op)) WITHOUT ROWID;
        CREATE INDEX served_versions_version ON served_versions(version);

        CREATE TABLE turns (
            pipeline TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
        """
    )


@SCHEMA(name="0003_jobs")
def _jobs(db: Database) -> None:
    db.executescript(
        """
        -- seq: the number of the submission, by which jobs of one priority follow one another;
        -- definition, revision: what was registered at the submission;
        -- request: digest of all that was submitted, for a second submission under one key;
        -- token: of the attempt that runs the job, or that ended it; renewals: of its lease;
        -- header: what goes with the result, as JSON; input and result are blobs.
        CREATE TABLE jobs (
            seq INTEGER PRIMARY KEY REFERENCES news(seq),
            id TEXT NOT NULL UNIQUE, pipeline TEXT NOT NULL,
            definition TEXT NOT NULL, revision INTEGER NOT NULL,
            status TEXT NOT NULL CHECK (status IN
                ('queued', 'running', 'done', 'failed', 'deferred', 'cancelled')),
            priority INTEGER NOT NULL, save INTEGER NOT NULL,
            form TEXT NOT NULL, input TEXT NOT NULL REFERENCES blobs(digest),
            waits_for TEXT NOT NULL, idempotency TEXT, request TEXT NOT NULL,
            submitted TEXT NOT NULL, who TEXT, started TEXT, ended TEXT,
            attempts INTEGER NOT NULL DEFAULT 0, max_attempts INTEGER NOT NULL,
            worker TEXT, token TEXT, renewals INTEGER NOT NULL DEFAULT 0,
            lease_s REAL NOT NULL DEFAULT 0,
            cancel INTEGER NOT NULL DEFAULT 0, canceller TEXT,
            progress TEXT, log TEXT, run_id TEXT,
            header TEXT, result TEXT REFERENCES blobs(digest), error TEXT);
        CREATE INDEX jobs_queue ON jobs(pipeline, priority DESC, seq) WHERE status = 'queued';
        CREATE INDEX jobs_status ON jobs(status, seq);
        CREATE INDEX jobs_pipeline ON jobs(pipeline, seq);
        CREATE UNIQUE INDEX jobs_idempotency ON jobs(pipeline, idempotency)
            WHERE idempotency IS NOT NULL;
        CREATE INDEX jobs_input ON jobs(input);
        CREATE INDEX jobs_result ON jobs(result) WHERE result IS NOT NULL;
        CREATE TABLE prerequisites (
            job INTEGER NOT NULL REFERENCES jobs(seq) ON DELETE CASCADE,
            needs INTEGER NOT NULL REFERENCES jobs(seq) ON DELETE CASCADE,
            PRIMARY KEY (job, needs)) WITHOUT ROWID;
        CREATE INDEX prerequisites_needs ON prerequisites(needs);

        -- Turns are leases as well; no clock of the wall decides them.
        DROP TABLE turns;
        CREATE TABLE turns (
            pipeline TEXT PRIMARY KEY, holder TEXT NOT NULL,
            renewals INTEGER NOT NULL DEFAULT 0, lease_s REAL NOT NULL) WITHOUT ROWID;

        -- The news of removed jobs are removed; what refers to news is looked up then.
        CREATE INDEX runs_saved ON runs(saved) WHERE saved IS NOT NULL;
        CREATE INDEX definitions_seq ON definitions(seq);
        """
    )


@SCHEMA(name="0004_ended_jobs")
def _ended_jobs(db: Database) -> None:
    db.executescript(
        """
        -- The jobs that ended last are what panels show, and what stays of the old ones.
        CREATE INDEX jobs_ended ON jobs(ended, seq) WHERE ended IS NOT NULL;
        """
    )


def migrate(db: Database, path: Path, migrations: Migrations = SCHEMA) -> None:
    """Bring the schema up to date, all migrations in one transaction.

    Raises:
        StoreTooNew: the store was written by a newer release; nothing was changed.
    """
    known = _count(migrations)
    if _release(db) == known:
        return
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        release = _release(db)
        if release > known:
            raise StoreTooNew(
                f"The op store {path} was written by a newer release of jupyter_chariots "
                f"(its schema is {release}, this release knows {known}); nothing was changed.",
                hint="Upgrade with: pip install --upgrade jupyter-chariots",
            )
        migrations.apply(db)
        db.conn.execute(f"PRAGMA user_version={known}")
        db.conn.execute("COMMIT")
    except BaseException:
        db.conn.rollback()
        raise


def _count(migrations: Migrations) -> int:
    # There is no public list of the registered ones; in an empty database all are pending.
    with Database(memory=True, execute_plugins=False) as empty:
        return len(migrations.pending(empty))


def _release(db: Database) -> int:
    return int(db.conn.execute("PRAGMA user_version").fetchone()[0])
