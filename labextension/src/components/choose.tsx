/**
 * The choice of versions: one list for each op with state. What cannot go with the others keeps
 * its place and says why.
 */
import * as React from 'react';
import { short, versionOf } from '../derive';
import * as format from '../format';
import type { ViewTab } from '../tokens';
import type { ILoadable, ILoadableVersion, IPipeline, IVersionInfo } from '../types';
import { Button } from './button';
import { useAsked, useChariots, useChariotsState } from './context';
import { Icon } from './icons';
import { blockedFor } from './pipelines';

export function ChooseVersions(props: {
  view: IPipeline;
  loadable: ILoadable | null;
  chosen: Readonly<Record<string, string>>;
  loading: boolean;
  onChoose: (chosen: Record<string, string>, pinned: boolean) => void;
  onTab: (tab: ViewTab) => void;
}): JSX.Element {
  const { view, loadable, chosen, onChoose } = props;
  const { trans, host } = useChariots();
  const state = useChariotsState();
  const ops = view.ops ?? [];
  const touched = Object.keys(chosen).length > 0;
  const would = loadable?.would_load ?? null;
  // nothing is chosen and the newest do not fit: then what is loaded is shown
  const stays = !touched && !would && view.is_loaded;
  const changes = would
    ? ops.filter(op => would[op] && would[op].version !== versionOf(view, op)?.version)
    : [];
  const blocked = blockedFor(state, 'load', trans);
  const busy = `load:${view.name}` in state.busy ? trans.__('Under way…') : null;
  return (
    <div className="ch-choose" data-testid="chariots-choose">
      <h4 className="ch-h">
        {trans.__('Choose versions')}
        <span className="ch-spacer" />
        <Button
          icon="undo"
          text={trans.__('Reset')}
          disabled={touched ? null : trans.__('Nothing is chosen')}
          onClick={() => onChoose({}, false)}
        />
      </h4>
      {ops.map(op => (
        <Picker
          key={op}
          view={view}
          op={op}
          items={loadable?.ops[op]?.items ?? []}
          current={chosen[op] ?? would?.[op]?.number ?? versionOf(view, op)?.number ?? null}
          word={op in chosen ? trans.__('chosen') : would ? trans.__('fits') : stays ? trans.__('loaded') : ''}
          onPick={number => onChoose({ ...chosen, [op]: number }, true)}
        />
      ))}
      {loadable && (
        <p className="ch-verdict" role="status" data-testid="chariots-verdict">
          <Icon name={would || stays ? 'check' : 'error'} tone={would || stays ? 'ok' : 'bad'} />
          <span>
            {would
              ? verdict(view, would, changes, trans)
              : stays
                ? trans.__('These are loaded. The newest do not fit together.')
                : short(loadable.refusal?.message ?? trans.__('These do not fit.'))}
          </span>
        </p>
      )}
      <div className="ch-acts">
        <Button
          className="is-filled"
          icon="download"
          text={trans.__('Load these')}
          disabled={
            blocked ??
            busy ??
            (!would
              ? stays
                ? trans.__('They are loaded')
                : trans.__('These do not fit together')
              : !changes.length && view.is_loaded
                ? trans.__('They are loaded')
                : null)
          }
          onClick={() => {
            host.load(view.name, touched ? { ...chosen } : undefined);
            onChoose({}, false);
          }}
          testid="chariots-load-these"
        />
        <Button
          className="is-outline"
          text={trans.__('Compare with loaded')}
          disabled={changes.length ? null : trans.__('Nothing would change')}
          onClick={() => props.onTab('history')}
        />
      </div>
      {(loadable?.warnings ?? []).map(text => (
        <p className="ch-verdict" key={text}>
          <Icon name="info" />
          <span className="ch-mute">{text}</span>
        </p>
      ))}
    </div>
  );
}

function verdict(
  view: IPipeline,
  would: NonNullable<ILoadable['would_load']>,
  changes: readonly string[],
  trans: ReturnType<typeof useChariots>['trans']
): string {
  const many = Object.keys(would).length;
  const fit = trans._n('This one fits.', 'These %1 fit.', many);
  if (!view.is_loaded) {
    return fit;
  }
  if (!changes.length) {
    return trans.__('%1 They are what is loaded.', fit);
  }
  const list = changes
    .map(op => `${op} ${versionOf(view, op)?.number ?? '–'} → ${would[op].number ?? '–'}`)
    .join(', ');
  const told = trans._n(
    'Against what is loaded, one changes: %2.',
    'Against what is loaded, %1 change: %2.',
    changes.length,
    list
  );
  return `${fit} ${told}`;
}

interface IPickerProps {
  view: IPipeline;
  op: string;
  items: readonly ILoadableVersion[];
  current: string | null;
  word: string;
  onPick: (number: string) => void;
}

function Picker(props: IPickerProps): JSX.Element {
  const { view, op, items, current, word } = props;
  const { trans, model } = useChariots();
  const [open, setOpen] = React.useState(false);
  const [active, setActive] = React.useState(0);
  const box = React.useRef<HTMLDivElement>(null);
  const id = React.useId();
  const infos = useAsked(
    () => (open ? model.api.versions(op).then(page => page.items) : Promise.resolve([])),
    [op, open]
  );
  const item = items.find(one => one.number === current);

  React.useEffect(() => {
    if (!open) {
      return;
    }
    const away = (event: Event) =>
      !box.current?.contains(event.target as Node) && setOpen(false);
    document.addEventListener('pointerdown', away, true);
    return () => document.removeEventListener('pointerdown', away, true);
  }, [open]);
  React.useEffect(() => {
    const option = box.current?.querySelector(`[data-option="${active}"]`);
    option?.scrollIntoView?.({ block: 'nearest' });
  }, [active, open]);

  const show = () => {
    setActive(Math.max(0, items.findIndex(one => one.number === current)));
    setOpen(true);
  };
  const pick = (one: ILoadableVersion | undefined) => {
    if (one?.fits) {
      props.onPick(one.number);
      setOpen(false);
    }
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const last = items.length - 1;
    const step: Record<string, number> = {
      ArrowDown: Math.min(last, active + 1),
      ArrowUp: Math.max(0, active - 1),
      Home: 0,
      End: last
    };
    if (!open && ['ArrowDown', 'ArrowUp', 'Enter', ' '].includes(event.key)) {
      show();
    } else if (open && event.key in step) {
      setActive(step[event.key]);
    } else if (open && (event.key === 'Enter' || event.key === ' ')) {
      pick(items[active]);
    } else if (open && (event.key === 'Escape' || event.key === 'Tab')) {
      setOpen(false);
      if (event.key === 'Tab') {
        return;
      }
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div className="ch-picker" ref={box}>
      <span className="ch-t" id={`${id}name`} title={op}>
        {op}
      </span>
      <button
        type="button"
        className="ch-select"
        role="combobox"
        aria-haspopup="listbox"
        aria-expanded={open}
        aria-controls={`${id}list`}
        aria-activedescendant={open ? `${id}${active}` : undefined}
        aria-label={`${op} ${current ?? ''} ${word}`}
        data-testid={`chariots-pick-${op}`}
        onClick={() => (open ? setOpen(false) : show())}
        onKeyDown={onKeyDown}
      >
        <span>{current ?? '–'}</span>
        <span className="ch-mono ch-mute">{item ? format.digest(item.version) : ''}</span>
        <span className="ch-spacer ch-t ch-mute ch-small">{word}</span>
        <Icon name={open ? 'caret-up' : 'caret'} />
      </button>
      {open && (
        <div
          className="jp-ChariotsMenu ch-options"
          role="listbox"
          id={`${id}list`}
          aria-labelledby={`${id}name`}
          tabIndex={-1}
        >
          {items.map((one, index) => (
            <Option
              key={one.version}
              id={`${id}${index}`}
              item={one}
              index={index}
              active={index === active}
              selected={one.number === current}
              loaded={view.is_loaded && versionOf(view, op)?.version === one.version}
              info={infos.value?.find(info => info.version === one.version)}
              onPick={() => pick(one)}
            />
          ))}
          {!items.length && (
            <div className="jp-ChariotsMenu-head">{trans.__('%1 has no saved version', op)}</div>
          )}
        </div>
      )}
    </div>
  );
}

function Option(props: {
  id: string;
  item: ILoadableVersion;
  index: number;
  active: boolean;
  selected: boolean;
  loaded: boolean;
  info: IVersionInfo | undefined;
  onPick: () => void;
}): JSX.Element {
  const { id, item, info } = props;
  const { trans } = useChariots();
  const at = info ? format.date(info.at) : format.versionTime(item.version);
  const [name, value] = Object.entries(info?.facts.metrics ?? {})[0] ?? ['', null];
  const reason = item.fits ? (props.loaded ? trans.__('loaded now') : '') : item.reason;
  return (
    <div
      id={id}
      className={`ch-opt ${props.active ? 'is-active' : ''}`}
      role="option"
      aria-selected={props.selected}
      aria-disabled={item.fits ? undefined : true}
      aria-describedby={reason ? `${id}why` : undefined}
      data-option={props.index}
      data-testid={`chariots-option-${item.number}`}
      onClick={props.onPick}
    >
      {!item.fits ? <Icon name="clear" /> : props.selected ? <Icon name="check" tone="brand" /> : <span />}
      <span>{item.number}</span>
      <span className="ch-mono ch-mute">{format.digest(item.version)}</span>
      <span className="ch-t">{name && `${name} ${format.metric(value)}`}</span>
      <span className="ch-mute">{at ? format.ago(at, Date.now()) : ''}</span>
      {reason && (
        <span className="ch-sub" id={`${id}why`}>
          {short(reason)}
        </span>
      )}
    </div>
  );
}
