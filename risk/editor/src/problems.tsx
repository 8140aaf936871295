import type { DecisionGraphType, DecisionNode } from '@gorules/jdm-editor';
import { Button } from 'antd';

import type { Problem } from './data';

/** What was found, and by what. */
export type Found = { by: 'check' | 'simulation'; problems: Problem[] };

type Props = {
  found: Found;
  graph: DecisionGraphType;
  onShow: (node: string) => void;
  onOpen: (node: string) => void;
  onClose: () => void;
};

const OPENED = new Set(['decisionTableNode', 'expressionNode', 'inputNode']);

export function Problems({ found, graph, onShow, onOpen, onClose }: Props) {
  const { by, problems } = found;
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  return (
    <section className="risk-problems" aria-label="Problems">
      <header>
        <h3>{headline(found)}</h3>
        <Button size="small" onClick={onClose}>
          Close
        </Button>
      </header>
      {by === 'check' && problems.length === 0 ? (
        <p>Every cell, expression and path was checked by the engine that will run it.</p>
      ) : (
        <ol>
          {problems.map((problem, number) => {
            const node = nodes.get(problem.node);
            return (
              <li key={number}>
                {node ? (
                  <button type="button" className="risk-link" onClick={() => onShow(problem.node)}>
                    {node.name}
                  </button>
                ) : (
                  <span>{problem.node || 'Whole flow'}</span>
                )}
                <span title={problem.field}>{place(problem.field, node)}</span>
                <span>
                  {problem.message} <code>{problem.code}</code>
                </span>
                {node && OPENED.has(node.type ?? '') && (
                  <button type="button" className="risk-link" onClick={() => onOpen(node.id)}>
                    Open
                  </button>
                )}
              </li>
            );
          })}
        </ol>
      )}
    </section>
  );
}

/** Where in a node, as the editor numbers it: `rules[12].grade` is row 13, grade. */
function place(field: string, node: DecisionNode | undefined): string {
  const [, part, number, rest] = /^(rules|expressions|statements|inputs|outputs)\[(\d+)\](?:\.(.*))?$/.exec(field) ?? [];
  if (part === 'rules') return `row ${Number(number) + 1}${rest ? `, ${rest}` : ''}`;
  if (part === 'statements') return `branch ${Number(number) + 1}`;
  if (part === 'expressions') return rest ? `line ${Number(number) + 1}, ${rest}` : `line ${Number(number) + 1}`;
  const [, side, id] = /^(inputs|outputs)\.(.+)\.field$/.exec(field) ?? [];
  const column = (node?.content?.[side ?? ''] as { id: string; name?: string }[] | undefined)?.find((each) => each.id === id);
  return column ? `column ${column.name}` : field;
}

function headline({ by, problems }: Found): string {
  if (by === 'simulation') return 'The simulation stopped here';
  return problems.length === 0 ? 'Nothing is wrong' : `${problems.length} to mend before it can be released`;
}
