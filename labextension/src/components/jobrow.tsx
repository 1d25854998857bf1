/**
 * A job's row: one line, or two while it runs and when it failed.
 */
import * as React from 'react';
import type { TranslationBundle } from '@jupyterlab/translation';
import { blame, fractionOf } from '../derive';
import * as format from '../format';
import { isActive } from '../state';
import type { IJob } from '../types';
import { Button } from './button';
import { useChariots, useHook, useNow } from './context';
import { Icon, Ring } from './icons';
import type { IRowPlace } from './rows';
import { Wide } from './words';

export interface IJobRowProps {
  job: IJob;
  id: string;
  /** Short ids of the jobs that it waits for. */
  after: string;
  /** Its place in the queue, from 1. */
  queued: number | null;
  place: IRowPlace;
  blocked: string | null;
  /** When the page lost the server: then nothing ticks. */
  stale: number | null;
}

/** Whether the row has a second line. */
export function hasTwoLines(job: IJob): boolean {
  return job.status === 'running' || job.status === 'failed';
}

export const JobRow = React.memo(
  JobRowBody,
  (a, b) =>
    a.job === b.job &&
    JSON.stringify({ ...a, job: 0 }) === JSON.stringify({ ...b, job: 0 })
);

function JobRowBody(props: IJobRowProps): JSX.Element {
  const { job, id, place } = props;
  const { trans } = useChariots();
  const ticking = props.stale === null;
  const now = useNow(job.status === 'running' ? 1000 : 60_000, ticking);
  const [word, tone] = wordOf(props, now, trans);
  const second = hasTwoLines(job) ? secondLine(props, now, trans) : null;
  const pill = tone ? `is-${tone}` : 'is-quiet';
  const time = job.ended ?? job.started ?? job.submitted;
  const hook = useHook()(`chariots-job-${job.id}`);
  return (
    <div
      role="row"
      className={`jp-Chariots-jobbox ${place.active ? 'is-current' : ''}`}
      style={place.style}
      tabIndex={place.active ? 0 : -1}
      aria-rowindex={place.index + 1}
      aria-label={[job.pipeline, id, word, second?.[0]].filter(Boolean).join(', ')}
      data-row={`j ${job.id}`}
      data-job={job.id}
      data-status={job.status}
    >
      <div
        {...hook}
        className={`jp-Chariots-row jp-Chariots-job ${hook.className}`}
        role="presentation"
      >
        <JobIcon job={job} />
        <span className="ch-name ch-t" role="gridcell" title={`${job.pipeline} ${job.id}`}>
          {job.pipeline} <span className="ch-mono ch-mute ch-wide">{id}</span>
        </span>
        <span
          className={`ch-pill ${pill}`}
          role="gridcell"
          title={time ? format.full(format.date(time)) : undefined}
        >
          {word}
        </span>
        <JobActions {...props} />
      </div>
      {second && (
        <div className="jp-Chariots-jobline" role="gridcell">
          <span className="ch-name ch-t" title={job.error?.message ?? second[0]}>
            <Wide wide={second[0]} narrow={second[1]} />
          </span>
          {job.status === 'running' && <Bar job={job} text={second[0]} />}
        </div>
      )}
    </div>
  );
}

function JobActions(props: IJobRowProps): JSX.Element {
  const { job, id, blocked } = props;
  const { trans, host } = useChariots();
  const name = `${job.pipeline} ${id}`;
  return (
    <span className="jp-Chariots-actions" role="gridcell">
      <Button
        icon="log"
        title={trans.__('Show log of %1', name)}
        onClick={() => host.log({ job: job.id })}
        testid={`chariots-log-${job.id}`}
        tabIndex={-1}
      />
      {isActive(job) ? (
        <Button
          icon="close"
          title={trans.__('Cancel %1', name)}
          disabled={blocked ?? (job.cancelling ? trans.__('Being cancelled…') : null)}
          onClick={() => host.cancel(job.id)}
          testid={`chariots-cancel-${job.id}`}
          tabIndex={-1}
        />
      ) : (
        <Button
          icon="again"
          title={trans.__('Run again %1', name)}
          disabled={blocked}
          onClick={() => host.again(job.id)}
          testid={`chariots-again-${job.id}`}
          tabIndex={-1}
        />
      )}
    </span>
  );
}

function JobIcon(props: { job: IJob }): JSX.Element {
  switch (props.job.status) {
    case 'running':
      return <Ring />;
    case 'queued':
      return <Icon name="dots" />;
    case 'deferred':
      return <Icon name="pause" />;
    case 'done':
      return <Icon name="check" tone="ok" />;
    case 'failed':
      return <Icon name="error" tone="bad" />;
    default:
      return <Icon name="clear" />;
  }
}

function Bar(props: { job: IJob; text: string }): JSX.Element {
  const { trans } = useChariots();
  const fraction = fractionOf(props.job);
  const known = fraction !== null;
  const now = known ? Math.floor(fraction * 100) : undefined;
  return (
    <span
      className={`ch-progress ${known ? '' : 'is-unknown'}`}
      role="progressbar"
      aria-label={trans.__('Progress of %1', props.job.pipeline)}
      aria-valuenow={now}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuetext={props.text}
    >
      <i style={known ? { width: `${now}%` } : undefined} />
    </span>
  );
}

/** The word at the right, and the colour of its border. */
function wordOf(
  props: IJobRowProps,
  now: number,
  trans: TranslationBundle
): [string, 'bad' | null] {
  const { job } = props;
  const ended = job.ended ? format.ago(format.date(job.ended), now) : '';
  switch (job.status) {
    case 'running': {
      if (job.cancelling) {
        return [trans.__('cancelling'), null];
      }
      const fraction = fractionOf(job);
      return [fraction === null ? trans.__('running') : format.percent(fraction), null];
    }
    case 'queued': {
      const { queued } = props;
      return [queued ? trans.__('queued · %1', ordinal(queued)) : trans.__('queued'), null];
    }
    case 'deferred':
      return [
        props.after ? trans.__('waits for %1', props.after) : trans.__('waits'),
        null
      ];
    case 'done': {
      const took = job.started && job.ended ? elapsed(job, now) : '';
      return [[took, ended].filter(Boolean).join(' · '), null];
    }
    case 'failed':
      return [[trans.__('failed'), ended].filter(Boolean).join(' · '), 'bad'];
    default:
      return [[trans.__('cancelled'), ended].filter(Boolean).join(' · '), null];
  }
}

function secondLine(
  props: IJobRowProps,
  now: number,
  trans: TranslationBundle
): [string, string] {
  const { job } = props;
  const attempts = job.attempts ?? 1;
  const most = job.max_attempts ?? attempts;
  if (job.status === 'failed') {
    const { error } = job;
    const lost = error?.code === 'worker_lost';
    const text = lost
      ? trans.__('worker lost, attempt %1 of %2', attempts, most)
      : blame(error) || trans.__('no reason known');
    return [text, text];
  }
  const { progress } = job;
  const wide: string[] = [];
  const narrow: string[] = [];
  const say = (text: string, brief = text) => (wide.push(text), narrow.push(brief));
  if (attempts > 1) {
    say(trans.__('attempt %1 of %2', attempts, most));
  }
  if (progress?.message) {
    say(progress.message);
  } else if (progress?.node) {
    say(progress.node);
  }
  if (progress?.total) {
    const step = Math.min((progress.done ?? 0) + 1, progress.total);
    say(
      trans.__('node %1 of %2', step, progress.total),
      trans.__('%1 of %2', step, progress.total)
    );
  }
  if (props.stale !== null) {
    say(trans.__('as of %1', format.clock(new Date(props.stale))));
  } else {
    say(elapsed(job, now), elapsed(job, now, true));
  }
  return [wide.join(' · '), narrow.join(' · ')];
}

function elapsed(job: IJob, now: number, brief = false): string {
  const from = format.date(job.started ?? job.submitted).getTime();
  const to = job.ended ? format.date(job.ended).getTime() : now;
  return format.duration((to - from) / 1000, brief);
}

/** 1st, 2nd, 3rd, 4th: in English; elsewhere a plain number with a full stop. */
function ordinal(value: number): string {
  const lang = document.documentElement.lang || 'en';
  if (!lang.startsWith('en')) {
    return `${value}.`;
  }
  const rule = new Intl.PluralRules('en', { type: 'ordinal' }).select(value);
  const ends: Record<string, string> = { one: 'st', two: 'nd', few: 'rd' };
  return `${value}${ends[rule] ?? 'th'}`;
}
