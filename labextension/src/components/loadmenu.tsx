/**
 * The menu of versions that can be loaded, with those that cannot and why.
 */
import * as React from 'react';
import { createPortal } from 'react-dom';
import { versionOf } from '../derive';
import * as format from '../format';
import type { ILoadable, IPipeline, IVersionInfo } from '../types';
import { failureOf } from '../api';
import { useAsked, useChariots } from './context';
import { Icon } from './icons';

const MOST = 8;

export interface ILoadMenuProps {
  view: IPipeline;
  blocked: string | null;
  at: DOMRect;
  onClose: () => void;
}

/** What the menu is made of: versions of the last op with state, and their provenance. */
async function fetchMenu(
  props: ILoadMenuProps,
  api: import('../api').Api,
  op: string | undefined
): Promise<{ loadable: ILoadable; infos: IVersionInfo[] }> {
  const [loadable, infos] = await Promise.all([
    api.loadable(props.view.name),
    op ? api.versions(op).then(page => page.items) : []
  ]);
  return { loadable, infos };
}

export function LoadMenu(props: ILoadMenuProps): JSX.Element {
  const { view, at, onClose } = props;
  const { trans, host, model } = useChariots();
  const box = React.useRef<HTMLDivElement>(null);
  const ops = view.ops ?? [];
  const op = ops[ops.length - 1];
  const { value, error } = useAsked(() => fetchMenu(props, model.api, op), [view.name]);

  React.useEffect(() => {
    const first = box.current?.querySelector<HTMLElement>(
      '[role^=menuitem]:not([aria-disabled=true])'
    );
    (first ?? box.current)?.focus();
  }, [value, error]);
  React.useEffect(() => {
    const away = (event: Event) => {
      if (!box.current?.contains(event.target as Node)) {
        onClose();
      }
    };
    document.addEventListener('pointerdown', away, true);
    window.addEventListener('resize', onClose);
    return () => {
      document.removeEventListener('pointerdown', away, true);
      window.removeEventListener('resize', onClose);
    };
  }, [onClose]);

  const onKeyDown = (event: React.KeyboardEvent) => {
    const items = [...box.current!.querySelectorAll<HTMLElement>('[role^=menuitem]')];
    const index = items.indexOf(document.activeElement as HTMLElement);
    const step: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1 + (index < 0 ? items.length + 1 : 0),
      Home: 0,
      End: items.length - 1
    };
    if (event.key in step) {
      items[(step[event.key] + items.length) % items.length]?.focus();
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      onClose();
    } else if (event.key === 'Enter' || event.key === ' ') {
      (document.activeElement as HTMLElement).click();
    } else if (event.key.toLowerCase() === 'v') {
      choose();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const choose = () => {
    onClose();
    host.open(view.name, 'graph');
  };

  const width = 292;
  const left = Math.max(4, Math.min(at.left - 120, window.innerWidth - width - 4));
  const below = window.innerHeight - at.bottom > 260;
  const style: React.CSSProperties = {
    position: 'fixed',
    left,
    width,
    maxHeight: below ? window.innerHeight - at.bottom - 8 : at.top - 8,
    ...(below ? { top: at.bottom + 2 } : { bottom: window.innerHeight - at.top + 2 })
  };
  return createPortal(
    <div
      ref={box}
      className="jp-ChariotsMenu is-floating"
      role="menu"
      tabIndex={-1}
      style={style}
      aria-label={trans.__('Load %1: versions that fit together', view.name)}
      data-testid={`chariots-versionmenu-${view.name}`}
      onKeyDown={onKeyDown}
      onClick={event => event.stopPropagation()}
      onContextMenu={event => event.stopPropagation()}
    >
      <div className="jp-ChariotsMenu-head" role="presentation">
        {trans.__('Load %1: versions that fit together', view.name)}
      </div>
      {error ? (
        <div className="jp-ChariotsMenu-head" role="presentation">
          {failureOf(error).message}
        </div>
      ) : null}
      {value && op && <Versions {...props} {...value} op={op} />}
      <div className="jp-ChariotsMenu-sep" role="separator" />
      <div
        className="jp-ChariotsMenu-item"
        role="menuitem"
        tabIndex={-1}
        onClick={choose}
      >
        <span />
        <span>{trans.__('Choose versions…')}</span>
        <span className="ch-key">V</span>
      </div>
    </div>,
    document.body
  );
}

function Versions(
  props: ILoadMenuProps & { loadable: ILoadable; infos: IVersionInfo[]; op: string }
): JSX.Element {
  const { view, loadable, infos, op, blocked, onClose } = props;
  const { trans, host } = useChariots();
  const items = (loadable.ops[op]?.items ?? []).slice(0, MOST);
  const loaded = versionOf(view, op)?.version;
  if (!items.length) {
    return (
      <div className="jp-ChariotsMenu-head" role="presentation">
        {trans.__('%1 has no saved version', op)}
      </div>
    );
  }
  return (
    <>
      {items.map((item, index) => {
        const info = infos.find(one => one.version === item.version);
        const at = info ? format.date(info.at) : format.versionTime(item.version);
        const now = view.is_loaded && item.version === loaded;
        const off = !item.fits || Boolean(blocked);
        const newest = index === 0 && !item.fits ? ` · ${trans.__('newest')}` : '';
        const sub = item.fits
          ? about(info, now ? trans.__('loaded now') : '', trans.__('with'))
          : (item.reason ?? '');
        return (
          <div
            key={item.version}
            className="jp-ChariotsMenu-item"
            role="menuitemradio"
            aria-checked={now}
            aria-disabled={off || undefined}
            tabIndex={-1}
            onClick={() => {
              if (!off) {
                onClose();
                host.load(view.name, { [op]: item.number });
              }
            }}
          >
            {now ? (
              <Icon name="check" tone="ok" />
            ) : item.fits ? (
              <span />
            ) : (
              <Icon name="clear" tone="bad" />
            )}
            <span className="ch-t">
              {op} {item.number}
              {newest}
            </span>
            <span className="ch-key" title={at ? format.full(at) : undefined}>
              {at ? format.ago(at, Date.now()) : ''}
            </span>
            {sub && <span className="ch-sub">{sub}</span>}
          </div>
        );
      })}
    </>
  );
}

/** "with encoder 2.4.1 · auc 0.913 · loaded now". */
function about(info: IVersionInfo | undefined, now: string, word: string): string {
  const on = (info?.trained_on ?? []).filter(up => up.stateful);
  const metrics = Object.entries(info?.facts.metrics ?? {}).slice(0, 1);
  return [
    on.length ? `${word} ${on.map(up => `${up.op} ${up.label}`).join(', ')}` : '',
    ...metrics.map(([name, value]) => `${name} ${format.metric(value)}`),
    now
  ]
    .filter(Boolean)
    .join(' · ');
}
