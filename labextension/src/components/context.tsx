/**
 * How components reach the model, the page around them and the translator.
 */
import * as React from 'react';
import type { IState } from '../state';
import type { IChariots } from '../tokens';

const Context = React.createContext<IChariots | null>(null);

export function Chariots(props: {
  value: IChariots;
  children: React.ReactNode;
}): JSX.Element {
  return <Context.Provider value={props.value}>{props.children}</Context.Provider>;
}

export function useChariots(): IChariots {
  const value = React.useContext(Context);
  if (!value) {
    throw new Error('A component of Chariots outside of <Chariots>');
  }
  return value;
}

/**
 * How tests find an element: by `data-testid` in the panels, of which there is one, and by class
 * in the outputs of cells.
 */
export function useHook(): (name: string | undefined) => IHook {
  const inCell = React.useContext(Context)?.inCell;
  return name =>
    inCell
      ? { className: name?.replace('chariots-', 'chariots-widget-') ?? '' }
      : { className: '', 'data-testid': name };
}

export interface IHook {
  className: string;
  'data-testid'?: string;
}

/** The state; the component renders when it changes, once a frame at most. */
export function useChariotsState(): IState {
  const { model } = useChariots();
  return React.useSyncExternalStore(model.subscribe, () => model.state);
}

/** The time in ms, renewed every so often while the page can be seen. */
export function useNow(everyMs: number, running = true): number {
  const [now, setNow] = React.useState(() => Date.now());
  React.useEffect(() => {
    if (!running) {
      return;
    }
    const tick = () => {
      if (!document.hidden) {
        setNow(Date.now());
      }
    };
    tick();
    const timer = setInterval(tick, everyMs);
    document.addEventListener('visibilitychange', tick);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', tick);
    };
  }, [everyMs, running]);
  return now;
}

/** What a request gives, with its error and how to ask again; stale answers are dropped. */
export function useAsked<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  on: readonly unknown[]
): { value: T | null; error: unknown; loading: boolean; again: () => void } {
  const [times, setTimes] = React.useState(0);
  const [got, setGot] = React.useState<{ value: T | null; error: unknown }>({
    value: null,
    error: null
  });
  const [loading, setLoading] = React.useState(true);
  React.useEffect(() => {
    const asking = new AbortController();
    setLoading(true);
    ask(asking.signal)
      .then(
        value => !asking.signal.aborted && setGot({ value, error: null }),
        error =>
          !asking.signal.aborted && setGot(old => ({ value: old.value, error }))
      )
      .finally(() => !asking.signal.aborted && setLoading(false));
    return () => asking.abort();
  }, [...on, times]);
  const again = React.useCallback(() => setTimes(n => n + 1), []);
  return { ...got, loading, again };
}
