/**
 * The panel in the output of a cell: the lists of the side panel, of one pipeline or of all.
 */
import * as React from 'react';
import type { JobFilter } from '../derive';
import * as format from '../format';
import type { IKept } from '../kept';
import { ChariotsModel } from '../model';
import { underRoot } from '../paths';
import { RELEASE } from '../release';
import type { IChariots } from '../tokens';
import { Banner } from './banner';
import { Button } from './button';
import { Call } from './call';
import { Chariots, useAsked, useChariots, useChariotsState } from './context';
import { Icon } from './icons';
import { Jobs } from './jobs';
import { Live } from './live';
import { Pipelines } from './pipelines';
import { Empty } from './words';

export interface ICellPanelProps {
  chariots: IChariots;
  kept: IKept;
  /** Path of the notebook that this is in. */
  notebook: string | null;
  /** The notebook has a kernel; without one it is a document, which shows its last state. */
  kernel: boolean;
}

/** Live as soon as the server has answered; before, and without a kernel, what was kept. */
export function CellPanel(props: ICellPanelProps): JSX.Element {
  const { chariots, kept, kernel } = props;
  const { model } = chariots;
  const known = React.useSyncExternalStore(model.subscribe, () => model.state.asOf !== null);
  const [calling, setCalling] = React.useState<string | null>(kept.only);
  const [asked, setAsked] = React.useState(false);
  const live = kernel && known;
  const value = React.useMemo((): IChariots => {
    const run = (name: string) => {
      const view = model.state.pipelines.find(one => one.name === name);
      if (view?.takes_input) {
        setCalling(name);
        setAsked(true);
      } else {
        chariots.host.run(name);
      }
    };
    return {
      ...chariots,
      model: live ? model : new ChariotsModel(model.api, undefined, kept.state),
      host: { ...chariots.host, run },
      inCell: true
    };
  }, [chariots, model, kept, live]);
  return (
    <Chariots value={chariots}>
      {kernel && <Banner release={RELEASE} />}
      <Chariots value={value}>
        <Lists {...props} live={live} calling={calling} focus={asked} />
      </Chariots>
    </Chariots>
  );
}

function Lists(
  props: ICellPanelProps & { live: boolean; calling: string | null; focus: boolean }
): JSX.Element {
  const { kept, notebook, live, calling } = props;
  const { trans } = useChariots();
  const state = useChariotsState();
  const [all, setAll] = React.useState(false);
  const [folds, setFolds] = React.useState<Record<string, boolean>>({});
  const [filter, setFilter] = React.useState<JobFilter>('all');
  const { only } = kept;
  const every = state.pipelines.map(view => view.name);
  const own = state.pipelines.filter(view => notebook !== null && view.owner && underRoot(view.owner) === notebook);
  const some = only === null && own.length > 0 && own.length < every.length;
  const names = React.useMemo(
    () => (only !== null ? [only] : some && !all ? own.map(view => view.name) : undefined),
    [only, some && !all, own.map(view => view.name).join('\n')]
  );
  const jobsOf = React.useMemo(() => (only === null ? undefined : [only]), [only]);
  const running = state.jobs.filter(
    job => job.status === 'running' && (only === null || job.pipeline === only)
  ).length;
  const missing = only !== null && state.asOf !== null && !every.includes(only);
  return (
    <>
      <div className="jp-ChariotsCell-head">
        <Icon name="wheel" />
        <b>{only ?? 'Chariots'}</b>
        <span className="ch-mute ch-t">
          <AsOf />
          {some && ` · ${trans.__('%1 of %2 pipelines are of this notebook', own.length, every.length)}`}
        </span>
        <span className="ch-spacer" />
        {some && (
          <Button
            className="is-outline"
            text={all ? trans.__('Show only %1', own.length) : trans.__('Show all %1', every.length)}
            pressed={all}
            onClick={() => setAll(!all)}
            testid="chariots-all"
          />
        )}
      </div>
      {live && <Live />}
      {missing ? (
        <Empty title={trans.__('%1 is not served', only)}>
          <p>{trans.__('Serve it from its notebook; its versions and its history are kept.')}</p>
        </Empty>
      ) : (
        <Pipelines
          names={names}
          folds={folds}
          onFold={(name, open) => setFolds(old => ({ ...old, [name]: open }))}
        />
      )}
      {live && calling !== null && <InlineCall key={calling} name={calling} focus={props.focus} />}
      {state.asOf !== null && (
        <h4 className="jp-Chariots-title">
          {trans.__('Jobs')}
          {running > 0 && <span className="ch-count">{trans.__('%1 running', running)}</span>}
        </h4>
      )}
      <Jobs names={jobsOf} filter={filter} onFilter={setFilter} />
    </>
  );
}

/** "connected · 12:04:08", or of when the state is. */
function AsOf(): JSX.Element {
  const { trans } = useChariots();
  const { connection, asOf } = useChariotsState();
  if (asOf === null) {
    return <>{trans.__('connecting…')}</>;
  }
  const when = new Date(asOf);
  const text =
    connection === 'live'
      ? trans.__('connected · %1', format.clock(when))
      : trans.__('as of %1', format.moment(when));
  return <span title={format.full(when)}>{text}</span>;
}

/** Where the input of a pipeline is given. */
function InlineCall(props: { name: string; focus: boolean }): JSX.Element | null {
  const { name, focus } = props;
  const { model } = useChariots();
  const view = useChariotsState().pipelines.find(one => one.name === name);
  const { value } = useAsked(
    () => (view ? model.api.pipeline(name) : Promise.resolve(null)),
    [name, view?.definition, view?.revision]
  );
  if (!view?.takes_input || !value) {
    return null;
  }
  return <Call view={view} whole={value} focus={focus} />;
}
