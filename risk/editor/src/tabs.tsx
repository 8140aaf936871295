/** The tabs of tables and expressions, as the editor makes them, with what is known of their input: its own give none (1.52). */
import { DecisionTable, Expression, useDecisionGraphActions, useDecisionGraphState, useNodeType } from '@gorules/jdm-editor';
import type { DecisionGraphType } from '@gorules/jdm-editor';
import type { VariableType } from '@gorules/zen-engine-wasm';
import { useMemo, type ComponentProps } from 'react';

import type { Trace } from './data';

type Tab = { id: string; manager?: never };
type TableProps = ComponentProps<typeof DecisionTable>;
type ExpressionProps = ComponentProps<typeof Expression>;
type Content = { inputField?: string | null; expressions?: ExpressionProps['value'] } & Record<string, unknown>;

export function TableTab({ id, manager }: Tab) {
  const { updateNode } = useDecisionGraphActions();
  const { name, content, disabled, mode, debug } = useTab(id);
  return (
    <DecisionTable
      id={id}
      name={name}
      tableHeight="100%"
      manager={manager}
      value={content as never}
      disabled={disabled}
      mode={mode}
      debug={debug as TableProps['debug']}
      inputVariableType={useInput(id, content?.inputField)}
      onChange={(changed) =>
        updateNode(id, (draft) => {
          Object.assign(draft.content, changed);
          return draft;
        })
      }
    />
  );
}

export function ExpressionTab({ id, manager }: Tab) {
  const { updateNode } = useDecisionGraphActions();
  const { content, disabled, debug } = useTab(id);
  return (
    <div className="risk-expressions">
      <Expression
        value={content?.expressions}
        manager={manager}
        disabled={disabled}
        debug={debug as ExpressionProps['debug']}
        inputVariableType={useInput(id, content?.inputField)}
        onChange={(changed) =>
          updateNode(id, (draft) => {
            draft.content.expressions = changed;
            return draft;
          })
        }
      />
    </div>
  );
}

function useTab(id: string) {
  const state = useDecisionGraphState(({ decisionGraph, disabled, mode, simulate }) => {
    const node = decisionGraph.nodes.find((each) => each.id === id);
    return { name: node?.name, content: node?.content as Content | undefined, disabled, mode, simulate, decisionGraph };
  });
  const debug = useMemo(() => evaluated(id, state.simulate?.result, state.decisionGraph), [id, state.simulate, state.decisionGraph]);
  return { ...state, debug };
}

/** What the last evaluation did here, for the row that matched and the values of each line. */
function evaluated(id: string, result: { trace: Trace; snapshot: DecisionGraphType } | undefined, graph: DecisionGraphType) {
  const trace = result?.trace[id];
  const snapshot = result?.snapshot.nodes.find((node) => node.id === id)?.content as Content | undefined;
  if (!result || !trace || !snapshot) return undefined;
  const others = Object.values(result.trace).filter((each) => graph.nodes.some((node) => node.id === each.id && node.type !== 'outputNode'));
  const $nodes = Object.fromEntries(others.map((each) => [each.name, each.output]));
  const made = Object.entries((trace.traceData ?? {}) as Record<string, { result?: unknown }>);
  const $ = Object.fromEntries(made.map(([name, line]) => [name, line?.result ?? null]));
  return { trace, snapshot, inputData: { data: at(trace.input, snapshot.inputField), $nodes, $ } };
}

function at(data: unknown, path: string | null | undefined): unknown {
  if (!path) return data;
  return path.split('.').reduce<unknown>((found, name) => (found as Record<string, unknown> | null)?.[name], data) ?? {};
}

function useInput(id: string, field: string | null | undefined): VariableType | undefined {
  const arriving = useNodeType(id);
  return useMemo(() => (field ? arriving?.calculateType(field) : arriving), [arriving, field]);
}
