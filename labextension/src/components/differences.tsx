/**
 * What differs between two versions of an op, and nothing else.
 */
import * as React from 'react';
import { failureOf } from '../api';
import * as format from '../format';
import type { IVersionInfo } from '../types';
import { Button } from './button';
import { useAsked, useChariots } from './context';

interface IRow {
  name: string;
  a: unknown;
  b: unknown;
}

export function Differences(props: {
  op: string;
  a: IVersionInfo;
  b: IVersionInfo;
  onSwap: () => void;
}): JSX.Element {
  const { op, a, b } = props;
  const { trans, model } = useChariots();
  const key = (info: IVersionInfo) => info.version.split('_')[0];
  const { value, error } = useAsked(
    () => model.api.diff(op, key(a), key(b)),
    [op, a.version, b.version]
  );
  const facts = Object.entries(value?.facts ?? {}).map(([name, [x, y]]) => ({ name, a: x, b: y }));
  const of = (prefix: string): IRow[] =>
    facts
      .filter(row => row.name.startsWith(prefix))
      .map(row => ({ ...row, name: row.name.slice(prefix.length) }));
  const shown = ['metrics.', 'parameters.', 'packages.'];
  const others = facts.filter(
    row => !shown.some(prefix => row.name.startsWith(prefix)) && !DULL.test(row.name)
  );
  const lineage = Object.entries(value?.lineage ?? {}).map(([name, [x, y]]) => ({
    name,
    a: x,
    b: y
  }));
  return (
    <section className="ch-differences" data-testid="chariots-diff">
      <div className="ch-bar">
        <h4 className="ch-h">{trans.__('Differences')}</h4>
        <Side letter="A" info={a} /> <span>→</span> <Side letter="B" info={b} />
        <Button text={trans.__('Swap')} onClick={props.onSwap} />
        <span className="ch-spacer" />
        <span className="ch-mute ch-t">{same(a, b, facts, trans)}</span>
      </div>
      {error ? <p role="alert">{failureOf(error).message}</p> : null}
      <div className="ch-columns">
        <div>
          <Section
            title={trans.__('Metrics')}
            rows={of('metrics.')}
            say={row => delta(row)}
          />
          <Section title={trans.__('Fields')} rows={of('parameters.')} />
          <Section title={trans.__('Trained on')} rows={lineage} />
          <Section title={trans.__('Packages')} rows={of('packages.')} />
          <Section title={trans.__('Other')} rows={others} />
          {value && !facts.length && !lineage.length && !value.source && (
            <p className="ch-mute">
              {value.state?.length
                ? trans.__('Only what was learned differs.')
                : trans.__('Nothing differs.')}
            </p>
          )}
        </div>
        {value?.source && <Source text={value.source} />}
      </div>
    </section>
  );
}

/** Facts that say nothing to a reader. */
const DULL = /^(code|learned|source|helpers|values\.|schema\.example|duration|cell\.)/;

function Side(props: { letter: string; info: IVersionInfo }): JSX.Element {
  const { info } = props;
  return (
    <>
      <span className="ch-ab on">{props.letter}</span>
      <span>{info.number ?? '–'}</span>
      <span className="ch-mono ch-mute">{format.digest(info.version)}</span>
    </>
  );
}

function Section(props: {
  title: string;
  rows: readonly IRow[];
  say?: (row: IRow) => string;
}): JSX.Element | null {
  const { title, rows } = props;
  const { trans } = useChariots();
  if (!rows.length) {
    return null;
  }
  const word = (row: IRow) =>
    row.a === null || row.a === undefined
      ? trans.__('added')
      : row.b === null || row.b === undefined
        ? trans.__('removed')
        : trans.__('changed');
  return (
    <>
      <h4 className="ch-h">
        {title}{' '}
        <span className="ch-mute">{trans._n('%1 differs', '%1 differ', rows.length)}</span>
      </h4>
      <table className="ch-tbl is-diff">
        <thead className="ch-hidden">
          <tr>
            <th>{trans.__('Name')}</th>
            <th>A</th>
            <th>B</th>
            <th>{trans.__('Change')}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={row.name}>
              <td title={row.name}>{row.name}</td>
              <td className="ch-mono" title={show(row.a)}>
                {show(row.a)}
              </td>
              <td className="ch-mono" title={show(row.b)}>
                {show(row.b)}
              </td>
              <td className="ch-mute">{props.say?.(row) || word(row)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function show(value: unknown): string {
  return value === null || value === undefined ? '–' : format.metric(value);
}

/** ▲ and ▼ say up and down, not better and worse. */
function delta(row: IRow): string {
  if (typeof row.a !== 'number' || typeof row.b !== 'number') {
    return '';
  }
  const by = row.b - row.a;
  return `${by > 0 ? '▲ +' : '▼ −'}${format.metric(Math.abs(by))}`;
}

/** "Same and not shown: 5 fields, 31 packages, Python 3.11.7". */
function same(
  a: IVersionInfo,
  b: IVersionInfo,
  facts: readonly IRow[],
  trans: ReturnType<typeof useChariots>['trans']
): string {
  const many = (what: string) => {
    const all = Object.keys((a.facts[what] as object | undefined) ?? {}).length;
    const differ = facts.filter(row => row.name.startsWith(`${what}.`)).length;
    return Math.max(0, all - differ);
  };
  const [fields, packages] = [many('parameters'), many('packages')];
  const parts = [
    fields ? trans._n('%1 field', '%1 fields', fields) : '',
    packages ? trans._n('%1 package', '%1 packages', packages) : '',
    a.facts.python && a.facts.python === b.facts.python ? `Python ${a.facts.python}` : ''
  ].filter(Boolean);
  return parts.length ? trans.__('Same and not shown: %1', parts.join(', ')) : '';
}

/** A unified diff with the numbers of both sides. */
function Source(props: { text: string }): JSX.Element {
  const { trans } = useChariots();
  const lines = React.useMemo(() => diffLines(props.text), [props.text]);
  const added = lines.filter(line => line.sign === '+').length;
  const removed = lines.filter(line => line.sign === '−').length;
  return (
    <div className="ch-sourcebox">
      <h4 className="ch-h">
        {trans.__('Source')}{' '}
        <span className="ch-mute">
          {trans.__('%1 added, %2 removed', added, removed)}
        </span>
      </h4>
      <div className="ch-diff" tabIndex={0} role="group" aria-label={trans.__('Source')}>
        {lines.map((line, index) => (
          <div key={index} className={line.kind}>
            <span className="ln">{line.a ?? ''}</span>
            <span className="ln">{line.b ?? ''}</span>
            <span className="sg">{line.sign}</span>
            <span className="ch-src">{line.text}</span>
          </div>
        ))}
      </div>
    </div>
  );
}

export interface IDiffLine {
  kind: '' | 'add' | 'del' | 'hunk';
  sign: string;
  a?: number;
  b?: number;
  text: string;
}

export function diffLines(text: string): IDiffLine[] {
  const lines: IDiffLine[] = [];
  let [a, b] = [1, 1];
  const all = text.replace(/\n$/, '').split('\n');
  for (const [index, line] of all.entries()) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)$/.exec(line);
    if (hunk) {
      [a, b] = [Number(hunk[1]), Number(hunk[2])];
      lines.push({ kind: 'hunk', sign: '', text: hunk[3] || '…' });
    } else if (line.startsWith('--- ') && all[index + 1]?.startsWith('+++ ')) {
      lines.push({ kind: 'hunk', sign: '', text: line.slice(4) });
    } else if (line.startsWith('+++ ') && all[index - 1]?.startsWith('--- ')) {
      continue;
    } else if (line.startsWith('+')) {
      lines.push({ kind: 'add', sign: '+', b: b++, text: line.slice(1) });
    } else if (line.startsWith('-')) {
      lines.push({ kind: 'del', sign: '−', a: a++, text: line.slice(1) });
    } else {
      lines.push({ kind: '', sign: '', a: a++, b: b++, text: line.slice(1) });
    }
  }
  return lines;
}
