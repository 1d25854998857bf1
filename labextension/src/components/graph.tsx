/**
 * The graph of a pipeline, as a picture and as a table.
 */
import * as React from 'react';
import * as format from '../format';
import { BOX, PILL } from '../layout';
import type { IEdge, ILayout, INodePlace } from '../layout';
import type { IBrokenLink, IPipeline, OpVersions } from '../types';
import { Button } from './button';
import { useChariots } from './context';
import { Icon } from './icons';

export interface IGraphProps {
  layout: ILayout;
  versions: OpVersions;
  broken: readonly IBrokenLink[];
}

/** More nodes than this are fitted to the width at first. */
const MANY = 60;

export function GraphView(
  props: IGraphProps & {
    name: string;
    view: IPipeline;
    selected: string | null;
    onSelect: (node: string | null) => void;
  }
): JSX.Element {
  const { layout, versions, broken, selected, onSelect } = props;
  const { trans } = useChariots();
  const box = React.useRef<HTMLDivElement>(null);
  const [zoom, setZoom] = React.useState(1);
  const [current, setCurrent] = React.useState(layout.nodes[0]?.name ?? null);
  const id = React.useId().replace(/:/g, '');
  const { nodes, edges } = layout;
  const bad = React.useMemo(() => brokenEdges(layout, broken), [layout, broken]);

  const fit = () => {
    const width = box.current?.clientWidth ?? layout.width;
    return Math.min(1, Math.max(0.2, width / layout.width));
  };
  React.useLayoutEffect(() => {
    setZoom(fit());
  }, [layout]);

  const select = (node: INodePlace) => {
    setCurrent(node.name);
    onSelect(node.name);
  };
  const focus = (name: string | undefined) => {
    if (name) {
      setCurrent(name);
      const node = `[data-node="${CSS.escape(name)}"]`;
      box.current?.querySelector<SVGGElement>(node)?.focus();
    }
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    const node = nodes.find(one => one.name === current);
    const scroll = { ArrowLeft: [-40, 0], ArrowRight: [40, 0], ArrowUp: [0, -40], ArrowDown: [0, 40] }[
      event.key
    ];
    if (event.shiftKey && scroll) {
      box.current?.scrollBy(scroll[0], scroll[1]);
    } else if (event.key === '+' || event.key === '=') {
      setZoom(zoom * 1.25);
    } else if (event.key === '-') {
      setZoom(Math.max(0.2, zoom / 1.25));
    } else if (event.key === '0') {
      setZoom(fit());
    } else if (node && event.key === 'ArrowRight') {
      focus(edges.find(edge => edge.from === node.name && has(nodes, edge.to))?.to);
    } else if (node && event.key === 'ArrowLeft') {
      focus(edges.find(edge => edge.to === node.name && has(nodes, edge.from))?.from);
    } else if (node && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      const column = nodes.filter(one => one.layer === node.layer);
      column.sort((a, b) => a.y - b.y);
      const step = event.key === 'ArrowDown' ? 1 : -1;
      focus(column[column.indexOf(node) + step]?.name);
    } else if (node && (event.key === 'Enter' || event.key === ' ')) {
      select(node);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  const drag = React.useRef<[number, number] | null>(null);
  const label = broken.length
    ? trans.__('Graph of %1, %2 nodes, %3 broken links', props.name, nodes.length, broken.length)
    : trans.__('Graph of %1, %2 nodes', props.name, nodes.length);
  return (
    <div className="ch-graphbox">
      <div
        ref={box}
        className="ch-graphscroll"
        onPointerDown={event => (drag.current = [event.clientX, event.clientY])}
        onPointerMove={event => {
          if (drag.current && event.buttons === 1) {
            const [x, y] = drag.current;
            box.current?.scrollBy(x - event.clientX, y - event.clientY);
            drag.current = [event.clientX, event.clientY];
          }
        }}
        onPointerUp={() => (drag.current = null)}
        onKeyDown={onKeyDown}
      >
        <svg
          className="ch-graph"
          style={{ width: layout.width * zoom, height: layout.height * zoom }}
          viewBox={`0 0 ${layout.width} ${layout.height}`}
          role="group"
          aria-label={label}
          data-testid="chariots-graph"
        >
          <defs>
            <marker
              id={`arrow-${id}`}
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto"
            >
              <path d="M0 0 8 4 0 8z" fill="context-stroke" />
            </marker>
          </defs>
          {edges.map(edge => (
            <Edge
              key={`${edge.from} ${edge.to}`}
              edge={edge}
              marker={`url(#arrow-${id})`}
              broken={bad.get(edge)}
            />
          ))}
          {layout.input && <Pill x={0} y={layout.input.y} text={trans.__('input')} />}
          {nodes.map(node => (
            <Node
              key={node.name}
              node={node}
              view={props.view}
              versions={versions}
              selected={node.name === selected}
              tabbable={node.name === current}
              onSelect={() => select(node)}
            />
          ))}
          {layout.output && (
            <Pill x={layout.output.x} y={layout.output.y} text={trans.__('output')} />
          )}
        </svg>
      </div>
      {(nodes.length > MANY || zoom < 0.999) && (
        <div className="ch-zoom">
          <Button text="+" title={trans.__('Larger')} onClick={() => setZoom(zoom * 1.25)} />
          <Button
            text="−"
            title={trans.__('Smaller')}
            onClick={() => setZoom(Math.max(0.2, zoom / 1.25))}
          />
          <Button text="0" title={trans.__('Fit to width')} onClick={() => setZoom(fit())} />
        </div>
      )}
    </div>
  );
}

function has(nodes: readonly INodePlace[], name: string): boolean {
  return nodes.some(node => node.name === name);
}

/**
 * The edge that stands for each broken link: the last piece of the way from the one op to the
 * other, for stateless nodes may lie between.
 */
function brokenEdges(
  layout: ILayout,
  broken: readonly IBrokenLink[]
): Map<IEdge, IBrokenLink> {
  const found = new Map<IEdge, IBrokenLink>();
  for (const link of broken) {
    const froms = layout.nodes.filter(node => node.ops.includes(link.upstream));
    const tos = layout.nodes.filter(node => node.ops.includes(link.op));
    for (const to of tos) {
      const into = layout.edges.filter(edge => edge.to === to.name);
      const on = into.find(edge => reaches(layout, froms, edge.from));
      if (on) {
        found.set(on, link);
      }
    }
  }
  return found;
}

function reaches(layout: ILayout, froms: readonly INodePlace[], to: string): boolean {
  const seen = new Set<string>();
  const open = [to];
  while (open.length) {
    const name = open.pop()!;
    if (froms.some(node => node.name === name)) {
      return true;
    }
    if (!seen.has(name)) {
      seen.add(name);
      layout.edges.filter(edge => edge.to === name).forEach(edge => open.push(edge.from));
    }
  }
  return false;
}

function Edge(props: {
  edge: IEdge;
  marker: string;
  broken: IBrokenLink | undefined;
}): JSX.Element {
  const { edge, broken } = props;
  const { trans } = useChariots();
  return (
    <>
      <path
        className={`g-e ${broken ? 'is-bad' : ''}`}
        markerEnd={props.marker}
        d={edge.path}
      />
      {broken && (
        <g transform={`translate(${edge.x} ${edge.y})`} data-testid="chariots-broken-link">
          <title>
            {trans.__(
              '%1 was trained on %2, not on %3',
              `${broken.op} ${broken.version}`,
              `${broken.upstream} ${broken.trained_on ?? '–'}`,
              broken.chosen ?? '–'
            )}
          </title>
          <circle className="g-x" r="8" />
          <path className="g-xx" d="M-3-3 3 3M3-3-3 3" />
        </g>
      )}
    </>
  );
}

function Pill(props: { x: number; y: number; text: string }): JSX.Element {
  const { x, y } = props;
  return (
    <g className="g-node is-io">
      <rect
        x={x}
        y={y - PILL.height / 2}
        width={PILL.width}
        height={PILL.height}
        rx={PILL.height / 2}
      />
      <text className="g-d" x={x + PILL.width / 2} y={y + 4} textAnchor="middle">
        {props.text}
      </text>
    </g>
  );
}

function Node(props: {
  node: INodePlace;
  view: IPipeline;
  versions: OpVersions;
  selected: boolean;
  tabbable: boolean;
  onSelect: () => void;
}): JSX.Element {
  const { node, view, versions, selected } = props;
  const { trans } = useChariots();
  const op = node.ops[node.ops.length - 1];
  const version = node.stateful ? versions[op] : undefined;
  const served = view.served?.versions[op]?.version ?? view.current?.[op]?.version;
  const newer = version !== undefined && version.version !== served;
  const text = !node.stateful
    ? trans.__('stateless')
    : version
      ? `${version.number ?? '–'} ${format.digest(version.version)}`
      : trans.__('no version');
  const above = [newer ? trans.__('not served') : '', node.mode?.toUpperCase() ?? '']
    .filter(Boolean)
    .join(' · ');
  const classes = ['g-node', !node.stateful && 'is-stateless', selected && 'is-sel'];
  const { x, y } = node;
  const names = node.ops.length > 1 ? `${node.name} (${node.ops.length})` : node.name;
  return (
    <g
      className={classes.filter(Boolean).join(' ')}
      tabIndex={props.tabbable ? 0 : -1}
      role="button"
      aria-pressed={selected}
      aria-label={[node.name, text, above].filter(Boolean).join(', ')}
      data-node={node.name}
      onClick={props.onSelect}
    >
      <title>{`${node.name}\n${node.ops.join(', ')}\n${version?.version ?? text}`}</title>
      <rect className="g-box" x={x} y={y} width={BOX.width} height={BOX.height} rx="2" />
      <Sign x={x + 8} y={y + 8} kind={!node.stateful ? 'none' : newer ? 'newer' : version ? 'ok' : 'none'} />
      <text className="g-n" x={x + 27} y={y + 19}>
        {cut(names, 15)}
      </text>
      <text className="g-m" x={x + 10} y={y + 37}>
        {cut(text, 18)}
      </text>
      {above && (
        <text className="g-d" x={x} y={y - 7}>
          {cut(above, 26)}
        </text>
      )}
    </g>
  );
}

/** A small sign, drawn as the icons are. */
function Sign(props: { x: number; y: number; kind: 'ok' | 'newer' | 'none' }): JSX.Element {
  const { x, y, kind } = props;
  const path = {
    ok: 'M3 8.4 6.4 12 13 4.4',
    newer: 'M8 13.2V3.4M4 7.2l4-4 4 4',
    none: 'M8 3.4a4.6 4.6 0 1 0 .01 0z'
  }[kind];
  const tone = { ok: 'ch-ok', newer: 'ch-brand', none: '' }[kind];
  return (
    <svg className={`g-st ${tone}`} x={x} y={y} width="14" height="14" viewBox="0 0 16 16">
      <path d={path} />
    </svg>
  );
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** The same as a table. */
export function GraphTable(props: IGraphProps): JSX.Element {
  const { layout, versions, broken } = props;
  const { trans } = useChariots();
  return (
    <table className="ch-tbl" data-testid="chariots-graph-table">
      <thead>
        <tr>
          <th>{trans.__('Node')}</th>
          <th>{trans.__('Ops')}</th>
          <th>{trans.__('Version')}</th>
          <th>{trans.__('Takes')}</th>
          <th>{trans.__('Gives')}</th>
          <th>{trans.__('Mode')}</th>
        </tr>
      </thead>
      <tbody>
        {layout.nodes.map(node => {
          const version = versions[node.ops[node.ops.length - 1]];
          const bad = broken.find(link => node.ops.includes(link.op));
          return (
            <tr key={node.name}>
              <td>{node.name}</td>
              <td>{node.ops.join(', ')}</td>
              <td>
                {bad && <Icon name="error" tone="bad" />}
                {node.stateful && version
                  ? `${version.number ?? '–'} ${format.digest(version.version)}`
                  : trans.__('stateless')}
              </td>
              <td>{node.takes.join(', ')}</td>
              <td>{node.gives.join(', ')}</td>
              <td>{node.mode ?? '–'}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
