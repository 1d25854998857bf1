/**
 * Where the nodes of a pipeline's graph are drawn: in layers from left to right.
 */
import type { IPipelineView } from './types';

export const BOX = { width: 132, height: 46 };
export const PILL = { width: 60, height: 24 };
const STEP = { x: 178, y: 90 };
const LEFT = 84;
const TOP = 40;
const INPUT = '__pipeline_input__';
const OUTPUT = '__pipeline_output__';

export interface INodePlace {
  name: string;
  /** Names of its ops; a nested pipeline has several. */
  ops: string[];
  stateful: boolean;
  mode: string | null;
  layer: number;
  x: number;
  y: number;
  takes: string[];
  gives: string[];
}

export interface IEdge {
  from: string;
  to: string;
  path: string;
  /** The middle, for a sign. */
  x: number;
  y: number;
}

export interface ILayout {
  nodes: INodePlace[];
  edges: IEdge[];
  input: { y: number } | null;
  output: { x: number; y: number } | null;
  width: number;
  height: number;
}

type Graph = NonNullable<IPipelineView['graph']>;

export function layOut(graph: Graph): ILayout {
  const maker = new Map<string, string>();
  for (const node of graph.nodes) {
    maker.set(node.name, node.name);
    node.outputs.forEach(output => maker.set(output, node.name));
  }
  const links: [string, string][] = [];
  const layers = new Map<string, number>();
  for (const node of graph.nodes) {
    const ups = new Set<string>();
    for (const input of node.inputs) {
      const up = input === INPUT ? undefined : maker.get(input);
      if (up !== undefined && up !== node.name) {
        ups.add(up);
      }
    }
    ups.forEach(up => links.push([up, node.name]));
    // nodes come in the order of the plan: what is above is known
    const above = [...ups].map(up => layers.get(up) ?? 0);
    layers.set(node.name, above.length ? Math.max(...above) + 1 : 0);
  }
  const columns: string[][] = [];
  graph.nodes.forEach(node => (columns[layers.get(node.name)!] ??= []).push(node.name));
  const rank = new Map<string, number>();
  columns.forEach((column, layer) => {
    const middle = (name: string) => {
      const ups = links.filter(([, to]) => to === name).map(([from]) => rank.get(from) ?? 0);
      return ups.length ? ups.reduce((a, b) => a + b, 0) / ups.length : 0;
    };
    if (layer) {
      const by = new Map(column.map(name => [name, middle(name)]));
      column.sort((a, b) => by.get(a)! - by.get(b)!);
    }
    column.forEach((name, index) => rank.set(name, index));
  });

  const places = new Map<string, INodePlace>();
  for (const node of graph.nodes) {
    const layer = layers.get(node.name)!;
    const ops = node.ops.map(index => graph.ops[index]);
    places.set(node.name, {
      name: node.name,
      ops: ops.map(op => op.name),
      stateful: ops.some(op => op.stateful),
      mode: node.mode,
      layer,
      x: LEFT + layer * STEP.x,
      y: TOP + rank.get(node.name)! * STEP.y,
      takes: node.inputs,
      gives: node.outputs
    });
  }
  const nodes = [...places.values()];
  const edges: IEdge[] = links.map(([from, to]) => {
    const [a, b] = [places.get(from)!, places.get(to)!];
    return edge(from, to, [a.x + BOX.width, a.y + BOX.height / 2], [b.x - 2, b.y + BOX.height / 2]);
  });
  const firsts = nodes.filter(node => node.takes.includes(INPUT));
  const input = firsts.length
    ? { y: firsts.reduce((sum, node) => sum + node.y, 0) / firsts.length + BOX.height / 2 }
    : null;
  for (const node of firsts) {
    const end: [number, number] = [node.x - 2, node.y + BOX.height / 2];
    edges.push(edge(INPUT, node.name, [PILL.width, input!.y], end));
  }
  const right = LEFT + (columns.length - 1) * STEP.x + BOX.width;
  const lasts = nodes.filter(node => node.gives.includes(OUTPUT));
  const output = lasts.length
    ? {
        x: right + 24,
        y: lasts.reduce((sum, node) => sum + node.y, 0) / lasts.length + BOX.height / 2
      }
    : null;
  for (const node of lasts) {
    const start: [number, number] = [node.x + BOX.width, node.y + BOX.height / 2];
    edges.push(edge(node.name, OUTPUT, start, [output!.x - 2, output!.y]));
  }
  const rows = Math.max(1, ...columns.map(column => column.length));
  return {
    nodes,
    edges,
    input,
    output,
    width: (output ? output.x + PILL.width : right) + 4,
    height: TOP + rows * STEP.y - (STEP.y - BOX.height) + 12
  };
}

function edge(
  from: string,
  to: string,
  [x1, y1]: [number, number],
  [x2, y2]: [number, number]
): IEdge {
  const bend = Math.max(12, (x2 - x1) / 2);
  const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  return { from, to, path, x: (x1 + x2) / 2, y: (y1 + y2) / 2 };
}
