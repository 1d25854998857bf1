/**
 * What is wrong with the whole: no server, another release, no permission.
 */
import * as React from 'react';
import { denied } from '../derive';
import * as format from '../format';
import type { IState } from '../state';
import { PROTOCOL } from '../types';
import { Button } from './button';
import { useChariots, useChariotsState, useHook, useNow } from './context';
import { Icon } from './icons';
import type { IconName, Tone } from './icons';

interface INews {
  icon: IconName;
  tone: Tone;
  head: string;
  text?: string;
  counts?: boolean;
  actions: { text: string; act: () => void }[];
}

export function Banner(props: { release: string }): JSX.Element | null {
  const { trans, model, host } = useChariots();
  const { className, ...hook } = useHook()('chariots-banner');
  const state = useChariotsState();
  const again = {
    text: trans.__('Try now'),
    act: () => void model.refresh()
  };
  const news = ((): INews | null => {
    if (state.connection === 'away') {
      return {
        icon: 'offline',
        tone: 'bad',
        head: trans.__('No connection to the server.'),
        text: state.asOf
          ? trans.__(
              'Shown as of %1; jobs go on without this page.',
              format.clock(new Date(state.asOf))
            )
          : undefined,
        counts: true,
        actions: [again]
      };
    }
    if (state.connection === 'absent') {
      return {
        icon: 'offline',
        tone: 'bad',
        head: trans.__('This server does not run jupyter_chariots.'),
        text: trans.__('Install it there, and enable it: pip install jupyter-chariots'),
        actions: [again]
      };
    }
    if (state.connection === 'forbidden') {
      return {
        icon: 'offline',
        tone: 'bad',
        head: trans.__('You may not look at the pipelines of this server.'),
        actions: [again]
      };
    }
    if (!state.understood) {
      const theirs = state.server?.release ?? '?';
      return {
        icon: 'info',
        tone: 'warn',
        head: trans.__('The server runs %1, this page %2.', theirs, props.release),
        text: trans.__(
          'Reload the page to bring them together. Until then you can look but not change.'
        ),
        actions: [
          { text: trans.__('Reload page'), act: () => window.location.reload() },
          { text: trans.__('Details'), act: () => host.explain(trans.__('Protocols'), {
            code: 'protocol',
            message: trans.__(
              'The server speaks protocol %1, this page protocol %2.',
              state.protocol ?? '?',
              PROTOCOL
            )
          }) }
        ]
      };
    }
    if (denied(state)) {
      return {
        icon: 'info',
        tone: 'warn',
        head: trans.__('You may look at pipelines but not change them.'),
        actions: []
      };
    }
    if (state.failures.length) {
      const [failure] = state.failures;
      return {
        icon: 'error',
        tone: 'bad',
        head: trans._n(
          '%1 source of pipelines cannot be served.',
          '%1 sources of pipelines cannot be served.',
          state.failures.length
        ),
        actions: state.failures.slice(0, 3).map((one, index) => ({
          text:
            state.failures.length > 1 ? trans.__('Details %1', index + 1) : trans.__('Details'),
          act: () => host.explain(trans.__('Cannot be served'), one ?? failure)
        }))
      };
    }
    return null;
  })();
  if (!news) {
    return null;
  }
  return (
    <div
      {...hook}
      className={`jp-Chariots-banner ${news.tone === 'bad' ? 'is-bad' : ''} ${className}`}
      role="alert"
    >
      <Icon name={news.icon} tone={news.tone} />
      <span>
        <b>{news.head}</b> {news.text} {news.counts && <Countdown state={state} />}
      </span>
      {news.actions.length > 0 && (
        <span className="ch-acts">
          {news.actions.map(({ text, act }) => (
            <Button key={text} text={text} onClick={act} />
          ))}
        </span>
      )}
    </div>
  );
}

/** Not part of the alert's voice: a screen reader would speak every second. */
function Countdown(props: { state: IState }): JSX.Element | null {
  const { trans } = useChariots();
  const now = useNow(1000);
  const { nextTry } = props.state;
  if (nextTry === null) {
    return null;
  }
  const seconds = Math.max(0, Math.ceil((nextTry - now) / 1000));
  return <span aria-hidden="true">{trans.__('Next try in %1 s.', seconds)}</span>;
}
