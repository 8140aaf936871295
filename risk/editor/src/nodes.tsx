/** Our own nodes: a released flow, rule set, scorecard or table that the flow asks, all of them sub-decisions to the engine. */
import {
  CodeEditor,
  GraphNode,
  createJdmNode,
  nodeSpecification,
  useDecisionGraphActions,
  useDecisionGraphState,
  useNodeType,
} from '@gorules/jdm-editor';
import { VariableType } from '@gorules/zen-engine-wasm';
import { Button, Form as Fields, Input, Modal, Radio, Select, Switch, Typography } from 'antd';
import { CreditCard, GaugeIcon, ListChecksIcon, Table2Icon, WorkflowIcon } from 'lucide-react';
import { useEffect, useState, type ReactNode } from 'react';

import type { Artefact, Form, Page } from './data';
import { ExpressionTab, TableTab } from './tabs';

type Kind = { name: string; many: string; icon: ReactNode; color: string; says: string };

export const KINDS: Record<Form, Kind> = {
  flow: { name: 'Sub-decision', many: 'flows', icon: <WorkflowIcon size="1em" />, color: '#0f766e', says: 'Asks another flow' },
  rule_set: { name: 'Rule set', many: 'rule sets', icon: <ListChecksIcon size="1em" />, color: '#b45309', says: 'Collects every rule that hits' },
  scorecard: { name: 'Scorecard', many: 'scorecards', icon: <GaugeIcon size="1em" />, color: '#7c3aed', says: 'Points per variable, summed' },
  table: { name: 'Shared table', many: 'tables', icon: <Table2Icon size="1em" />, color: '#0369a1', says: 'Asks a table of its own' },
};
const UNKNOWN: Kind = { name: 'Not released', many: 'artefacts', icon: <CreditCard size="1em" />, color: '#b91c1c', says: '' };

export type Reference = {
  key: string;
  passThrough: boolean;
  inputField: string | null;
  outputPath: string | null;
  executionMode: 'single' | 'loop';
};

/** A name as an expression can say it: `credit rules` becomes credit_rules. */
const spoken = (key: string) => key.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^(\d)/, '_$1');

// --- the dialog that asks which, when a node is dropped ----------------------------------------------------------

type Asked = { form: Form; answer: (chosen: Artefact | null) => void };
let ask: (asked: Asked) => void = () => undefined;

export function Picker({ artefacts }: { artefacts: Artefact[] }) {
  const [asked, setAsked] = useState<Asked | null>(null);
  const [key, setKey] = useState<string>();
  useEffect(() => {
    ask = (next) => {
      setKey(undefined);
      setAsked(next);
    };
  }, []);
  const kind = asked ? KINDS[asked.form] : UNKNOWN;
  const offered = artefacts.filter((each) => each.form === asked?.form);
  const close = (chosen: Artefact | null) => {
    asked?.answer(chosen);
    setAsked(null);
  };
  return (
    <Modal
      open={asked !== null}
      title={`Which of the ${kind.many}?`}
      okText="Add"
      okButtonProps={{ disabled: !key }}
      onOk={() => close(offered.find((each) => each.key === key) ?? null)}
      onCancel={() => close(null)}
      destroyOnClose
    >
      {offered.length === 0 ? (
        <Typography.Paragraph>
          There are no {kind.many} yet. Begin a draft of one; from then on it is offered here.
        </Typography.Paragraph>
      ) : (
        <Select
          showSearch
          autoFocus
          aria-label={kind.name}
          style={{ width: '100%' }}
          placeholder="Title or key"
          value={key}
          onChange={setKey}
          optionFilterProp="label"
          options={offered.map(asOption)}
        />
      )}
    </Modal>
  );
}

const edition = (each: Artefact) => (each.version ? `v${each.version}` : 'draft');

const asOption = (each: Artefact) => ({
  value: each.key,
  label: [each.title, `${each.key} ${edition(each)}`].filter(Boolean).join(' · '),
});

// --- the node ----------------------------------------------------------------------------------------------------

function referenceOf(page: Page) {
  const byKey = new Map(page.artefacts.map((each) => [each.key, each]));

  function useReference(id: string) {
    const { content, disabled } = useDecisionGraphState(({ decisionGraph, disabled }) => ({
      disabled,
      content: decisionGraph.nodes.find((node) => node.id === id)?.content as Partial<Reference> | undefined,
    }));
    return { content, disabled, artefact: byKey.get(content?.key ?? '') };
  }

  function Settings({ id }: { id: string }) {
    const actions = useDecisionGraphActions();
    const inputType = useNodeType(id);
    const { content, disabled, artefact } = useReference(id);
    const set = (change: Partial<Reference>) =>
      actions.updateNode(id, (draft) => {
        draft.content = { ...draft.content, ...change };
        return draft;
      });
    const forms = (Object.keys(KINDS) as Form[]).filter((form) => page.artefacts.some((each) => each.form === form));
    return (
      <div className="settings-form">
        <Fields.Item label={artefact ? KINDS[artefact.form].name : 'Asks'}>
          <Select
            showSearch
            size="small"
            aria-label="Asks"
            disabled={disabled}
            value={content?.key || undefined}
            placeholder="Choose what is asked"
            optionFilterProp="label"
            popupMatchSelectWidth={320}
            onChange={(key: string) => set({ key })}
            options={forms.map((form) => ({
              label: KINDS[form].name,
              options: page.artefacts.filter((each) => each.form === form).map(asOption),
            }))}
          />
        </Fields.Item>
        <Fields.Item label="Passthrough">
          <Switch
            size="small"
            disabled={disabled}
            checked={content?.passThrough ?? false}
            onChange={(passThrough) => set({ passThrough })}
          />
        </Fields.Item>
        <Fields.Item label="Input field">
          <CodeEditor
            variableType={inputType}
            disabled={disabled}
            maxRows={4}
            style={{ fontSize: 12, lineHeight: '20px', width: '100%' }}
            value={content?.inputField ?? ''}
            onChange={(text) => set({ inputField: text?.trim() || null })}
          />
        </Fields.Item>
        <Fields.Item label="Output path">
          <Input
            size="small"
            readOnly={disabled}
            value={content?.outputPath ?? ''}
            onChange={(event) => set({ outputPath: event.target.value.trim() || null })}
          />
        </Fields.Item>
        <Fields.Item label="Execution mode">
          <Radio.Group
            size="small"
            disabled={disabled}
            value={content?.executionMode ?? 'single'}
            onChange={(event) => set({ executionMode: event.target.value })}
            options={[
              { value: 'single', label: 'Single' },
              { value: 'loop', label: 'Loop' },
            ]}
          />
        </Fields.Item>
      </div>
    );
  }

  function Reference({ id, name, selected }: { id: string; name: string; selected: boolean }) {
    const { content, artefact } = useReference(id);
    const kind = artefact ? KINDS[artefact.form] : UNKNOWN;
    return (
      <GraphNode
        id={id}
        specification={{ displayName: kind.name, icon: kind.icon, color: kind.color, renderSettings: Settings }}
        name={name}
        isSelected={selected}
        className={artefact ? undefined : 'risk-unknown'}
      >
        <div className="risk-reference">
          <strong>{artefact ? kind.name : content?.key ? 'Not released' : 'Nothing chosen'}</strong>
          <span>{content?.key ? [content.key, artefact && edition(artefact)].filter(Boolean).join(' ') : 'Choose one in Settings'}</span>
          {content?.outputPath && <span>→ {content.outputPath}</span>}
        </div>
      </GraphNode>
    );
  }

  return Reference;
}

/** Lets somebody choose, and the dropped node is a sub-decision that asks the chosen one. */
const asks =
  (form: Form) =>
  async <T extends { content?: unknown }>(node: T): Promise<T> => {
    const chosen = await new Promise<Artefact | null>((answer) => ask({ form, answer }));
    if (!chosen) throw new Error('nothing chosen');
    const content: Reference = {
      key: chosen.key,
      passThrough: true,
      inputField: null,
      outputPath: spoken(chosen.key),
      executionMode: 'single',
    };
    return { ...node, type: 'decisionNode', name: chosen.key, content };
  };

const inferTypes = {
  needsUpdate: (now: Reference, before: Reference) => JSON.stringify(now) !== JSON.stringify(before),
  determineOutputType: ({ input, content }: { input: VariableType; content: Reference }) => {
    const answer = VariableType.fromJson({ Object: {} });
    if (content.outputPath) answer.setJson(content.outputPath, 'Any');
    return content.passThrough ? input.merge(answer) : answer;
  },
};

/** What a page adds to the palette and to the drawing: `components` and `customNodes` of the graph. */
export function ownNodes(page: Page) {
  const Reference = referenceOf(page);
  const subDecision = {
    type: 'decisionNode',
    displayName: KINDS.flow.name,
    shortDescription: KINDS.flow.says,
    icon: KINDS.flow.icon,
    color: KINDS.flow.color,
    generateNode: () => ({ name: 'sub-decision', content: { key: '', passThrough: true, inputField: null, outputPath: null, executionMode: 'single' } }),
    onNodeAdd: asks('flow'),
    inferTypes,
    renderNode: ({ id, data, selected }: { id: string; data: { name: string }; selected: boolean }) => (
      <Reference id={id} name={data.name} selected={selected} />
    ),
  };
  const others = (['rule_set', 'scorecard', 'table'] as const).map((form) =>
    createJdmNode({
      kind: form,
      group: 'released',
      displayName: KINDS[form].name,
      shortDescription: KINDS[form].says,
      icon: KINDS[form].icon,
      color: KINDS[form].color,
      generateNode: () => ({ name: form }),
      onNodeAdd: asks(form) as never,
    }),
  );
  return { components: [subDecision], customNodes: others, subDecision };
}

// --- the editor's own nodes, made ours ---------------------------------------------------------------------------

/** Called once, before anything is drawn. */
export function fitTheEditorsNodes(page: Page, subDecision: ReturnType<typeof ownNodes>['subDecision']): void {
  const known = nodeSpecification as unknown as Record<string, Record<string, unknown> | undefined>;
  // The gate refuses functions (they call out, read the clock, hold the process): not offered; an old one is still drawn.
  delete known.functionNode;
  for (const specification of Object.values(known)) delete specification?.documentationUrl; // leads outside
  // Found by name, for tabs and types, without standing in the palette a second time.
  Object.defineProperty(known, 'decisionNode', { value: subDecision, enumerable: false });
  Object.assign(known.decisionTableNode ?? {}, { renderTab: (tab: { id: string; manager?: never }) => <TableTab {...tab} /> });
  Object.assign(known.expressionNode ?? {}, { renderTab: (tab: { id: string; manager?: never }) => <ExpressionTab {...tab} /> });
  Object.assign(known.inputNode ?? {}, {
    displayName: 'Request',
    generateNode: () => ({ name: 'request', content: { schema: JSON.stringify(page.schema) } }),
    renderNode: RequestNode,
    renderTab: ({ id }: { id: string }) => <Variables id={id} page={page} />,
  });
}

function RequestNode({ id, data, selected, specification }: { id: string; data: { name: string }; selected: boolean; specification: { displayName: ReactNode } }) {
  const actions = useDecisionGraphActions();
  return (
    <GraphNode
      id={id}
      specification={specification}
      name={data.name}
      isSelected={selected}
      handleLeft={false}
      actions={[
        <Button key="variables" type="text" onClick={() => actions.openTab(id)}>
          Variables
        </Button>,
      ]}
    />
  );
}

/** The scenario's variables in place of the text of their schema: they are the scenario's, not the flow's. */
function Variables({ id, page }: { id: string; page: Page }) {
  const actions = useDecisionGraphActions();
  const { schema, disabled } = useDecisionGraphState(({ decisionGraph, disabled }) => ({
    disabled,
    schema: decisionGraph.nodes.find((node) => node.id === id)?.content?.schema as string | undefined,
  }));
  const isOurs = sameJson(schema, page.schema);
  return (
    <div className="risk-variables">
      {!isOurs && !disabled && (
        <p role="status">
          This request has a schema of its own, which is not that of the scenario {page.scenario}.{' '}
          <Button
            size="small"
            onClick={() =>
              actions.updateNode(id, (draft) => {
                draft.content = { ...draft.content, schema: JSON.stringify(page.schema) };
                return draft;
              })
            }
          >
            Take the scenario's
          </Button>
        </p>
      )}
      <table>
        <thead>
          <tr>
            <th scope="col">Variable</th>
            <th scope="col">Type</th>
            <th scope="col">Unit</th>
            <th scope="col">May be unknown</th>
            <th scope="col">What it is</th>
          </tr>
        </thead>
        <tbody>
          {page.variables.map((variable) => (
            <tr key={variable.name}>
              <td>
                <code>{variable.name}</code>
              </td>
              <td>{variable.type}</td>
              <td>{variable.unit}</td>
              <td>{variable.nullable ? 'yes' : ''}</td>
              <td>{variable.description}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function sameJson(text: string | undefined, value: unknown): boolean {
  try {
    return canonical(JSON.parse(text || '{}')) === canonical(value);
  } catch {
    return false;
  }
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (value && typeof value === 'object') {
    const parts = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${parts.map(([name, part]) => `${JSON.stringify(name)}:${canonical(part)}`).join()}}`;
  }
  return JSON.stringify(value);
}
