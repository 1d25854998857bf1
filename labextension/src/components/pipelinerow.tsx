/**
 * A pipeline's row in the side panel, and the lines under it.
 */
import * as React from 'react';
import {
  labelOf,
  numberOf,
  runnable,
  stateOf,
  versionsTitle
} from '../derive';
import type { IDetail } from '../derive';
import type { IPipeline } from '../types';
import { Button } from './button';
import { useChariots, useHook } from './context';
import { Icon, Ring } from './icons';
import type { IconName, Tone } from './icons';
import type { IRowPlace } from './rows';
import { LoadMenu } from './loadmenu';
import { StateIcon, StateWord, Wide } from './words';

export interface IPipelineRowProps {
  view: IPipeline;
  open: boolean;
  place: IRowPlace;
  /** Why nothing can be done now; null: it can. */
  blocked: { run: string | null; save: string | null; load: string | null };
  busy: { run: boolean; save: boolean; load: boolean };
  onToggle: (name: string) => void;
}

/** Rows render when something that they show has changed. */
export const PipelineRow = React.memo(PipelineRowBody, (a, b) =>
  (Object.keys(a) as (keyof IPipelineRowProps)[]).every(key =>
    key === 'place' || key === 'busy' || key === 'blocked'
      ? JSON.stringify(a[key]) === JSON.stringify(b[key])
      : a[key] === b[key]
  )
);

function PipelineRowBody(props: IPipelineRowProps): JSX.Element {
  const { view, open, place, busy } = props;
  const { trans, host } = useChariots();
  const state = stateOf(view);
  const number = numberOf(view);
  const hook = useHook();
  const row = hook(`chariots-pipeline-${view.name}`);
  const versions = hook(`chariots-versions-${view.name}`);
  return (
    <div
      {...row}
      className={`jp-Chariots-row ${place.active ? 'is-current' : ''} ${row.className}`}
      role="row"
      aria-level={1}
      aria-expanded={open}
      aria-rowindex={place.index + 1}
      aria-label={labelOf(view, trans)}
      tabIndex={place.active ? 0 : -1}
      style={place.style}
      data-row={`p ${view.name}`}
      data-pipeline={view.name}
      data-state={state}
      onClick={() => props.onToggle(view.name)}
      onDoubleClick={() => host.open(view.name)}
    >
      <Icon name={open ? 'caret' : 'caret-right'} className="ch-caret" />
      {busy.run || busy.load || busy.save ? <Ring /> : <StateIcon state={state} />}
      <span className="ch-name ch-t" role="gridcell" title={view.name}>
        {view.name}
      </span>
      <span
        {...versions}
        className={`ch-ver ${state === 'loaded' ? 'is-loaded' : ''} ${versions.className}`}
        role="gridcell"
        title={versionsTitle(view)}
      >
        {number}
      </span>
      <StateWord state={state} role="gridcell" narrow={state === 'loaded' ? '' : undefined} />
      <Actions {...props} />
    </div>
  );
}

function Actions(props: IPipelineRowProps): JSX.Element {
  const { view, blocked, busy } = props;
  const { trans, host } = useChariots();
  const [menu, setMenu] = React.useState<DOMRect | null>(null);
  const { name } = view;
  const wait = trans.__('Under way…');
  const cannotRun = runnable(view) ? null : (view.reason ?? trans.__('Not loaded'));
  const caret = React.useRef<HTMLButtonElement>(null);
  return (
    <span className="jp-Chariots-actions" role="gridcell">
      <Button
        icon="run"
        title={trans.__('Run %1', name)}
        disabled={blocked.run ?? (busy.run ? wait : cannotRun)}
        onClick={() => host.run(name)}
        testid={`chariots-run-${name}`}
        tabIndex={-1}
      />
      <Button
        icon="save"
        title={trans.__('Save %1', name)}
        disabled={
          blocked.save ??
          (busy.save ? wait : view.unsaved ? null : trans.__('Nothing to save'))
        }
        onClick={() => host.save(name)}
        testid={`chariots-save-${name}`}
        tabIndex={-1}
      />
      <Button
        icon="download"
        title={trans.__('Load the newest versions that fit into %1', name)}
        disabled={blocked.load ?? (busy.load ? wait : null)}
        onClick={() => host.load(name)}
        testid={`chariots-load-${name}`}
        tabIndex={-1}
      />
      <Button
        ref={caret}
        icon="caret"
        className="is-caret"
        title={trans.__('Load other versions into %1…', name)}
        onClick={event => setMenu(event.currentTarget.getBoundingClientRect())}
        testid={`chariots-loadmenu-${name}`}
        tabIndex={-1}
        menu
      />
      <Button
        icon="launch"
        title={trans.__('Open %1', name)}
        onClick={() => host.open(name)}
        testid={`chariots-open-${name}`}
        tabIndex={-1}
      />
      {menu && (
        <LoadMenu
          view={view}
          blocked={blocked.load}
          at={menu}
          onClose={() => {
            setMenu(null);
            caret.current?.focus();
          }}
        />
      )}
    </span>
  );
}

const KINDS: Record<IDetail['kind'], { icon: IconName; tone?: Tone }> = {
  op: { icon: 'tag' },
  more: { icon: 'tag' },
  traffic: { icon: 'chip' },
  newer: { icon: 'up', tone: 'brand' },
  unsaved: { icon: 'circle', tone: 'brand' },
  info: { icon: 'info' },
  bad: { icon: 'error', tone: 'bad' },
  warn: { icon: 'refresh', tone: 'warn' }
};

export const DetailRow = React.memo(
  function DetailRow(props: {
    name: string;
    detail: IDetail;
    place: IRowPlace;
    onLink: (name: string, detail: IDetail) => void;
  }): JSX.Element {
    const { name, detail, place } = props;
    const { icon, tone } = KINDS[detail.kind];
    const { link } = detail;
    return (
      <div
        className="jp-Chariots-row is-sub"
        role="row"
        aria-level={2}
        aria-rowindex={place.index + 1}
        tabIndex={place.active ? 0 : -1}
        style={place.style}
        data-row={`d ${name} ${detail.key}`}
        data-pipeline={name}
        data-detail={detail.kind}
      >
        <Icon name={icon} tone={tone} />
        {detail.kind !== 'more' && (
          <span className="ch-name ch-t" role="gridcell" title={detail.title ?? detail.text}>
            <Wide wide={detail.text} narrow={detail.narrow ?? detail.text} />
          </span>
        )}
        {detail.kind === 'op' && (
          <>
            <span role="gridcell">{detail.number}</span>
            <span className="ch-mono ch-dim" role="gridcell">
              {detail.digest}
            </span>
          </>
        )}
        {link && (
          <span role="gridcell" className="ch-linkcell">
            <button
              type="button"
              className="ch-link"
              tabIndex={-1}
              onClick={event => {
                event.stopPropagation();
                props.onLink(name, detail);
              }}
            >
              {link.text}
            </button>
          </span>
        )}
      </div>
    );
  },
  (a, b) => JSON.stringify(a) === JSON.stringify(b)
);
