/**
 * The tab "Served": which versions were served when, and by whose doing.
 */
import * as React from 'react';
import { failureOf } from '../api';
import * as format from '../format';
import type { IServedRow } from '../types';
import { Button } from './button';
import { useAsked, useChariots, useChariotsState } from './context';
import { Icon } from './icons';
import { Choice } from './jobs';
import type { ITabProps } from './tab';

const DAY_MS = 86_400_000;
const RANGES: Record<string, number> = { '1': DAY_MS, '7': 7 * DAY_MS, '30': 30 * DAY_MS };

export function Served(props: ITabProps): JSX.Element {
  const { view } = props;
  const { trans, model } = useChariots();
  const { seq } = useChariotsState();
  const [range, setRange] = React.useState('1');
  const [at, setAt] = React.useState('');
  const [lane, setLane] = React.useState<string | null>(null);
  const now = Date.now();
  const from = now - RANGES[range];
  const { value, error } = useAsked(
    () =>
      model.api.served(view.name, { from: new Date(from).toISOString(), limit: 1000 }),
    [view.name, seq, range]
  );
  const answer = useAsked(() => {
    const when = at ? new Date(at).toISOString() : null;
    return when
      ? model.api.served(view.name, { from: when, to: when, limit: 1 })
      : Promise.resolve(null);
  }, [view.name, at, seq]);
  const rows = value?.items ?? [];
  const ops = [...(view.ops ?? [])].reverse();
  const then = answer.value?.items[0];
  return (
    <div className="jp-ChariotsView-main" data-testid="chariots-served">
      <div className="ch-bar">
        <Choice
          className="ch-seg"
          label={trans.__('Range')}
          value={range}
          options={[
            { value: '1', text: trans.__('24 hours') },
            { value: '7', text: trans.__('7 days') },
            { value: '30', text: trans.__('30 days') }
          ]}
          onChange={setRange}
        />
        <label className="ch-mute" htmlFor={`at-${view.name}`}>
          {trans.__('At')}
        </label>
        <input
          id={`at-${view.name}`}
          className="ch-input"
          type="datetime-local"
          value={at}
          onChange={event => setAt(event.target.value)}
        />
        <span role="status">
          {at && answer.value && (then ? <Said row={then} ops={ops} /> : trans.__('nothing was served'))}
        </span>
        <span className="ch-spacer" />
        <Button
          icon="download"
          text="CSV"
          title={trans.__('Save the table as CSV')}
          disabled={rows.length ? null : trans.__('Nothing to save')}
          onClick={() => download(`${view.name}-served.csv`, csv(rows, ops))}
        />
      </div>
      {error ? <p role="alert">{failureOf(error).message}</p> : null}
      {value && !rows.length ? (
        <div className="jp-Chariots-empty">
          <p>{trans.__('Nothing was served in this time.')}</p>
        </div>
      ) : (
        <>
          <Lanes rows={rows} ops={ops} from={from} now={now} at={at} onLane={setLane} />
          <Table rows={rows} ops={ops} now={now} lane={lane} loaded={view.is_loaded} />
        </>
      )}
    </div>
  );
}

function setOf(row: IServedRow, ops: readonly string[]): string[] {
  return ops.filter(op => op in row.numbers).map(op => `${op} ${row.numbers[op] ?? '–'}`);
}

function Said(props: { row: IServedRow; ops: readonly string[] }): JSX.Element {
  const { trans } = useChariots();
  const [first, ...rest] = setOf(props.row, props.ops);
  return (
    <>
      {trans.__('served')} <b>{first ?? '–'}</b>
      {rest.length ? ` ${trans.__('with %1', rest.join(', '))}` : ''}
    </>
  );
}

const LANE = 42;
const LABEL = 200;
const WIDTH = 900;

function Lanes(props: {
  rows: readonly IServedRow[];
  ops: readonly string[];
  from: number;
  now: number;
  at: string;
  onLane: (lane: string | null) => void;
}): JSX.Element {
  const { rows, ops, from, now, at } = props;
  const { trans } = useChariots();
  const lanes = new Map<string, IServedRow[]>();
  for (const row of rows) {
    const key = setOf(row, ops).join(', ');
    lanes.set(key, [...(lanes.get(key) ?? []), row]);
  }
  const x = (time: number) =>
    LABEL + ((Math.max(from, time) - from) / (now - from)) * (WIDTH - LABEL - 20);
  const height = 24 + lanes.size * LANE + 8;
  const ticks = [1, 2, 3, 4, 5].map(part => from + ((now - from) * part) / 6);
  const days = now - from > 2 * DAY_MS;
  return (
    <svg
      className="ch-lanes"
      viewBox={`0 0 ${WIDTH} ${height}`}
      role="img"
      aria-label={trans.__('Which versions were served when; the table says the same')}
    >
      {ticks.map(tick => (
        <g key={tick}>
          <line className="l-g" x1={x(tick)} x2={x(tick)} y1="20" y2={height} />
          <text x={x(tick)} y="12" textAnchor="middle">
            {days
              ? new Date(tick).toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
              : format.hour(new Date(tick))}
          </text>
        </g>
      ))}
      <text x={x(now)} y="12" textAnchor="middle">
        {trans.__('now')}
      </text>
      {[...lanes].map(([key, of], index) => {
        const y = 24 + index * LANE;
        const [first, ...rest] = key.split(', ');
        return (
          <g key={key} onClick={() => props.onLane(key)} className="l-lane">
            <title>{key}</title>
            <text className="l-n" x="0" y={y + 15}>
              {first || trans.__('no versions')}
            </text>
            <text x="0" y={y + 30}>
              {rest.join(' · ').slice(0, 36)}
            </text>
            {of.map(row => {
              const start = x(format.date(row.at).getTime());
              const end = x(row.until ? format.date(row.until).getTime() : now);
              return (
                <rect
                  key={row.seq}
                  className={`l-bar ${row.until ? '' : 'on'}`}
                  x={start}
                  y={y + 5}
                  width={Math.max(2, end - start)}
                  height="24"
                  rx="2"
                />
              );
            })}
          </g>
        );
      })}
      <line className="l-now" x1={x(now)} x2={x(now)} y1="20" y2={height} />
      {at && (
        <line
          className="l-cur"
          x1={x(new Date(at).getTime())}
          x2={x(new Date(at).getTime())}
          y1="20"
          y2={height}
        />
      )}
    </svg>
  );
}

function Table(props: {
  rows: readonly IServedRow[];
  ops: readonly string[];
  now: number;
  lane: string | null;
  loaded: boolean;
}): JSX.Element {
  const { rows, ops, now, lane } = props;
  const { trans } = useChariots();
  const causes: Record<string, string> = {
    load: trans.__('load'),
    start: trans.__('start of the server'),
    serve: trans.__('serve')
  };
  return (
    <table className="ch-tbl">
      <thead>
        <tr>
          <th>{trans.__('From')}</th>
          <th>{trans.__('To')}</th>
          <th className="is-wide">{trans.__('Versions')}</th>
          <th>{trans.__('By')}</th>
          <th>{trans.__('Because of')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(row => {
          const versions = setOf(row, ops).join(', ');
          const [start, end] = [row.at, row.until].map(text => text && format.date(text));
          return (
            <tr key={row.seq} className={lane === versions ? 'is-sel' : ''}>
              <td title={start ? format.full(start) : ''}>
                {start ? format.day(start, now) : ''}
              </td>
              <td title={end ? format.full(end) : ''}>
                {end ? format.day(end, now) : trans.__('now')}
              </td>
              <td className="is-wide" title={versions}>
                {!row.until && props.loaded && <Icon name="check" tone="ok" />}{' '}
                {versions || trans.__('no versions')}
              </td>
              <td>{row.who ?? '–'}</td>
              <td>{causes[row.cause] ?? row.cause}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function csv(rows: readonly IServedRow[], ops: readonly string[]): string {
  // a spreadsheet must not take what users wrote for a formula
  const cell = (text: string) =>
    `"${text.replace(/^([=+\-@\t\r])/, "'$1").replace(/"/g, '""')}"`;
  const head = ['from', 'to', ...ops, 'who', 'cause'].map(cell).join(',');
  const lines = rows.map(row =>
    [
      row.at,
      row.until ?? '',
      ...ops.map(op => row.numbers[op] ?? ''),
      row.who ?? '',
      row.cause
    ]
      .map(cell)
      .join(',')
  );
  return [head, ...lines, ''].join('\n');
}

/** Give the browser a file to save. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
