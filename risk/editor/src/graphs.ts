/** Graphs as values: what an empty one starts with, what a request looks like, which way a trace took. */
import type { DecisionEdge, DecisionGraphType } from '@gorules/jdm-editor';

import type { Page, Schema, Trace } from './data';

const id = () => crypto.randomUUID();

/** The graph itself where it has nodes; else request and response, with a table between them where it is one. */
export function started(page: Page): DecisionGraphType {
  if (page.graph.nodes.length > 0) return page.graph;
  const schema = JSON.stringify(page.schema);
  const [input, table, output] = [id(), id(), id()];
  const isTable = page.form === 'table';
  const at = (x: number) => ({ x: 80 + 320 * x, y: 160 });
  const nodes: DecisionGraphType['nodes'] = [
    { id: input, type: 'inputNode', name: 'request', position: at(0), content: { schema } },
    { id: output, type: 'outputNode', name: 'response', position: at(2), content: { schema: '' } },
  ];
  if (!isTable) return { nodes, edges: [] };
  const content = {
    hitPolicy: 'first',
    inputs: [{ id: id(), name: 'Input', field: '' }],
    outputs: [{ id: id(), name: 'Output', field: 'output' }],
    rules: [],
    passThrough: false,
    inputField: null,
    outputPath: null,
    executionMode: 'single',
  };
  nodes.splice(1, 0, { id: table, type: 'decisionTableNode', name: page.key || 'table', position: at(1), content });
  const edge = (sourceId: string, targetId: string): DecisionEdge => ({ id: id(), type: 'edge', sourceId, targetId });
  return { nodes, edges: [edge(input, table), edge(table, output)] };
}

/** What is stored: without what the editor keeps for itself (selection, sizes). */
export const stored = (graph: DecisionGraphType): string => JSON.stringify({ nodes: graph.nodes, edges: graph.edges });

/** A request with every variable: unknown where it may be, else the plainest value of its type. */
export function example(page: Page): string {
  if (page.example !== undefined && page.example !== null) return JSON.stringify(page.example, null, 2);
  const properties = Object.entries(page.schema.properties ?? {});
  return JSON.stringify(Object.fromEntries(properties.map(([name, schema]) => [name, plainest(schema)])), null, 2);
}

function plainest(schema: Schema): unknown {
  const types = ([] as (string | undefined)[]).concat(schema.type);
  if (types.includes('null')) return null;
  switch (types[0]) {
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    case 'array':
      return [];
    case 'object':
      return {};
    default:
      return schema.pattern?.includes('\\d{4}-\\d{2}') ? new Date().toISOString().slice(0, 10) : '';
  }
}

/** Did the evaluation go along this edge? Both ends were evaluated, and a switch chose this branch. */
export function taken(edge: DecisionEdge, trace: Trace): boolean {
  const [from, to] = [trace[edge.sourceId], trace[edge.targetId]];
  if (!from || !to) return false;
  const chosen = (from.traceData as { statements?: { id?: string }[] } | null)?.statements;
  return !chosen || !edge.sourceHandle || chosen.some((statement) => statement.id === edge.sourceHandle);
}

/** Style that says the same of nodes and edges that React Flow may draw anew at any time. */
export function pathStyle(graph: DecisionGraphType, trace: Trace | undefined, faulty: Set<string>): string {
  const rules: string[] = [];
  const node = (name: string) => `#editor .react-flow__node[data-id="${CSS.escape(name)}"]`;
  for (const name of faulty) rules.push(`${node(name)} .grl-dn__graphCard { outline: 2px solid var(--grl-color-error); }`);
  if (trace) {
    const off = graph.nodes.filter((each) => !trace[each.id] && each.type !== 'inputNode').map((each) => node(each.id));
    if (off.length) rules.push(`${off.join(',')} { opacity: .4; }`);
    for (const edge of graph.edges) {
      const path = `#editor .react-flow__edge[data-testid="rf__edge-${CSS.escape(edge.id)}"] path.react-flow__edge-path`;
      rules.push(
        taken(edge, trace)
          ? `${path} { stroke: var(--grl-color-success); stroke-width: 3px; }`
          : `${path} { stroke-dasharray: 4 4; opacity: .5; }`,
      );
    }
  }
  return rules.join('\n');
}
