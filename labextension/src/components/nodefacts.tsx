/**
 * What is known of the version of a selected node.
 */
import * as React from 'react';
import * as format from '../format';
import type { INodePlace } from '../layout';
import type { ViewTab } from '../tokens';
import type { IVersionInfo } from '../types';
import { Button } from './button';
import { useAsked, useChariots } from './context';

export function NodeFacts(props: {
  node: INodePlace;
  op: string | undefined;
  version: string | undefined;
  onTab: (tab: ViewTab) => void;
}): JSX.Element {
  const { node, op, version } = props;
  const { trans, model, host } = useChariots();
  const { value: info } = useAsked(
    () =>
      op && version ? model.api.version(op, version.split('_')[0]) : Promise.resolve(null),
    [op, version]
  );
  const facts = info?.facts;
  const rows: [string, React.ReactNode][] = [
    [trans.__('Op'), node.ops.join(', ')],
    [trans.__('Mode'), node.mode ?? '–']
  ];
  if (info) {
    const at = format.date(info.at);
    rows.push(
      [
        trans.__('Version'),
        <span key="v" title={info.version}>
          {info.number ?? trans.__('not saved')}{' '}
          <span className="ch-mono ch-mute">{format.digest(info.version)}</span>
        </span>
      ],
      [
        trans.__('Made'),
        <span key="a" title={format.full(at)}>
          {info.who ? trans.__('%1 by %2', format.day(at), info.who) : format.day(at)}
        </span>
      ],
      [trans.__('From'), <Source key="f" info={info} />],
      [trans.__('Commit'), commit(info, trans.__('with local changes'))],
      [
        trans.__('Trained on'),
        info.trained_on
          .filter(up => up.stateful)
          .map(up => `${up.op} ${up.label}`)
          .join(', ') || '–'
      ],
      [
        trans.__('State'),
        info.size === null ? trans.__('removed by clean-up') : format.bytes(info.size)
      ]
    );
    for (const [name, value] of Object.entries(facts?.metrics ?? {})) {
      rows.push([name, format.metric(value)]);
    }
  }
  return (
    <div className="ch-facts" data-testid="chariots-node">
      <h4 className="ch-h">
        {node.name} <span className="ch-mute">{trans.__('selected node')}</span>
      </h4>
      <dl>
        {rows.map(([name, value]) => (
          <React.Fragment key={name}>
            <dt className="ch-mute ch-t">{name}</dt>
            <dd className="ch-t">{value}</dd>
          </React.Fragment>
        ))}
      </dl>
      {op && (
        <div className="ch-acts">
          <Button icon="history" text={trans.__('History')} onClick={() => props.onTab('history')} />
          {facts?.notebook && (
            <Button
              icon="notebook"
              text={trans.__('Go to cell')}
              onClick={() => host.goTo(facts.notebook!, facts.cell?.id)}
            />
          )}
        </div>
      )}
    </div>
  );
}

/** Notebook and cell, as a link; else the module or pipeline that it came from. */
export function Source(props: { info: IVersionInfo }): JSX.Element {
  const { facts, pipeline } = props.info;
  const { host } = useChariots();
  const { notebook, cell } = facts;
  if (typeof notebook !== 'string') {
    const origin = facts.origin ?? pipeline ?? '–';
    return <span title={String(origin)}>{format.path(String(origin))}</span>;
  }
  const count = cell?.execution_count;
  const text = format.path(notebook) + (count ? ` · ${count}` : '');
  return (
    <button
      type="button"
      className="ch-link"
      title={notebook}
      onClick={() => host.goTo(notebook, cell?.id)}
    >
      {text}
    </button>
  );
}

function commit(info: IVersionInfo, changed: string): string {
  const { git } = info.facts;
  if (!git?.commit) {
    return '–';
  }
  return git.commit.slice(0, 7) + (git.dirty ? `, ${changed}` : '');
}
