/**
 * The pipelines of the server, one row each, with their details under it.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';
import { detailsOf, matches, runnable, stateOf, wordsOf } from '../derive';
import type { IDetail } from '../derive';
import { mayAct } from '../state';
import type { Busy, IState } from '../state';
import type { IPipeline } from '../types';
import { Button } from './button';
import { useChariots, useChariotsState } from './context';
import { DetailRow, PipelineRow } from './pipelinerow';
import { Rows } from './rows';
import type { IRow, Shortcut } from './rows';
import { Empty, Waiting } from './words';

/** Up to so many pipelines are open until somebody folds them. */
const FEW = 6;

interface IPipelineLine extends IRow {
  view: IPipeline;
  detail?: IDetail;
}

export interface IPipelinesProps {
  query?: string;
  onClear?: () => void;
  /** Only these; all if not given. */
  names?: readonly string[];
  /** What was folded or unfolded by hand, by name; kept by whoever shows the list. */
  folds: Readonly<Record<string, boolean>>;
  onFold: (name: string, open: boolean) => void;
}

export function isOpen(
  name: string,
  folds: Readonly<Record<string, boolean>>,
  many: number
): boolean {
  return folds[name] ?? many <= FEW;
}

export function Pipelines(props: IPipelinesProps): JSX.Element | null {
  const { trans, host, model, inCell } = useChariots();
  const state = useChariotsState();
  const { query = '', folds, onFold, names } = props;
  const { notes } = state;
  const pipelines = React.useMemo(
    () =>
      names ? state.pipelines.filter(view => names.includes(view.name)) : state.pipelines,
    [state.pipelines, names]
  );

  const rows = React.useMemo(() => {
    const lines: IPipelineLine[] = [];
    for (const view of pipelines) {
      const word = wordsOf(stateOf(view), trans)[0];
      if (!matches([view.name, word, ...(view.ops ?? [])], query)) {
        continue;
      }
      const key = `p ${view.name}`;
      const open = isOpen(view.name, folds, pipelines.length);
      lines.push({ key, lines: 1, text: view.name, open, view });
      if (open) {
        for (const detail of detailsOf(view, notes[view.name], trans)) {
          lines.push({
            key: `d ${view.name} ${detail.key}`,
            lines: 1,
            text: '',
            parent: key,
            view,
            detail
          });
        }
      }
    }
    return lines;
  }, [pipelines, notes, query, folds, trans]);

  const toggle = React.useCallback(
    (name: string) => onFold(name, !isOpen(name, folds, pipelines.length)),
    [onFold, folds, pipelines.length]
  );
  const follow = React.useCallback(
    (name: string, detail: IDetail) => {
      const view = model.state.pipelines.find(one => one.name === name);
      if (detail.link?.to === 'graph' || detail.link?.to === 'view') {
        host.open(name, 'graph');
      } else if (view) {
        const note = detail.key === 'note' ? model.state.notes[name]?.failure : null;
        const own = { code: '', message: view.reason ?? '', hint: view.hint };
        const failure = note ?? (detail.key === 'error' ? view.last_error : null) ?? own;
        host.explain(name, failure.message ? failure : (view.last_error ?? failure));
      }
    },
    [host, model]
  );

  if (state.connection === 'first' || (state.starting && !pipelines.length)) {
    return <Waiting />;
  }
  if (!pipelines.length) {
    return <NoPipelines state={state} />;
  }
  if (!rows.length) {
    return <NoMatch query={query} onClear={props.onClear} />;
  }
  const blocked = {
    run: blockedFor(state, 'run', trans),
    save: blockedFor(state, 'save', trans),
    load: blockedFor(state, 'load', trans)
  };
  const press = ({ view }: IPipelineLine, key: Shortcut) => {
    if (key === 'run' && !blocked.run && runnable(view)) {
      host.run(view.name);
    } else if (key === 'save' && !blocked.save && view.unsaved) {
      host.save(view.name);
    } else if (key === 'end' && !blocked.save) {
      host.unserve(view.name);
    }
  };
  return (
    <Rows<IPipelineLine>
      rows={rows}
      role="treegrid"
      label={trans.__('Pipelines')}
      onToggle={(row, open) => onFold(row.view.name, open)}
      onEnter={row =>
        row.detail?.link ? follow(row.view.name, row.detail) : host.open(row.view.name)
      }
      onShortcut={inCell ? press : undefined}
      onMenu={(row, x, y) => host.menu({ pipeline: row.view.name }, x, y)}
      render={(row, place) =>
        row.detail ? (
          <DetailRow
            key={row.key}
            name={row.view.name}
            detail={row.detail}
            place={place}
            onLink={follow}
          />
        ) : (
          <PipelineRow
            key={row.key}
            view={row.view}
            open={Boolean(row.open)}
            place={place}
            blocked={blocked}
            busy={{
              run: `run:${row.view.name}` in state.busy,
              save: `save:${row.view.name}` in state.busy,
              load: `load:${row.view.name}` in state.busy
            }}
            onToggle={toggle}
          />
        )
      }
    />
  );
}

/** Why a button does nothing now, in words; null: it does. */
export function blockedFor(
  state: IState,
  action: Busy | undefined,
  trans: TranslationBundle
): string | null {
  if (mayAct(state, action)) {
    return null;
  }
  if (state.connection === 'kept') {
    return trans.__('The last state of this notebook: it has no kernel');
  }
  if (state.connection !== 'live') {
    return trans.__('No connection');
  }
  return state.understood
    ? trans.__('You may not do this')
    : trans.__('Reload the page first');
}

function NoPipelines(props: { state: IState }): JSX.Element | null {
  const { trans, host } = useChariots();
  if (props.state.connection === 'absent' || props.state.connection === 'forbidden') {
    return null; // the banner says it
  }
  return (
    <Empty title={trans.__('No pipelines are served')}>
      <p>
        {host.serve
          ? trans.__(
              'Serve the pipelines that the current notebook defines, or run in a cell:'
            )
          : trans.__('Run in a cell:')}
      </p>
      <p>
        <code>PipelinesClient().serve(pipeline)</code>
      </p>
      {host.serve && (
        <Button
          className="is-filled"
          icon="wheel"
          text={trans.__('Serve notebook')}
          title={trans.__('Serve the pipelines of the current notebook')}
          disabled={blockedFor(props.state, undefined, trans)}
          onClick={() => host.serve?.()}
        />
      )}
    </Empty>
  );
}

export function NoMatch(props: {
  query: string;
  onClear?: () => void;
}): JSX.Element {
  const { trans } = useChariots();
  return (
    <div className="jp-Chariots-empty">
      <p>{trans.__('No match for “%1”.', props.query)}</p>
      {props.onClear && (
        <Button
          className="is-link"
          text={trans.__('Clear filter')}
          onClick={() => props.onClear?.()}
        />
      )}
    </div>
  );
}
