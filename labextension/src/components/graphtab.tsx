/**
 * The tab "Graph": the graph with versions, what is broken and how to mend it, and the choice
 * of versions.
 */
import * as React from 'react';
import { versionOf } from '../derive';
import { layOut } from '../layout';
import type { ViewTab } from '../tokens';
import type { ILoadable, IPipeline, OpVersions } from '../types';
import { ChooseVersions } from './choose';
import { useAsked, useChariots, useChariotsState } from './context';
import { GraphTable, GraphView } from './graph';
import { Icon } from './icons';
import { Choice } from './jobs';
import { BrokenLinks } from './links';
import { NodeFacts } from './nodefacts';
import type { ITabProps } from './tab';

type Show = 'serving' | 'newest' | 'chosen';

export function Graph(props: ITabProps & { onTab: (tab: ViewTab) => void }): JSX.Element {
  const { view, whole } = props;
  const { trans, model } = useChariots();
  const { seq } = useChariotsState();
  const [show, setShow] = React.useState<Show | null>(null);
  const [chosen, setChosen] = React.useState<Record<string, string>>({});
  const [selected, setSelected] = React.useState<string | null>(null);
  const [asList, setAsList] = React.useState(false);
  const layout = React.useMemo(
    () => (whole.graph ? layOut(whole.graph) : null),
    [whole.graph]
  );
  const newest = useAsked(() => model.api.loadable(view.name), [view.name, seq]);
  const picked = useAsked(
    () =>
      Object.keys(chosen).length
        ? model.api.loadable(view.name, chosen)
        : Promise.resolve(null),
    [view.name, seq, JSON.stringify(chosen)]
  );
  const choice = Object.keys(chosen).length ? picked.value : newest.value;
  const shown = show ?? (newest.value?.refusal && view.newer ? 'newest' : 'serving');
  const loadable = shown === 'chosen' ? choice : newest.value;
  const broken =
    shown === 'serving' ? [] : (loadable?.refusal?.broken ?? []);
  const versions = versionsShown(view, shown, loadable, chosen);
  const refusal = shown === 'serving' ? undefined : loadable?.refusal;
  const many = refusal?.broken?.length ?? 0;

  if (!layout) {
    return <div className="jp-ChariotsView-main" />;
  }
  const node = layout.nodes.find(one => one.name === selected);
  const op = node?.stateful ? node.ops[node.ops.length - 1] : undefined;
  return (
    <>
      <div className="jp-ChariotsView-main">
        <div className="ch-bar">
          <span className="ch-mute">{trans.__('Show')}</span>
          <Choice
            className="ch-seg"
            label={trans.__('Versions shown')}
            value={shown}
            options={[
              { value: 'serving', text: trans.__('Serving now') },
              { value: 'newest', text: trans.__('Newest in store') },
              { value: 'chosen', text: trans.__('Chosen') }
            ]}
            onChange={value => setShow(value as Show)}
            testid="chariots-show"
          />
          <button
            type="button"
            className="ch-btn is-outline"
            aria-pressed={asList}
            onClick={() => setAsList(!asList)}
          >
            {trans.__('As a list')}
          </button>
          <span className="ch-spacer" />
          {many > 0 && (
            <>
              <Icon name="error" tone="bad" />
              <span data-testid="chariots-broken">
                {trans._n('%1 broken link', '%1 broken links', many)}
              </span>
            </>
          )}
        </div>
        {asList ? (
          <GraphTable layout={layout} versions={versions} broken={broken} />
        ) : (
          <GraphView
            name={view.name}
            view={view}
            layout={layout}
            versions={versions}
            broken={broken}
            selected={selected}
            onSelect={setSelected}
          />
        )}
        {refusal && (
          <BrokenLinks view={view} refusal={refusal} chosen={shown === 'chosen'} />
        )}
      </div>
      <div className="jp-ChariotsView-side">
        {(view.ops ?? []).length > 0 && (
          <ChooseVersions
            view={view}
            loadable={choice}
            chosen={chosen}
            loading={picked.loading}
            onChoose={(next, pin) => {
              setChosen(next);
              if (pin) {
                setShow('chosen');
              } else if (!Object.keys(next).length) {
                setShow(null);
              }
            }}
            onTab={props.onTab}
          />
        )}
        {node && (
          <NodeFacts
            node={node}
            op={op}
            version={op ? versions[op]?.version : undefined}
            onTab={props.onTab}
          />
        )}
      </div>
    </>
  );
}

/** The versions that the graph shows, by op. */
function versionsShown(
  view: IPipeline,
  show: Show,
  loadable: ILoadable | null,
  chosen: Readonly<Record<string, string>>
): OpVersions {
  const versions: OpVersions = {};
  for (const op of view.ops ?? []) {
    const items = loadable?.ops[op]?.items ?? [];
    const pinned = items.find(item => item.number === chosen[op]);
    const newest = items[0];
    const would = loadable?.would_load?.[op];
    const serving = versionOf(view, op);
    const version =
      show === 'serving'
        ? serving
        : show === 'newest'
          ? (newest ?? serving)
          : (pinned ?? would ?? newest ?? serving);
    if (version) {
      versions[op] = { version: version.version, number: version.number };
    }
  }
  return versions;
}
