/**
 * The panel in the output of a cell, as JSON that stays in the notebook: what it is of, and the
 * last state. `jupyter_chariots/widgets/saved.py` writes it, and so does this page when the
 * notebook is saved. It may come from a stranger: nothing in it is believed to have its type.
 */
import type { PartialJSONObject } from '@lumino/coreutils';
import { orderJobs } from './derive';
import * as format from './format';
import { EMPTY, withSnapshot } from './state';
import type { IState } from './state';
import { PROTOCOL } from './types';
import type { IJob, IPipeline } from './types';

export const MIME = 'application/vnd.jupyter-chariots.panel+json';

/** Names, versions and states: what calls have said may quote data, so it is not kept. */
const PIPELINE: readonly (keyof IPipeline)[] = [
  'name',
  'state',
  'is_loaded',
  'reason',
  'hint',
  'ops',
  'owner',
  'replicas',
  'served',
  'current',
  'unsaved_ops',
  'newer',
  'changes',
  'takes_input',
  'gives_output'
];
const JOB: readonly (keyof IJob)[] = [
  'id',
  'seq',
  'pipeline',
  'status',
  'cancelling',
  'submitted',
  'started',
  'ended',
  'attempts',
  'max_attempts',
  'after',
  'progress'
];
const MOST_JOBS = 20;

export interface IKept {
  /** The only pipeline that is shown; null: all. */
  only: string | null;
  /** When the state was so, in ms; null: no state was kept. */
  at: number | null;
  state: IState;
}

/** Read what a notebook keeps. */
export function readKept(data: unknown): IKept {
  const got = (data && typeof data === 'object' ? data : {}) as Record<string, unknown>;
  const only = typeof got.pipeline === 'string' ? got.pipeline : null;
  const at = typeof got.at === 'string' ? format.date(got.at).getTime() : NaN;
  if (got.protocol !== PROTOCOL || !Number.isFinite(at)) {
    return { only, at: null, state: EMPTY };
  }
  const snapshot = {
    protocol: PROTOCOL,
    seq: 0,
    state_seq: 0,
    server: { release: '', pid: 0, since: '' },
    starting: false,
    failures: [],
    pipelines: named<IPipeline>(got.pipelines, 'name'),
    jobs: named<IJob>(got.jobs, 'id')
  };
  return { only, at, state: { ...withSnapshot(EMPTY, snapshot, at), connection: 'kept' } };
}

function named<T>(values: unknown, key: string): T[] {
  const list = Array.isArray(values) ? values : [];
  return list.filter(value => typeof value?.[key] === 'string') as T[];
}

/** What to keep of a state; the same as before if only the time has changed. */
export function keep(state: IState, only: string | null, before: unknown): PartialJSONObject {
  const pipelines = state.pipelines.filter(view => only === null || view.name === only);
  const jobs = state.jobs.filter(job => only === null || job.pipeline === only);
  const kept = {
    protocol: PROTOCOL,
    pipeline: only,
    pipelines: pipelines.map(view => part(view, PIPELINE)),
    jobs: orderJobs(jobs)
      .slice(0, MOST_JOBS)
      .map(job => part(job, JOB))
  };
  const old = { ...(before as PartialJSONObject) };
  const { at, ...rest } = old;
  if (at && JSON.stringify(sorted(rest)) === JSON.stringify(sorted(kept))) {
    return old;
  }
  const now = new Date(state.asOf ?? Date.now());
  return { ...kept, at: now.toISOString() } as unknown as PartialJSONObject;
}

function part<T extends object>(whole: T, keys: readonly (keyof T)[]): Partial<T> {
  const some = keys.filter(key => whole[key] !== undefined && whole[key] !== null);
  return Object.fromEntries(some.map(key => [key, whole[key]])) as Partial<T>;
}

/** With the keys of all objects in order: notebooks are written that way. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  if (value && typeof value === 'object') {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
  }
  return value;
}
