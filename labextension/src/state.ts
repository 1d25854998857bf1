/**
 * The state of a page, and how what the server says changes it. Pure functions: what has not
 * changed stays the same object, so that components can tell by identity.
 */
import { PROTOCOL } from './types';
import type {
  IEvent,
  IFailure,
  IJob,
  IPipeline,
  IRefusal,
  ISnapshot,
  JobStatus
} from './types';

/**
 * `first`: nothing known yet; `live`; `away`: no answer; `absent`: the server does not run
 * the extension; `forbidden`: it does, but this user may not look; `kept`: a notebook's last
 * state.
 */
export type Connection = 'first' | 'live' | 'away' | 'absent' | 'forbidden' | 'kept';

/** What somebody has asked for and is not done yet. */
export type Busy = 'run' | 'save' | 'load';

/** What came of the last action on a pipeline, if it was refused. */
export interface INote {
  action: Busy | 'cancel' | 'unserve';
  failure: IRefusal;
  /** The served set when it was refused: with another one it is no longer of interest. */
  served: number | null;
}

export interface IState {
  connection: Connection;
  /** When the last answer came, in ms. */
  asOf: number | null;
  /** When it is tried again, in ms. */
  nextTry: number | null;
  /** The protocol is ours. */
  understood: boolean;
  /** What the server said that this user may not do. */
  denied: Readonly<Partial<Record<Busy, true>>>;
  server: ISnapshot['server'] | null;
  protocol: number | null;
  seq: number | null;
  stateSeq: number | null;
  starting: boolean;
  failures: readonly IFailure[];
  pipelines: readonly IPipeline[];
  jobs: readonly IJob[];
  jobCounts: Readonly<Partial<Record<JobStatus, number>>>;
  /** Cursor of the next page of older jobs; null: there are none; undefined: not asked. */
  olderJobs: number | null | undefined;
  busy: Readonly<Record<string, true>>;
  notes: Readonly<Record<string, INote>>;
}

export const EMPTY: IState = {
  connection: 'first',
  asOf: null,
  nextTry: null,
  understood: true,
  denied: {},
  server: null,
  protocol: null,
  seq: null,
  stateSeq: null,
  starting: false,
  failures: [],
  pipelines: [],
  jobs: [],
  jobCounts: {},
  olderJobs: undefined,
  busy: {},
  notes: {}
};

const ACTIVE: readonly JobStatus[] = ['running', 'queued', 'deferred'];

export function isActive(job: IJob): boolean {
  return ACTIVE.includes(job.status);
}

/** Whether buttons may act at all, or do this. */
export function mayAct(state: IState, action?: Busy): boolean {
  const heard = state.connection === 'live' && state.understood;
  return heard && !(action && state.denied[action]);
}

/**
 * The state after a snapshot. An answer that was overtaken by a newer one of the same server
 * changes nothing.
 */
export function withSnapshot(state: IState, got: ISnapshot, now: number): IState {
  const understood = got.protocol === PROTOCOL;
  const live = { connection: 'live' as const, nextTry: null, asOf: now };
  const same =
    state.server?.pid === got.server?.pid && state.server?.since === got.server?.since;
  if (same && overtaken(state, got)) {
    return { ...state, ...live };
  }
  const pipelines = understood
    ? merge(state.pipelines, got.pipelines, view => view.name)
    : merge(state.pipelines, readable(got.pipelines), view => view.name);
  const jobs = withOlder(state, merge(state.jobs, got.jobs ?? [], job => job.id));
  const notes = Object.entries(state.notes).filter(([name, note]) => {
    const served = pipelines.find(view => view.name === name)?.served?.seq ?? null;
    return served === note.served;
  });
  return {
    ...state,
    ...live,
    understood,
    protocol: got.protocol,
    server: got.server ?? null,
    seq: got.seq,
    stateSeq: got.state_seq,
    starting: Boolean(got.starting),
    failures: kept(state.failures, got.failures ?? []),
    pipelines: list(state.pipelines, pipelines),
    jobs: list(state.jobs, jobs),
    jobCounts: kept(state.jobCounts, got.job_counts ?? countJobs(jobs)),
    notes:
      notes.length === Object.keys(state.notes).length
        ? state.notes
        : Object.fromEntries(notes)
  };
}

function overtaken(state: IState, got: ISnapshot): boolean {
  return (
    (state.seq ?? -1) > got.seq ||
    (state.seq === got.seq && (state.stateSeq ?? -1) > got.state_seq)
  );
}

/** Of a protocol that is not ours nothing is certain, so only what can be read is kept. */
function readable(views: unknown): IPipeline[] {
  const list = Array.isArray(views) ? views : [];
  return list.filter(view => typeof view?.name === 'string');
}

/** A snapshot has the latest jobs only: those that were paged in before stay. */
function withOlder(state: IState, jobs: IJob[]): IJob[] {
  if (state.olderJobs === undefined || !jobs.length) {
    return jobs;
  }
  const known = new Set(jobs.map(job => job.id));
  return [...jobs, ...state.jobs.filter(job => !known.has(job.id) && !isActive(job))];
}

/** The state with one more page of older jobs. */
export function withOlderJobs(
  state: IState,
  items: readonly IJob[],
  next: number | null
): IState {
  const known = new Set(state.jobs.map(job => job.id));
  const more = items.filter(job => !known.has(job.id));
  return { ...state, olderJobs: next, jobs: [...state.jobs, ...more] };
}

/** The state after an event that tells how far a job has come. */
export function withProgress(state: IState, event: IEvent): IState {
  const id = event.job ?? event.id;
  const at = state.jobs.findIndex(job => job.id === id);
  if (at < 0 || state.jobs[at].status !== 'running') {
    return state;
  }
  const jobs = [...state.jobs];
  jobs[at] = { ...jobs[at], progress: event.progress ?? null };
  return { ...state, jobs };
}

/** The state with one job as an answer told it. */
export function withJob(state: IState, job: IJob): IState {
  const at = state.jobs.findIndex(known => known.id === job.id);
  const jobs = [...state.jobs];
  if (at < 0) {
    jobs.unshift(job);
  } else {
    jobs[at] = job;
  }
  return { ...state, jobs };
}

export function countJobs(
  jobs: readonly IJob[]
): Partial<Record<JobStatus, number>> {
  const counts: Partial<Record<JobStatus, number>> = {};
  for (const job of jobs) {
    counts[job.status] = (counts[job.status] ?? 0) + 1;
  }
  return counts;
}

function merge<T>(
  old: readonly T[],
  got: readonly T[],
  key: (item: T) => string
): T[] {
  const known = new Map(old.map(item => [key(item), item]));
  return got.map(item => {
    const before = known.get(key(item));
    return before === undefined ? item : kept(before, item);
  });
}

/** The old value if the new one is equal. */
function kept<T>(old: T, got: T): T {
  return JSON.stringify(old) === JSON.stringify(got) ? old : got;
}

function list<T>(old: readonly T[], got: readonly T[]): readonly T[] {
  const equal = old.length === got.length && old.every((item, i) => item === got[i]);
  return equal ? old : got;
}
