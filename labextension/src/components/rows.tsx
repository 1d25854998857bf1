/**
 * A list of rows of 24 px lines, of which only those that can be seen are in the page. One of
 * them takes part in the order of Tab; arrows go on from there. A row that has the focus stays
 * in the page when it is scrolled away.
 */
import * as React from 'react';

export const LINE = 24;
const SPARE = 10;

export interface IRow {
  key: string;
  /** Height, in lines. */
  lines: number;
  /** What letters jump to. */
  text: string;
  /** The row that ← goes to. */
  parent?: string;
  /** Whether it is unfolded; undefined: it cannot be. */
  open?: boolean;
}

export interface IRowsProps<T extends IRow> {
  rows: readonly T[];
  role: 'treegrid' | 'grid';
  label: string;
  render: (row: T, at: IRowPlace) => React.ReactElement;
  onToggle?: (row: T, open: boolean) => void;
  onEnter?: (row: T) => void;
  onMenu?: (row: T, x: number, y: number) => void;
  /** Ctrl+Enter, Ctrl+S or Delete, where no command of JupyterLab is bound to them. */
  onShortcut?: (row: T, key: Shortcut) => void;
  /** The end of the list came into sight. */
  onEnd?: () => void;
  /** Which row is the active one. */
  onActive?: (key: string | null) => void;
  className?: string;
}

export type Shortcut = 'run' | 'save' | 'end';

function shortcutOf(event: React.KeyboardEvent): Shortcut | null {
  if (event.ctrlKey || event.metaKey) {
    return event.key === 'Enter' ? 'run' : event.key.toLowerCase() === 's' ? 'save' : null;
  }
  return event.key === 'Delete' ? 'end' : null;
}

export interface IRowPlace {
  style: React.CSSProperties;
  index: number;
  active: boolean;
}

export function Rows<T extends IRow>(props: IRowsProps<T>): JSX.Element {
  const { rows, role, label, render, onEnd } = props;
  const box = React.useRef<HTMLDivElement>(null);
  const [view, setView] = React.useState({ top: 0, height: 600 });
  const [active, setActive] = React.useState<string | null>(null);
  const wanted = React.useRef<string | null>(null);
  const focused = React.useRef(false);
  const lastIndex = React.useRef(0);

  const tops = React.useMemo(() => {
    const sums = new Array<number>(rows.length + 1);
    sums[0] = 0;
    rows.forEach((row, i) => (sums[i + 1] = sums[i] + row.lines));
    return sums;
  }, [rows]);
  const indexOf = React.useMemo(
    () => new Map(rows.map((row, i) => [row.key, i])),
    [rows]
  );
  let at = active === null ? undefined : indexOf.get(active);
  if (at === undefined && active !== null && rows.length) {
    at = Math.min(lastIndex.current, rows.length - 1); // it went: the next one takes its place
  }
  const activeKey = at === undefined ? (rows[0]?.key ?? null) : rows[at].key;

  React.useLayoutEffect(() => {
    lastIndex.current = at ?? 0;
    if (active !== null && activeKey !== active) {
      setActive(activeKey);
      wanted.current = focused.current ? activeKey : null;
    }
    if (wanted.current !== null) {
      const row = element(box.current, wanted.current);
      if (row) {
        wanted.current = null;
        row.focus({ preventScroll: true });
      }
    }
  });

  React.useLayoutEffect(() => {
    const node = box.current!;
    const measure = () =>
      setView(old => {
        const [top, height] = [node.scrollTop, node.clientHeight || 600];
        const moved = Math.floor(top / LINE) !== Math.floor(old.top / LINE);
        return moved || height !== old.height ? { top, height } : old;
      });
    measure();
    node.addEventListener('scroll', measure, { passive: true });
    const resized =
      typeof ResizeObserver === 'undefined' ? null : new ResizeObserver(measure);
    resized?.observe(node);
    return () => {
      node.removeEventListener('scroll', measure);
      resized?.disconnect();
    };
  }, []);

  const first = find(tops, view.top / LINE - SPARE);
  const last = find(tops, (view.top + view.height) / LINE + SPARE);
  React.useEffect(() => {
    if (onEnd && rows.length && last >= rows.length - 1 && view.top > 0) {
      onEnd();
    }
  }, [last, rows.length, view.top > 0]);

  const go = (index: number) => {
    const to = Math.max(0, Math.min(rows.length - 1, index));
    const node = box.current;
    if (!rows.length || !node) {
      return;
    }
    const [top, bottom] = [tops[to] * LINE, tops[to + 1] * LINE];
    if (top < node.scrollTop) {
      node.scrollTop = top;
    } else if (bottom > node.scrollTop + node.clientHeight && node.clientHeight) {
      node.scrollTop = bottom - node.clientHeight + 4;
    }
    wanted.current = rows[to].key;
    setActive(rows[to].key);
    props.onActive?.(rows[to].key);
    setView(old => ({ ...old, top: node.scrollTop })); // renders, and with that focuses
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    const index = at ?? 0;
    const row = rows[index];
    const target = event.target as HTMLElement;
    const node = target.closest<HTMLElement>('[data-row]');
    if (!row || !node) {
      return;
    }
    const inside = target !== node;
    const buttons = [...node.querySelectorAll<HTMLElement>('button')];
    const page = Math.max(1, Math.floor(view.height / LINE) - 1);
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    const moves: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      Home: 0,
      End: rows.length - 1,
      PageDown: index + page,
      PageUp: index - page
    };
    const shortcut = props.onShortcut && shortcutOf(event);
    let used = true;
    if (shortcut) {
      props.onShortcut?.(row, shortcut);
    } else if (plain && event.key in moves) {
      go(moves[event.key]);
    } else if (plain && event.key === 'ArrowRight') {
      if (!inside && row.open === false) {
        props.onToggle?.(row, true);
      } else {
        buttons[inside ? buttons.indexOf(target) + 1 : 0]?.focus();
      }
    } else if (plain && event.key === 'ArrowLeft') {
      if (inside) {
        (buttons[buttons.indexOf(target) - 1] ?? node).focus();
      } else if (row.open) {
        props.onToggle?.(row, false);
      } else if (row.parent !== undefined) {
        go(indexOf.get(row.parent) ?? index);
      }
    } else if (plain && event.key === 'Escape' && inside) {
      node.focus();
    } else if (plain && event.key === 'Enter' && !inside) {
      props.onEnter?.(row);
    } else if (event.key === 'ContextMenu' || (event.shiftKey && event.key === 'F10')) {
      const place = node.getBoundingClientRect();
      props.onMenu?.(row, place.left + LINE, place.bottom);
    } else if (plain && !inside && event.key.length === 1 && /\S/.test(event.key)) {
      const letter = event.key.toLowerCase();
      const from = [...rows.slice(index + 1), ...rows.slice(0, index + 1)];
      const found = from.find(one => one.text.toLowerCase().startsWith(letter));
      if (found) {
        go(indexOf.get(found.key)!);
      }
    } else {
      used = false;
    }
    if (used) {
      event.preventDefault();
      event.stopPropagation();
    }
  };

  const shown: number[] = [];
  for (let i = first; i <= last && i < rows.length; i++) {
    shown.push(i);
  }
  if (at !== undefined && (at < first || at > last)) {
    at < first ? shown.unshift(at) : shown.push(at);
  }
  return (
    <div
      ref={box}
      className={`jp-Chariots-list ${props.className ?? ''}`}
      role={role}
      aria-label={label}
      aria-rowcount={rows.length}
      onKeyDown={onKeyDown}
      onFocus={event => {
        focused.current = true;
        const key = (event.target as HTMLElement).closest<HTMLElement>('[data-row]');
        if (key && key.dataset.row !== active) {
          setActive(key.dataset.row!);
          props.onActive?.(key.dataset.row!);
        }
      }}
      onBlur={event => {
        if ((event.target as HTMLElement).isConnected && event.relatedTarget) {
          focused.current = event.currentTarget.contains(event.relatedTarget);
        }
      }}
      onContextMenu={event => {
        const node = (event.target as HTMLElement).closest<HTMLElement>('[data-row]');
        const index = node && indexOf.get(node.dataset.row!);
        if (props.onMenu && typeof index === 'number' && !event.shiftKey) {
          event.preventDefault();
          event.stopPropagation();
          setActive(rows[index].key);
          props.onMenu(rows[index], event.clientX, event.clientY);
        }
      }}
    >
      <div role="presentation" style={{ height: tops[rows.length] * LINE, position: 'relative' }}>
        {shown.map(i =>
          render(rows[i], {
            index: i,
            active: rows[i].key === activeKey,
            style: { position: 'absolute', left: 0, right: 0, top: tops[i] * LINE }
          })
        )}
      </div>
    </div>
  );
}

/** The row that covers this line. */
function find(tops: readonly number[], line: number): number {
  let [low, high] = [0, Math.max(0, tops.length - 2)];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= line) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

function element(box: HTMLElement | null, key: string): HTMLElement | null {
  return box?.querySelector<HTMLElement>(`[data-row="${CSS.escape(key)}"]`) ?? null;
}
