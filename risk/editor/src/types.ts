/** What is known of the values at each node, for completion and for the warnings in its fields. */
import { NodeTypeKind, type DecisionGraphRef, type DecisionGraphType, nodeSpecification } from '@gorules/jdm-editor';
import { VariableType, type VariableTypeJson } from '@gorules/zen-engine-wasm';

import type { Schema } from './data';

export function typeOf(schema: Schema): VariableTypeJson {
  const types = ([] as (string | undefined)[]).concat(schema.type).filter((type) => type !== 'null');
  switch (types[0]) {
    case 'integer':
    case 'number':
      return 'Number';
    case 'boolean':
      return 'Bool';
    case 'string':
      return 'String';
    case 'array':
      return { Array: schema.items ? typeOf(schema.items) : 'Any' };
    case 'object':
      return {
        Object: Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, part]) => [name, typeOf(part)])),
      };
    default:
      return 'Any';
  }
}

type Specification = { inferTypes?: { determineOutputType: (state: { input: VariableType; content: unknown }) => VariableType } };

/**
 * Sets what arrives at every node, in the order of the edges. The editor's own walk stops at the request node (1.52),
 * and knows nothing of a schema.
 */
export function infer(graph: DecisionGraphType, schema: Schema, ref: DecisionGraphRef): void {
  const outputs = new Map<string, VariableType>();
  const waiting = graph.nodes.map((node) => node.id);
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  const before = (id: string) => graph.edges.filter((edge) => edge.targetId === id).map((edge) => edge.sourceId);
  for (let round = waiting.length; waiting.length > 0 && round >= 0; round--) {
    for (const id of [...waiting]) {
      const sources = before(id).filter((source) => byId.has(source));
      if (sources.some((source) => !outputs.has(source))) continue;
      waiting.splice(waiting.indexOf(id), 1);
      const node = byId.get(id);
      if (!node) continue;
      if (node.type === 'inputNode') {
        const type = VariableType.fromJson(typeOf(schema));
        outputs.set(id, type);
        ref.setNodeType(id, NodeTypeKind.InferredOutput, type.clone());
        continue;
      }
      const incoming = sources.map((source) => outputs.get(source)?.clone()).filter((type) => type !== undefined);
      const input = incoming.length === 1 && incoming[0] ? incoming[0] : VariableType.fromIncoming(incoming);
      ref.setNodeType(id, NodeTypeKind.InferredInput, input.clone());
      outputs.set(id, outputOf(node.type, node.content, input));
    }
  }
}

function outputOf(kind: string | undefined, content: unknown, input: VariableType): VariableType {
  const known = (nodeSpecification as unknown as Record<string, Specification | undefined>)[kind ?? ''];
  try {
    return known?.inferTypes?.determineOutputType({ input, content }) ?? input.clone();
  } catch {
    return input.clone(); // half-written content has no type yet
  }
}
