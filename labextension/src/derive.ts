/**
 * What is shown of a state: words, lines and orders. Pure functions over `state.ts`.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as format from './format';
import { isActive } from './state';
import type { INote } from './state';
import type { IJob, IOpVersion, IPipeline } from './types';

export type PipelineState =
  | 'failed'
  | 'restarting'
  | 'not-loaded'
  | 'not-saved'
  | 'newer'
  | 'loaded';

/** The first that applies, from the top. */
export function stateOf(view: IPipeline): PipelineState {
  const restarts = view.replicas?.restarts ?? 0;
  if (view.state === 'failed') {
    return 'failed';
  }
  if (view.state === 'starting' && restarts > 0 && !view.replicas?.alive) {
    return 'restarting';
  }
  if (!view.is_loaded) {
    return 'not-loaded';
  }
  if (view.unsaved) {
    return 'not-saved';
  }
  return view.newer ? 'newer' : 'loaded';
}

/** The state in a word; the second is for a narrow panel. */
export function wordsOf(
  state: PipelineState,
  trans: TranslationBundle
): [string, string] {
  const words: Record<PipelineState, [string, string]> = {
    failed: [trans.__('failed'), trans.__('failed')],
    restarting: [trans.__('restarting'), trans.__('restarting')],
    'not-loaded': [trans.__('not loaded'), trans.__('not loaded')],
    'not-saved': [trans.__('not saved'), trans.__('not saved')],
    newer: [trans.__('newer in store'), trans.__('newer')],
    loaded: [trans.__('loaded'), trans.__('loaded')]
  };
  return words[state];
}

/** The version that a pipeline serves of an op with state; of what does not serve it, the current. */
export function versionOf(view: IPipeline, op: string): IOpVersion | null {
  return view.served?.versions[op] ?? view.current?.[op] ?? null;
}

/** The number on a pipeline's row: that of its last op with state. */
export function numberOf(view: IPipeline): string {
  const last = view.ops?.[view.ops.length - 1];
  return (last && versionOf(view, last)?.number) || '–';
}

/** All versions, for the tooltip: "op number digest", one a line. */
export function versionsTitle(view: IPipeline): string {
  const lines = (view.ops ?? []).map(op => {
    const version = versionOf(view, op);
    return version
      ? `${op} ${version.number ?? '–'} ${format.digest(version.version)}`
      : `${op} –`;
  });
  return lines.join('\n');
}

export interface IDetail {
  key: string;
  kind: 'op' | 'more' | 'traffic' | 'newer' | 'unsaved' | 'info' | 'bad' | 'warn';
  text: string;
  narrow?: string;
  number?: string;
  digest?: string;
  title?: string;
  link?: { text: string; to: 'graph' | 'failure' | 'view' };
}

const MOST_OPS = 4;

/** The lines under a pipeline's row. */
export function detailsOf(
  view: IPipeline,
  note: INote | undefined,
  trans: TranslationBundle
): IDetail[] {
  const lines: IDetail[] = [];
  const state = stateOf(view);
  const ops = view.ops ?? [];
  for (const op of ops.slice(0, ops.length > MOST_OPS ? MOST_OPS - 1 : MOST_OPS)) {
    const version = versionOf(view, op);
    const changed = view.unsaved_ops?.includes(op);
    lines.push({
      key: `op ${op}`,
      kind: 'op',
      text: op,
      number: version?.number ?? '–',
      digest: changed
        ? trans.__('+ changes')
        : version
          ? format.digest(version.version)
          : '',
      title: version ? `${op} ${version.number ?? ''} ${version.version}` : op
    });
  }
  if (ops.length > MOST_OPS) {
    const more = ops.length - MOST_OPS + 1;
    const text = trans._n('and %1 more', 'and %1 more', more);
    lines.push({ key: 'more', kind: 'more', text, link: { text, to: 'view' } });
  }
  if (view.is_loaded && state !== 'failed' && state !== 'restarting') {
    const [text, narrow] = traffic(view, trans);
    lines.push({ key: 'traffic', kind: 'traffic', text, narrow });
  }
  const why = { text: trans.__('Why?'), to: 'graph' as const };
  const details = { text: trans.__('Details'), to: 'failure' as const };
  if (note) {
    const text = refused(note, trans);
    lines.push({ key: 'note', kind: 'bad', text, title: note.failure.message, link: details });
  }
  if (state === 'failed' || state === 'not-loaded') {
    const text = short(view.reason ?? view.last_error?.message ?? trans.__('no reason known'));
    const link = view.remedy?.length ? why : details;
    const kind = state === 'failed' ? 'bad' : 'info';
    lines.push({ key: 'reason', kind, text, title: view.reason, link });
  } else if (state === 'restarting') {
    const text = trans.__('restarting, attempt %1', view.replicas?.restarts ?? 1);
    const title = view.reason ?? view.last_error?.message;
    lines.push({ key: 'reason', kind: 'warn', text: view.reason ? `${text}: ${short(view.reason)}` : text, title });
  }
  if (view.newer && state !== 'failed') {
    const numbers = Object.entries(view.newer.numbers);
    const changed = numbers.filter(([op, number]) => versionOf(view, op)?.number !== number);
    const [op, number] = changed[changed.length - 1] ?? numbers[numbers.length - 1] ?? ['', ''];
    if (view.newer.fits) {
      lines.push({
        key: 'newer',
        kind: 'newer',
        text: trans.__('%1 %2 fits', op, number),
        title: changed.map(pair => pair.join(' ')).join('\n')
      });
    } else if (state !== 'not-loaded' || !view.remedy?.length) {
      const [badOp, badNumber] = changed[0] ?? [op, number];
      lines.push({
        key: 'newer',
        kind: 'newer',
        text: view.newer.pinned
          ? trans.__('%1 %2 in store, versions are pinned', badOp, badNumber)
          : trans.__('%1 %2 in store does not fit', badOp, badNumber),
        narrow: trans.__('%1 %2 does not fit', badOp, badNumber),
        title: view.newer.reason ?? undefined,
        link: view.newer.pinned ? undefined : why
      });
    }
  }
  const told = note?.failure.message === view.last_error?.message; // the note says it already
  if (view.last_error && !told && state !== 'failed' && state !== 'restarting') {
    const text = blame(view.last_error);
    const title = trans.__('The last call that failed: %1', view.last_error.message);
    lines.push({ key: 'error', kind: 'bad', text, title, link: details });
  }
  return lines;
}

function refused(note: INote, trans: TranslationBundle): string {
  const text = blame(note.failure);
  const words = {
    run: trans.__('run failed: %1', text),
    save: trans.__('not saved: %1', text),
    load: trans.__('not loaded: %1', text),
    cancel: trans.__('not cancelled: %1', text),
    unserve: trans.__('still served: %1', text)
  };
  return words[note.action];
}

/** A message's first line, without the pipeline and the node that the row names already. */
export function short(message: string): string {
  const line = message.split('\n')[0];
  return line
    .replace(/^Pipeline '[^']*' (?:is not loaded|cannot be loaded): /, '')
    .replace(/^Node .+? of pipeline .+? failed: /, '');
}

/** What went wrong in one line, with the node where it did. */
export function blame(failure: { message: string; node?: string } | null | undefined): string {
  const where = failure?.node ? `${failure.node}: ` : '';
  return failure ? where + short(failure.message) : '';
}

/** Replicas and calls in words, wide and narrow. */
export function traffic(
  view: IPipeline,
  trans: TranslationBundle,
  withP99 = false
): [string, string] {
  const { wanted, alive } = view.replicas ?? { wanted: 0, alive: 0 };
  const { rate, p50, p99 } = view.calls ?? { rate: 0, p50: null, p99: null };
  const wide: string[] = [];
  const narrow: string[] = [];
  if (wanted) {
    if (!alive && view.state === 'cold') {
      const asleep = trans.__('asleep, wakes on the next call');
      return [asleep, asleep];
    }
    const part = alive < wanted && view.state === 'ready';
    wide.push(
      part
        ? trans.__('%1 of %2 replicas', alive, wanted)
        : trans._n('%1 replica', '%1 replicas', wanted)
    );
    narrow.push(trans.__('%1 rep.', part ? `${alive}/${wanted}` : wanted));
  } else if (view.changes) {
    const text = trans.__('runs in a worker');
    wide.push(text);
    narrow.push(text);
  }
  if (p50 === null) {
    wide.push(trans.__('no calls yet'));
    narrow.push(trans.__('no calls yet'));
  } else {
    wide.push(trans.__('%1 calls/s', format.rate(rate)));
    wide.push(trans.__('p50 %1', format.latency(p50)));
    narrow.push(trans.__('%1/s', format.rate(rate)));
    narrow.push(trans.__('p50 %1', format.latency(p50)));
    if (withP99 && p99 !== null) {
      wide.push(trans.__('p99 %1', format.latency(p99)));
    }
  }
  return [wide.join(' · '), narrow.join(' · ')];
}

/** What a screen reader says of a row. */
export function labelOf(view: IPipeline, trans: TranslationBundle): string {
  const last = view.ops?.[view.ops.length - 1];
  const number = numberOf(view);
  return [
    view.name,
    wordsOf(stateOf(view), trans)[0],
    last && number !== '–' ? `${last} ${number}` : '',
    view.is_loaded ? traffic(view, trans)[0].split(' · ').join(', ') : ''
  ]
    .filter(Boolean)
    .join(', ');
}

export type JobFilter = 'all' | 'active' | 'failed' | 'done';

const RANK: Record<IJob['status'], number> = {
  running: 0,
  queued: 1,
  deferred: 1,
  done: 2,
  failed: 2,
  cancelled: 2
};

/** Running (oldest first), queued and deferred (in their order), finished (newest first). */
export function orderJobs(jobs: readonly IJob[]): IJob[] {
  const when = (job: IJob) =>
    RANK[job.status] === 2 ? -stamp(job.ended ?? job.submitted) : job.seq ?? stamp(job.submitted);
  const keyed = jobs.map(job => ({ job, rank: RANK[job.status], when: when(job) }));
  keyed.sort((a, b) => a.rank - b.rank || a.when - b.when);
  return keyed.map(({ job }) => job);
}

function stamp(text: string): number {
  return format.date(text).getTime();
}

export function inFilter(job: IJob, filter: JobFilter): boolean {
  switch (filter) {
    case 'active':
      return isActive(job);
    case 'failed':
      return job.status === 'failed';
    case 'done':
      return job.status === 'done' || job.status === 'cancelled';
    default:
      return true;
  }
}

/** How far a job has come, 0 to 1; null if nobody knows. */
export function fractionOf(job: IJob): number | null {
  const { progress } = job;
  if (!progress) {
    return null;
  }
  if (typeof progress.fraction === 'number') {
    return progress.fraction;
  }
  return progress.total ? (progress.done ?? 0) / progress.total : null;
}

export function matches(words: readonly string[], query: string): boolean {
  const wanted = query.trim().toLowerCase();
  return !wanted || words.some(word => word.toLowerCase().includes(wanted));
}

/** What a click on Run needs to know: a call without input can be made at once. */
export function runnable(view: IPipeline): boolean {
  return view.is_loaded || Boolean(view.changes);
}

/** Whether the server has refused this user anything. */
export function denied(state: { denied: Readonly<Record<string, unknown>> }): boolean {
  return Object.keys(state.denied).length > 0;
}
