/**
 * The tab "History": the versions of each op, and what differs between two of them.
 */
import * as React from 'react';
import { failureOf } from '../api';
import { versionOf } from '../derive';
import * as format from '../format';
import type { ILoadableVersion, IVersionInfo } from '../types';
import { useAsked, useChariots, useChariotsState } from './context';
import { Differences } from './differences';
import { Icon } from './icons';
import { Choice } from './jobs';
import { Source } from './nodefacts';
import type { ITabProps } from './tab';

type Sort = { by: string; down: boolean };

export function History(props: ITabProps): JSX.Element {
  const { view } = props;
  const ops = view.ops ?? [];
  const { trans } = useChariots();
  const [op, setOp] = React.useState(ops[ops.length - 1]);
  if (!op) {
    return (
      <div className="jp-ChariotsView-main">
        <div className="jp-Chariots-empty">
          <h3>{trans.__('No op of %1 has state', view.name)}</h3>
          <p>{trans.__('Only what learns has a history of versions.')}</p>
        </div>
      </div>
    );
  }
  return (
    <>
      <div className="ch-oplist" role="listbox" aria-label={trans.__('Ops')}>
        {ops.map(name => (
          <div
            key={name}
            className={`jp-Chariots-row ${name === op ? 'is-active' : ''}`}
            role="option"
            aria-selected={name === op}
            tabIndex={name === op ? 0 : -1}
            onClick={() => setOp(name)}
            onKeyDown={event => {
              const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
              const next = step && ops[ops.indexOf(name) + step];
              if (next) {
                setOp(next);
                const row = event.currentTarget;
                ((step > 0 ? row.nextSibling : row.previousSibling) as HTMLElement).focus();
                event.preventDefault();
              }
            }}
          >
            <Icon name="tag" />
            <span className="ch-name ch-t" title={name}>
              {name}
            </span>
          </div>
        ))}
      </div>
      <Versions key={op} {...props} op={op} />
    </>
  );
}

function Versions(props: ITabProps & { op: string }): JSX.Element {
  const { view, op } = props;
  const { trans, model } = useChariots();
  const { seq } = useChariotsState();
  const [older, setOlder] = React.useState<{ items: IVersionInfo[]; next: number | null }>();
  const [show, setShow] = React.useState<'table' | 'lineage'>('table');
  const [pair, setPair] = React.useState<{ a?: string; b?: string }>({});
  const first = useAsked(() => model.api.versions(op), [op, seq]);
  const loadable = useAsked(() => model.api.loadable(view.name), [view.name, seq]);
  const items = React.useMemo(() => {
    const fresh = first.value?.items ?? [];
    const known = new Set(fresh.map(info => info.version));
    return [...fresh, ...(older?.items ?? []).filter(info => !known.has(info.version))];
  }, [first.value, older]);
  const next = older ? older.next : (first.value?.next ?? null);
  const served = versionOf(view, op)?.version;
  const at = items.findIndex(info => info.version === served);
  // what is served and its predecessor; without one, with what came after it
  const here = Math.max(0, at);
  const from = here + 1 < items.length ? here + 1 : here;
  const a = pair.a ?? items[from]?.version;
  const b = pair.b ?? items[Math.max(0, from - 1)]?.version;
  const more = () => {
    if (next !== null) {
      void model.api
        .versions(op, next)
        .then(page =>
          setOlder(old => ({ items: [...(old?.items ?? []), ...page.items], next: page.next }))
        )
        .catch(() => undefined);
    }
  };
  if (first.error && !first.value) {
    return <div className="jp-ChariotsView-main">{failureOf(first.error).message}</div>;
  }
  const infoA = items.find(info => info.version === a);
  const infoB = items.find(info => info.version === b);
  const dirty = items.some(info => info.facts.git?.dirty);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <div
      className="jp-ChariotsView-main"
      onScroll={event => {
        const node = event.currentTarget;
        if (next !== null && node.scrollHeight - node.scrollTop - node.clientHeight < 200) {
          more();
        }
      }}
    >
      <div className="ch-bar">
        <b>{op}</b>
        <span className="ch-mute">
          {next === null
            ? trans._n('%1 version', '%1 versions', items.length)
            : trans.__('%1 versions and older ones', items.length)}
          {items.length > 1 ? ` · ${trans.__('choose A and B to compare')}` : ''}
        </span>
        <span className="ch-spacer" />
        <Choice
          className="ch-seg"
          label={trans.__('Shown as')}
          value={show}
          options={[
            { value: 'table', text: trans.__('Table') },
            { value: 'lineage', text: trans.__('Lineage') }
          ]}
          onChange={value => setShow(value as 'table' | 'lineage')}
        />
      </div>
      {show === 'table' ? (
        <Table
          {...props}
          items={items}
          loadable={loadable.value?.ops[op]?.items ?? []}
          served={served}
          a={a}
          b={b}
          onPick={(side, version) => setPair({ a, b, [side]: version })}
        />
      ) : (
        <Lineage items={items} />
      )}
      {show === 'table' && (
        <p className="ch-mute ch-small">
          {dirty ? `* ${trans.__('saved with changes not committed.')} ` : ''}
          {trans.__('Times in %1.', zone)}
          {next !== null && (
            <button type="button" className="ch-link" onClick={more}>
              {trans.__('Older versions')}
            </button>
          )}
        </p>
      )}
      {infoA && infoB && a !== b && (
        <Differences
          op={op}
          a={infoA}
          b={infoB}
          onSwap={() => setPair({ a: b, b: a })}
        />
      )}
    </div>
  );
}

interface ITableProps extends ITabProps {
  op: string;
  items: readonly IVersionInfo[];
  loadable: readonly ILoadableVersion[];
  served: string | undefined;
  a: string | undefined;
  b: string | undefined;
  onPick: (side: 'a' | 'b', version: string) => void;
}

function Table(props: ITableProps): JSX.Element {
  const { items, loadable, view, op } = props;
  const { trans, host } = useChariots();
  const [sort, setSort] = React.useState<Sort>({ by: 'saved', down: true });
  const metrics = React.useMemo(() => {
    const names = items.flatMap(info => Object.keys(info.facts.metrics ?? {}));
    return [...new Set(names)].slice(0, 2);
  }, [items]);
  const rows = React.useMemo(() => sorted(items, sort), [items, sort]);
  const head = (by: string, text: string, className = '') => (
    <th
      className={className}
      aria-sort={sort.by === by ? (sort.down ? 'descending' : 'ascending') : undefined}
    >
      <button
        type="button"
        onClick={() => setSort({ by, down: sort.by === by ? !sort.down : true })}
      >
        {text}
        {sort.by === by && <Icon name={sort.down ? 'caret' : 'caret-up'} />}
      </button>
    </th>
  );
  return (
    <table className="ch-tbl is-history" data-testid="chariots-history">
      <thead>
        <tr>
          <th className="is-ab" aria-label={trans.__('Compare')} />
          {head('number', trans.__('Version'))}
          <th>{trans.__('Digest')}</th>
          {head('saved', trans.__('Made'))}
          {head('who', trans.__('By'))}
          {metrics.map(name => head(`metric ${name}`, name, 'r'))}
          <th>{trans.__('Notebook · cell')}</th>
          <th>{trans.__('Commit')}</th>
          <th>{trans.__('Served')}</th>
          <th aria-label={trans.__('Action')} />
        </tr>
      </thead>
      <tbody>
        {rows.map(info => {
          const { version, number, facts } = info;
          const at = format.date(info.at);
          const can = loadable.find(one => one.version === version);
          const now = view.is_loaded && version === props.served;
          const selected = version === props.a || version === props.b;
          return (
            <tr key={version} className={selected ? 'is-sel' : ''} data-version={number ?? ''}>
              <td className="is-ab">
                {(['a', 'b'] as const).map(side => (
                  <button
                    key={side}
                    type="button"
                    className={`ch-ab ${props[side] === version ? 'on' : ''}`}
                    aria-pressed={props[side] === version}
                    aria-label={trans.__(
                      'Compare %1 as %2',
                      number ?? format.digest(version),
                      side.toUpperCase()
                    )}
                    onClick={() => props.onPick(side, version)}
                  >
                    {side.toUpperCase()}
                  </button>
                ))}
              </td>
              <td>{number ?? '–'}</td>
              <td className="ch-mono" title={version}>
                {format.digest(version)}
              </td>
              <td title={format.full(at)}>{format.day(at)}</td>
              <td>{info.who ?? '–'}</td>
              {metrics.map(name => (
                <td key={name} className="r">
                  {facts.metrics && name in facts.metrics
                    ? format.metric(facts.metrics[name])
                    : '–'}
                </td>
              ))}
              <td>
                <Source info={info} />
              </td>
              <td className="ch-mono">
                {facts.git?.commit
                  ? facts.git.commit.slice(0, 7) + (facts.git.dirty ? '*' : '')
                  : '–'}
              </td>
              <td>
                {now ? (
                  <>
                    <Icon name="check" tone="ok" /> {trans.__('served now')}
                  </>
                ) : info.size === null ? (
                  trans.__('state removed')
                ) : number === null ? (
                  trans.__('not saved')
                ) : (
                  ''
                )}
              </td>
              <td className="r">
                {can && !now && (
                  <button
                    type="button"
                    className="ch-link"
                    onClick={() =>
                      can.fits
                        ? host.load(view.name, { [op]: can.number })
                        : host.explain(trans.__('%1 %2 cannot be loaded', op, can.number), {
                            code: 'version_error',
                            message: can.reason ?? ''
                          })
                    }
                  >
                    {can.fits ? trans.__('Load') : trans.__('Why not?')}
                  </button>
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function sorted(items: readonly IVersionInfo[], sort: Sort): IVersionInfo[] {
  const key = (info: IVersionInfo): string | number => {
    if (sort.by === 'number') {
      const parts = (info.number ?? '0').split('.').map(Number);
      return parts.reduce((sum, part) => sum * 100_000 + part, 0);
    }
    if (sort.by.startsWith('metric ')) {
      const value = info.facts.metrics?.[sort.by.slice(7)];
      return typeof value === 'number' ? value : -Infinity;
    }
    return sort.by === 'who' ? (info.who ?? '') : format.date(info.at).getTime();
  };
  const sign = sort.down ? -1 : 1;
  return [...items].sort((x, y) => {
    const [a, b] = [key(x), key(y)];
    return sign * (a < b ? -1 : a > b ? 1 : x.id - y.id);
  });
}

/** Each version with what it was trained on. */
function Lineage(props: { items: readonly IVersionInfo[] }): JSX.Element {
  const { trans } = useChariots();
  return (
    <ul className="ch-lineage">
      {props.items.map(info => (
        <li key={info.version}>
          {info.trained_on.map(up => (
            <span key={up.op} className={`ch-box ${up.stateful ? '' : 'is-stateless'}`}>
              {up.op} <span className="ch-mono">{up.stateful ? up.label : ''}</span>
            </span>
          ))}
          {info.trained_on.length > 0 && (
            <span className="ch-mute" aria-label={trans.__('trained')}>
              →
            </span>
          )}
          <span className="ch-box is-own">
            {info.op} <b>{info.number ?? format.digest(info.version)}</b>
          </span>
        </li>
      ))}
    </ul>
  );
}
