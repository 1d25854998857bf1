/**
 * The main-area view of a pipeline: toolbar, tabs, and one of them.
 */
import * as React from 'react';
import { runnable, stateOf, traffic } from '../derive';
import { failureOf } from '../api';
import type { ViewTab } from '../tokens';
import type { IPipeline } from '../types';
import { Banner } from './banner';
import { Button } from './button';
import { Call } from './call';
import { useAsked, useChariots, useChariotsState } from './context';
import { Graph } from './graphtab';
import { History } from './history';
import { LoadMenu } from './loadmenu';
import { blockedFor } from './pipelines';
import { Served } from './served';
import { RELEASE } from '../release';
import { Empty, StateIcon, StateWord, Waiting } from './words';

export function PipelineView(props: {
  name: string;
  tab: ViewTab;
  onTab: (tab: ViewTab) => void;
}): JSX.Element {
  const { name, tab, onTab } = props;
  const { trans, model } = useChariots();
  const state = useChariotsState();
  const view = state.pipelines.find(one => one.name === name);
  const served = view !== undefined;
  const { value: whole, error } = useAsked(
    () => (served ? model.api.pipeline(name) : Promise.resolve(null)),
    [name, served, view?.definition, view?.revision, view?.served?.seq, state.connection === 'live']
  );
  const tabs: [ViewTab, string][] = [
    ['graph', trans.__('Graph')],
    ['history', trans.__('History')],
    ['served', trans.__('Served')],
    ['call', trans.__('Call')]
  ];
  const id = (what: string) => `chariots-${what}-${name}`;
  const onKeyDown = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      const at = tabs.findIndex(([key]) => key === tab);
      const next = tabs[(at + step + tabs.length) % tabs.length][0];
      onTab(next);
      document.getElementById(id(`tab-${next}`))?.focus();
      event.preventDefault();
    }
  };
  let body: JSX.Element;
  if (!view) {
    body =
      state.connection === 'first' ? (
        <Waiting />
      ) : (
        <Empty title={trans.__('%1 is not served', name)}>
          <p>{trans.__('Serve it from its notebook; its versions and its history are kept.')}</p>
        </Empty>
      );
  } else if (!whole) {
    body = error ? (
      <Empty title={trans.__('%1 cannot be shown', name)}>
        <p>{failureOf(error).message}</p>
      </Empty>
    ) : (
      <Waiting />
    );
  } else {
    const tabProps = { view, whole };
    body = (
      <>
        {tab === 'graph' && <Graph {...tabProps} onTab={onTab} />}
        {tab === 'history' && <History {...tabProps} />}
        {tab === 'served' && <Served {...tabProps} />}
        {tab === 'call' && <Call {...tabProps} />}
      </>
    );
  }
  return (
    <div
      className="jp-ChariotsView"
      role="region"
      aria-label={trans.__('Pipeline %1', name)}
      data-testid={`chariots-view-${name}`}
    >
      {view ? <Toolbar view={view} onTab={onTab} /> : null}
      {state.connection !== 'live' || !state.understood ? <Banner release={RELEASE} /> : null}
      <div className="jp-ChariotsView-tabs" role="tablist" onKeyDown={onKeyDown}>
        {tabs.map(([key, text]) => (
          <button
            key={key}
            id={id(`tab-${key}`)}
            type="button"
            role="tab"
            aria-selected={key === tab}
            aria-controls={id('tabpanel')}
            tabIndex={key === tab ? 0 : -1}
            data-testid={`chariots-tab-${key}`}
            onClick={() => onTab(key)}
          >
            {text}
          </button>
        ))}
      </div>
      <div
        className="jp-ChariotsView-body"
        role="tabpanel"
        id={id('tabpanel')}
        aria-labelledby={id(`tab-${tab}`)}
      >
        {body}
      </div>
    </div>
  );
}

function Toolbar(props: {
  view: IPipeline;
  onTab: (tab: ViewTab) => void;
}): JSX.Element {
  const { view } = props;
  const { trans, host, model } = useChariots();
  const state = useChariotsState();
  const [menu, setMenu] = React.useState<DOMRect | null>(null);
  const caret = React.useRef<HTMLButtonElement>(null);
  const { name } = view;
  const pipelineState = stateOf(view);
  const busy = (action: string) =>
    `${action}:${name}` in state.busy ? trans.__('Under way…') : null;
  const cannotRun = runnable(view) ? null : (view.reason ?? trans.__('Not loaded'));
  const blockedLoad = blockedFor(state, 'load', trans);
  const note = state.notes[name];
  return (
    <>
      <div className="jp-ChariotsView-toolbar" role="toolbar" aria-label={name}>
        <Button
          icon="run"
          text={view.takes_input ? trans.__('Run…') : trans.__('Run')}
          title={trans.__('Run %1', name)}
          disabled={blockedFor(state, 'run', trans) ?? busy('run') ?? cannotRun}
          onClick={() => host.run(name)}
        />
        <Button
          icon="save"
          text={trans.__('Save')}
          title={trans.__('Save %1', name)}
          disabled={
            blockedFor(state, 'save', trans) ??
            busy('save') ??
            (view.unsaved ? null : trans.__('Nothing to save'))
          }
          onClick={() => host.save(name)}
        />
        <Button
          icon="download"
          text={trans.__('Load')}
          title={trans.__('Load the newest versions that fit')}
          disabled={blockedLoad ?? busy('load')}
          onClick={() => host.load(name)}
          testid={`chariots-view-load-${name}`}
        />
        <Button
          ref={caret}
          icon="caret"
          title={trans.__('Load other versions…')}
          onClick={event => setMenu(event.currentTarget.getBoundingClientRect())}
          menu
        />
        <span className="ch-sep" />
        <Button
          icon="log"
          text={trans.__('Log')}
          title={trans.__('Show the log of %1', name)}
          onClick={() => host.log({ pipeline: name })}
        />
        <span className="ch-spacer" />
        <span className="ch-mute ch-t ch-traffic">{traffic(view, trans, true)[0]}</span>
        <span className="ch-sep" />
        <StateIcon state={pipelineState} />
        <StateWord state={pipelineState} />
        <Button
          icon="refresh"
          title={trans.__('Refresh')}
          onClick={() => void model.refresh()}
        />
        {menu && (
          <LoadMenu
            view={view}
            blocked={blockedLoad}
            at={menu}
            onClose={() => {
              setMenu(null);
              caret.current?.focus();
            }}
          />
        )}
      </div>
      {note && (
        <div className="jp-Chariots-banner is-bad" role="alert" data-testid="chariots-refusal">
          <span className="ch-i" />
          <span>
            <b>{note.failure.message.split('\n')[0]}</b>
          </span>
          <span className="ch-acts">
            <Button
              text={trans.__('Details')}
              onClick={() => host.explain(name, note.failure)}
            />
            <Button text={trans.__('Close')} onClick={() => model.forget(name)} />
          </span>
        </div>
      )}
    </>
  );
}
