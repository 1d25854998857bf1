/**
 * Small pieces of text with their icons.
 */
import * as React from 'react';
import { wordsOf } from '../derive';
import type { PipelineState } from '../derive';
import { useChariots } from './context';
import { Icon } from './icons';
import type { IconName, Tone } from './icons';

const STATES: Record<PipelineState, { icon: IconName; tone?: Tone; pill: string }> = {
  failed: { icon: 'error', tone: 'bad', pill: 'is-bad' },
  restarting: { icon: 'refresh', tone: 'warn', pill: 'is-warn' },
  'not-loaded': { icon: 'circle-empty', pill: '' },
  'not-saved': { icon: 'circle', tone: 'brand', pill: 'is-brand' },
  newer: { icon: 'up', tone: 'brand', pill: 'is-brand' },
  loaded: { icon: 'check', tone: 'ok', pill: 'is-quiet' }
};

export function StateIcon(props: { state: PipelineState }): JSX.Element {
  const { icon, tone } = STATES[props.state];
  return <Icon name={icon} tone={tone} spin={props.state === 'restarting'} />;
}

/** The state in a word; where there is little room, shorter. */
export function StateWord(props: {
  state: PipelineState;
  narrow?: string;
  role?: string;
}): JSX.Element {
  const { trans } = useChariots();
  const [wide, narrow] = wordsOf(props.state, trans);
  return (
    <span className={`ch-pill ${STATES[props.state].pill}`} role={props.role}>
      <Wide wide={wide} narrow={props.narrow ?? narrow} />
    </span>
  );
}

export function Wide(props: { wide: string; narrow: string }): JSX.Element {
  if (props.wide === props.narrow) {
    return <>{props.wide}</>;
  }
  return (
    <>
      <span className="ch-wide">{props.wide}</span>
      <span className="ch-narrow">{props.narrow}</span>
    </>
  );
}

/** Nothing to show, and what to do about it. */
export function Empty(props: {
  title: string;
  children?: React.ReactNode;
}): JSX.Element {
  return (
    <div className="jp-Chariots-empty">
      <h3>{props.title}</h3>
      {props.children}
    </div>
  );
}

/** Grey rows while nothing is known, after a moment. */
export function Waiting(): JSX.Element | null {
  const [late, setLate] = React.useState(false);
  React.useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300);
    return () => clearTimeout(timer);
  }, []);
  const { trans } = useChariots();
  return late ? (
    <div className="jp-Chariots-waiting" role="status" aria-label={trans.__('Loading…')}>
      <span /> <span /> <span />
    </div>
  ) : null;
}
