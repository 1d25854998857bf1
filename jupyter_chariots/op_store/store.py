"""The op store: which versions exist, what each was trained on, and which are served."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .. import faults
from ..errors import BadRequest, from_payload
from ..versioning.spec import PipelineSpec, RunRecord
from ..versioning.status import JobStatus
from ..versioning.version import Version
from . import (
    claims,
    definitions,
    gc,
    linking,
    loads,
    retention,
    runs,
    saves,
    served,
    trust,
    turns,
    waiting,
)
from .attempts import Attempts
from .browsing import Browsing
from .by_value import ByValue
from .elsewhere import Elsewhere
from .familiar import Familiar
from .pins import find_version
from .queue import Queue
from .records import Choice, Collected, Committed, Definition, Ending, Saved, Served

__all__ = ["OpStore"]


class OpStore(Browsing, ByValue, Familiar, Queue, Attempts, Elsewhere):
    """Versions, lineage, states, served sets and jobs in one SQLite database and its blobs.

    It is the only truth; every process is a cache of it. Threads and processes may share it.
    See :class:`StoreBase` for the arguments.
    """

    # -- definitions -------------------------------------------------------------------------

    def register(
        self,
        spec: PipelineSpec,
        *,
        owner: str,
        source: Mapping[str, Any],
        who: str | None = None,
        replace: bool = False,
        share: Collection[str] = (),
    ) -> Definition:
        """Record the definition of a pipeline; one that has not changed stays as it is.

        Args:
            spec: the pipeline; the answer has the recorded times of its ops' versions.
            owner: the notebook or module that serves it.
            source: how a child process gets the pipeline, as JSON values.
            replace: take the name over from another owner.
            share: stateful ops whose names this owner may use for other code, for good.
            who: the user.

        Raises:
            NameTaken: the pipeline's name, or that of one of its stateful ops, belongs to another
                notebook or module; nothing was changed.
            InvalidName: a name is not allowed.
        """
        with self._db.write() as db:
            return definitions.register(
                db,
                self._signer,
                spec,
                owner=owner,
                source=source,
                who=who,
                replace=replace,
                share=share,
            )

    def unregister(self, name: str, who: str | None = None) -> None:
        """End a pipeline and the jobs of it that wait; its versions and its history stay.

        Raises:
            PipelineNotFound: no such pipeline is registered.
        """
        with self._db.write() as db:
            definitions.unregister(db, name, who)
            waiting.retire(db, name)

    # -- runs --------------------------------------------------------------------------------

    def start(self, spec: PipelineSpec) -> Choice:
        """What a run that changes state starts from; older states under newer code are recorded.

        Ops that the pipeline does not fit start from what a load would take now, with the pins of
        the last load; ops that carry state on from the current set, or, where that has no state
        of theirs, as the others; what is fitted afresh starts from nothing.

        Raises:
            VersionError: the versions do not go together (NotLoaded: there are none).
        """
        with self._db.read() as db:
            choice = loads.start(db, spec)
        return self.record(choice)

    def commit(
        self,
        spec: PipelineSpec,
        record: RunRecord,
        *,
        promote: bool = False,
        started: int | None = None,
        who: str | None = None,
        job_id: str | None = None,
        share: Collection[str] = (),
        ending: Ending | None = None,
    ) -> Committed:
        """Record what a run left as a candidate, and promote it if ``promote``: all or nothing.

        A run that learned nothing leaves nothing; a ``run_id`` that was committed before is not
        recorded again. Promotion at the end of a run never conflicts: the later end is the newest,
        and a warning names what it followed.

        Args:
            spec: the pipeline that ran.
            record: what the run left.
            promote: save it as well.
            started: :meth:`sequence` when the run started.
            who: the user.
            job_id: the job that ran it.
            share: as for :meth:`register`.
            ending: the end of the job that ran it, in the same transaction: either both are
                recorded or neither, so that no job is saved twice.

        Raises:
            NameTaken: another notebook or module owns the name of a stateful op; nothing was
                written.
            LeaseLost: the job was taken from this attempt; nothing was written.
            JobCancelled: the job was to be cancelled, and is; nothing else was written.
            StoreError: the store or the saver failed; nothing was recorded.
        """
        if not record.learned:
            committed = Committed(record.run_id, self.sequence(), dict(record.after), False)
            if ending is not None:
                self.finish_job(ending.lease, ending.body, ending.header(committed))
            return committed
        # Large blobs are made durable first: a transaction must not wait for the disk.
        prepared = {
            learned.op: self._blobs.prepare(learned.payload)
            for learned in (*record.used, *record.learned)
        }
        result = None if ending is None else self._blobs.prepare(ending.body)
        with self._db.write() as db:
            job = None if ending is None else claims.may_report(db, ending.lease, JobStatus.DONE)
            if job is None or job.status is not JobStatus.CANCELLED:
                committed = runs.commit(
                    db,
                    self._signer,
                    self._blobs,
                    spec,
                    record,
                    prepared,
                    promote=promote,
                    started=started,
                    who=who,
                    job_id=job.id if job else job_id,
                    share=share,
                )
                if job is not None and ending is not None and result is not None:
                    header = ending.header(committed)
                    self._finish(db, job, result, header, committed.run_id)
                return committed
        raise from_payload(job.error or {})

    def save(
        self,
        pipeline: str,
        run_id: str | None = None,
        *,
        force: bool = False,
        who: str | None = None,
    ) -> Saved | None:
        """Promote a run: the versions that it fitted or changed become the newest.

        Args:
            pipeline: its name.
            run_id: a run of the pipeline; by default the one that left the current set. What is
                saved already, or a current set that a load left, is nothing to do.
            force: even if another run that names one of the same ops was saved since it started.
            who: the user.

        Returns:
            The save, or ``None`` if there was nothing to do.

        Raises:
            RunNotFound: the pipeline has no such run.
            SaveConflict: another run was saved since this one started.
        """
        with self._db.write() as db:
            if run_id is not None:
                run = runs.find_run(db, pipeline, run_id)
            else:
                unsaved = runs.unsaved(db, pipeline)
                if unsaved is None:
                    return None
                run = unsaved[0]
            if not force:
                saves.check_conflict(db, run)
            return saves.promote(db, pipeline, run, who)

    # -- loads -------------------------------------------------------------------------------

    def choose(self, spec: PipelineSpec, pins: Mapping[str, str | Version] | None = None) -> Choice:
        """What a load takes: the newest saved version of each stateful op's code line, or with
        ``pins`` (op or node → number, version or digests) those and what goes with them.

        Raises:
            VersionError: the versions were not trained together; ``details`` name the pairs and
                the remedy (NotLoaded: an op that needs state was never saved).
            OpNotFound, VersionNotFound, BadRequest: a pin means nothing here.
        """
        with self._db.read() as db:
            return loads.choose(db, spec, pins or {})

    def carry_over(self, spec: PipelineSpec) -> Choice:
        """What a changed definition keeps of the latest served set: each op the state that it
        has, if it is of the same code line; what was never served is chosen as by a load.

        Raises:
            VersionError: a state is of another code line, or they do not go together any more.
        """
        with self._db.read() as db:
            return loads.carry_over(db, spec)

    def record(self, choice: Choice) -> Choice:
        """Write the re-recorded versions of a choice; the answer refers to what is recorded."""
        if not choice.rerecord:
            return choice
        with self._db.write() as db:
            return loads.record(db, self._signer, choice)

    def commit_load(
        self, spec: PipelineSpec, choice: Choice, *, cause: str, who: str | None = None
    ) -> Served:
        """Write the row of a successful load.

        Args:
            spec: the pipeline.
            choice: what it serves from now on.
            who: the user.
            cause: ``load`` or ``auto_load``, which make the set current, or ``serve``, ``start``
                or ``definition``, which restore it or carry it over.

        Raises:
            Conflict: the pipeline was defined anew since the choice was made.
            VersionNotFound: a version was removed since then (:meth:`gc`).
        """
        with self._db.write() as db:
            recorded = loads.record(db, self._signer, choice)
            return served.insert(db, spec, recorded, cause=cause, who=who)

    # -- turns -------------------------------------------------------------------------------

    def take_turn(self, pipeline: str, holder: str, lease_s: float) -> bool:
        """Take the turn of a pipeline whose runs follow one another; ``False`` if another holder
        has it. To be asked again and again: a holder that does not renew for the length of its
        lease loses the turn to whoever has watched that from here.
        """
        with self._db.write() as db:
            return turns.take(db, self._silences, pipeline, holder, lease_s)

    def renew_turn(self, pipeline: str, holder: str, lease_s: float) -> bool:
        """Hold the turn for longer; ``False`` if it was lost."""
        with self._db.write() as db:
            return turns.renew(db, pipeline, holder, lease_s)

    def release_turn(self, pipeline: str, holder: str) -> None:
        """Give the turn back."""
        with self._db.write() as db:
            turns.release(db, pipeline, holder)

    # -- care --------------------------------------------------------------------------------

    def accept_link(
        self,
        upstream: tuple[str, Version | str],
        downstream: tuple[str, Version | str],
        author: str,
        reason: str,
    ) -> None:
        """Accept by hand that a version goes with one that it was not trained on.

        Args:
            upstream: op and version (number, version, its string or digests).
            downstream: op and version that is let go with it.
            author: who answers for it.
            reason: why it is right.

        Raises:
            OpNotFound, VersionNotFound: there is no such version.
        """
        with self._db.write() as db:
            linking.accept(
                db, find_version(db, *upstream), find_version(db, *downstream), author, reason
            )

    def gc(self, keep: int | None = None) -> Collected:
        """Remove candidates and ended jobs past their time, blobs that nothing needs and files of
        writes that were cut off; with ``keep``, also all but the newest so many saved versions of
        each op.

        Never what is served, current, a young candidate, or in the lineage of what is kept.

        Raises:
            BadRequest: ``keep`` is less than 1.
        """
        if keep is not None and keep < 1:
            raise BadRequest(
                f"At least 1 version of each op must be kept, not {keep}.",
                hint="Leave `keep` out to keep all that were saved.",
            )
        with self._db.write() as db:
            job_count = retention.remove_ended(db, self.job_retention)
            run_count, version_count, unused = gc.remove_rows(db, self.candidate_ttl, keep)
        faults.reached("rows removed")
        with self._db.write() as db:
            files = gc.remove_files(db, self._blobs, unused)
        return Collected(run_count, version_count, len(unused), files, job_count)

    def trust(self) -> int:
        """Sign everything in this store as it is; gives how many signatures were made.

        Only for a store whose every writer may run code as this user.
        """
        with self._db.write() as db:
            return trust.sign_all(db, self._signer)
