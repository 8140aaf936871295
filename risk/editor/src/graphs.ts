/** Graphs as values: what is stored of one, what a request looks like, which way a trace took. */
import type { DecisionEdge, DecisionGraphType } from '@gorules/jdm-editor';

import type { Page, Schema, Trace } from './data';

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
      return 1; // nothing is divided by zero before somebody has typed anything
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
