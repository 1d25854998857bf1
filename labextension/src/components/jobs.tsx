/**
 * The jobs of the server: those under way first, then what has ended.
 */
import * as React from 'react';
import { inFilter, matches, orderJobs } from '../derive';
import type { JobFilter } from '../derive';
import * as format from '../format';
import { isActive } from '../state';
import type { IJob } from '../types';
import { useChariots, useChariotsState, useHook } from './context';
import { JobRow, hasTwoLines } from './jobrow';
import { NoMatch, blockedFor } from './pipelines';
import { Rows } from './rows';
import type { IRow } from './rows';
import { Empty, Waiting } from './words';

interface IJobLine extends IRow {
  job: IJob;
  id: string;
  queued: number | null;
}

export interface IJobsProps {
  query?: string;
  onClear?: () => void;
  filter: JobFilter;
  onFilter: (filter: JobFilter) => void;
  /** Only jobs of these pipelines; all if not given. */
  names?: readonly string[];
}

export function Jobs(props: IJobsProps): JSX.Element | null {
  const { trans, host, model, inCell } = useChariots();
  const state = useChariotsState();
  const { query = '', filter, names } = props;
  const jobs = React.useMemo(
    () => (names ? state.jobs.filter(job => names.includes(job.pipeline)) : state.jobs),
    [state.jobs, names]
  );
  const short = React.useMemo(() => format.shortIds(jobs.map(job => job.id)), [jobs]);
  const rows = React.useMemo(() => {
    let place = 0;
    const lines: IJobLine[] = [];
    for (const job of orderJobs(jobs)) {
      const queued = job.status === 'queued' ? ++place : null;
      const word = job.status;
      if (inFilter(job, filter) && matches([job.pipeline, word, job.id], query)) {
        lines.push({
          key: `j ${job.id}`,
          lines: hasTwoLines(job) ? 2 : 1,
          text: job.pipeline,
          job,
          id: short.get(job.id) ?? job.id,
          queued
        });
      }
    }
    return lines;
  }, [jobs, short, filter, query]);

  if (state.connection === 'first') {
    return <Waiting />;
  }
  if (!jobs.length) {
    const silent = state.connection === 'absent' || state.connection === 'forbidden';
    return silent ? null : (
      <Empty title={trans.__('No jobs yet')}>
        <p>
          {trans.__(
            'A run that goes to a worker is a job. It is kept here, with its log, even when this tab is closed.'
          )}
        </p>
      </Empty>
    );
  }
  const blocked = blockedFor(state, undefined, trans);
  const stale = state.connection === 'away' ? state.asOf : null;
  return (
    <>
      <Filters {...props} counts={counts(jobs, names ? null : state.jobCounts)} />
      {rows.length ? (
        <Rows<IJobLine>
          rows={rows}
          role="grid"
          label={trans.__('Jobs')}
          onEnter={row => host.log({ job: row.job.id })}
          onShortcut={
            inCell
              ? (row, key) => key === 'end' && !blocked && isActive(row.job) && host.cancel(row.job.id)
              : undefined
          }
          onMenu={(row, x, y) => host.menu({ job: row.job.id }, x, y)}
          onEnd={() => void model.moreJobs().catch(() => undefined)}
          render={(row, place) => (
            <JobRow
              key={row.key}
              job={row.job}
              id={row.id}
              queued={row.queued}
              after={(row.job.after ?? []).map(id => short.get(id) ?? id.slice(0, 4)).join(', ')}
              place={place}
              blocked={blocked}
              stale={stale}
            />
          )}
        />
      ) : query ? (
        <NoMatch query={query} onClear={props.onClear} />
      ) : (
        <div className="jp-Chariots-empty">
          <p>{trans.__('None of these.')}</p>
        </div>
      )}
    </>
  );
}

type Counts = Record<JobFilter, number>;

/** How many there are: as the server counts all of them, else as far as they are known. */
function counts(
  jobs: readonly IJob[],
  said: Readonly<Partial<Record<IJob['status'], number>>> | null
): Counts {
  const by = said ?? {};
  const known = (filter: JobFilter) => jobs.filter(job => inFilter(job, filter)).length;
  const told = (...statuses: IJob['status'][]) =>
    statuses.reduce((sum, status) => sum + (by[status] ?? 0), 0);
  const active = said ? told('running', 'queued', 'deferred') : known('active');
  const failed = said ? told('failed') : known('failed');
  const done = said ? told('done', 'cancelled') : known('done');
  return { all: active + failed + done, active, failed, done };
}

function Filters(props: IJobsProps & { counts: Counts }): JSX.Element {
  const { trans } = useChariots();
  const words: [JobFilter, string][] = [
    ['all', trans.__('All')],
    ['active', trans.__('Active')],
    ['failed', trans.__('Failed')],
    ['done', trans.__('Done')]
  ];
  return (
    <Choice
      className="jp-Chariots-filters"
      label={trans.__('Show jobs')}
      value={props.filter}
      options={words.map(([value, text]) => ({
        value,
        text,
        more: (
          <span className={`ch-n ${value === 'all' || value === 'done' ? 'ch-wide' : ''}`}>
            {format.count(props.counts[value])}
          </span>
        )
      }))}
      onChange={value => props.onFilter(value as JobFilter)}
      testid="chariots-filter"
    />
  );
}

/** Buttons of which one is pressed; one stop of Tab, arrows within. */
export function Choice(props: {
  className: string;
  label: string;
  value: string;
  options: { value: string; text: string; more?: React.ReactNode }[];
  onChange: (value: string) => void;
  testid?: string;
}): JSX.Element {
  const { options, value, onChange } = props;
  const hook = useHook();
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step) {
      const at = options.findIndex(option => option.value === value);
      const next = options[(at + step + options.length) % options.length];
      onChange(next.value);
      const group = event.currentTarget;
      group.querySelector<HTMLElement>(`[data-value="${next.value}"]`)?.focus();
      event.preventDefault();
      event.stopPropagation();
    }
  };
  return (
    <div
      className={props.className}
      role="radiogroup"
      aria-label={props.label}
      onKeyDown={onKeyDown}
    >
      {options.map(option => {
        const { className, ...testid } = hook(props.testid && `${props.testid}-${option.value}`);
        return (
        <button
          key={option.value}
          {...testid}
          type="button"
          className={`ch-btn ${className}`}
          role="radio"
          aria-checked={option.value === value}
          tabIndex={option.value === value ? 0 : -1}
          data-value={option.value}
          onClick={() => onChange(option.value)}
        >
          {option.text} {option.more}
        </button>
        );
      })}
    </div>
  );
}
