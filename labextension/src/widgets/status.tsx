/**
 * The item in the status bar: how jobs are doing.
 */
import { ReactWidget } from '@jupyterlab/ui-components';
import * as React from 'react';
import { Chariots, useChariots, useChariotsState } from '../components/context';
import { Icon } from '../components/icons';
import { fractionOf, blame } from '../derive';
import * as format from '../format';
import type { IState } from '../state';
import type { IChariots } from '../tokens';

export type StatusMode = 'always' | 'active' | 'never';

export interface IStatusOptions {
  mode: () => StatusMode;
  /** Jobs that ended before this have been seen. */
  seen: () => number;
  onClick: () => void;
  changed: { subscribe(listener: () => void): () => void };
}

export function statusItem(chariots: IChariots, options: IStatusOptions): ReactWidget {
  const widget = ReactWidget.create(
    <Chariots value={chariots}>
      <Status {...options} />
    </Chariots>
  );
  widget.addClass('jp-Chariots-status');
  return widget;
}

/** Failed jobs that nobody has seen yet. */
export function unseen(state: IState, seen: number): IState['jobs'] {
  return state.jobs.filter(
    job =>
      job.status === 'failed' && job.ended && format.date(job.ended).getTime() > seen
  );
}

function Status(props: IStatusOptions): JSX.Element | null {
  const { trans } = useChariots();
  const state = useChariotsState();
  const [, render] = React.useReducer((n: number) => n + 1, 0);
  React.useEffect(() => props.changed.subscribe(render), [props.changed]);
  const running = state.jobs.filter(job => job.status === 'running');
  const failed = unseen(state, props.seen());
  const away = state.connection === 'away';
  const mode = props.mode();
  const active = running.length > 0 || failed.length > 0;
  const served = state.pipelines.length > 0 || state.jobs.length > 0;
  if (mode === 'never' || !served || (mode === 'active' && !active && !away)) {
    return null;
  }
  let [text, title] = ['', ''];
  if (away) {
    text = trans.__('offline');
    title = trans.__('No connection to the server.');
  } else if (running.length) {
    const known = running.map(fractionOf).filter((one): one is number => one !== null);
    const mean = known.length ? known.reduce((a, b) => a + b, 0) / known.length : null;
    text = trans.__('%1 running', running.length);
    text += mean === null ? '' : ` · ${format.percent(mean)}`;
    const names = running.slice(0, 5).map(job => {
      const fraction = fractionOf(job);
      return fraction === null ? job.pipeline : `${job.pipeline} ${format.percent(fraction)}`;
    });
    const queued = state.jobs.filter(job => job.status === 'queued').length;
    title = trans._n('Chariots: %1 job running', 'Chariots: %1 jobs running', running.length);
    title += ` (${names.join(', ')})`;
    title += queued ? trans.__(', %1 queued', queued) : '';
    title += `. ${trans.__('Click to show the panel.')}`;
  } else if (failed.length) {
    text = trans.__('%1 failed', failed.length);
    const [job] = failed;
    title = trans.__(
      '%1 failed: %2. Click to show the job.',
      job.pipeline,
      blame(job.error)
    );
  } else {
    text = trans.__('%1 running', 0);
    title = trans.__('Chariots: no job is running. Click to show the panel.');
  }
  return (
    <button
      type="button"
      className="jp-Chariots-statusbutton"
      title={title}
      data-testid="chariots-status"
      onClick={props.onClick}
    >
      <Icon name="wheel" />
      {away && <Icon name="offline" />}
      {!away && !running.length && failed.length > 0 && <Icon name="error" tone="bad" />}
      <span>{text}</span>
    </button>
  );
}
