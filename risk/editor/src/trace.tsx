/** The way a decision took, step by step, and what went into and came out of the node that is looked at. */
import type { Page, Trace } from './data';

type Props = { page: Page; selected: string | null; onShow: (node: string) => void; onOpen: (node: string) => void };
type Step = Trace[string];

export function TracePanel({ page, selected, onShow, onOpen }: Props) {
  const trace = page.trace ?? {};
  const steps = Object.values(trace).sort((a, b) => (a.order ?? 0) - (b.order ?? 0));
  const kinds = new Map(page.graph.nodes.map((node) => [node.id, node.type]));
  const shown = selected ? trace[selected] : undefined;
  const name = selected ? page.graph.nodes.find((node) => node.id === selected)?.name : undefined;
  return (
    <aside className="risk-trace" aria-label="Trace">
      <h3>Path taken</h3>
      <ol>
        {steps.map((step) => (
          <li key={step.id}>
            <button
              type="button"
              className="risk-link"
              aria-current={step.id === selected ? 'step' : undefined}
              onClick={() => onShow(step.id)}
            >
              {step.name}
            </button>
            <small>{summary(step)}</small>
          </li>
        ))}
      </ol>
      {selected && !shown && (
        <p role="status">
          <strong>{name ?? selected}</strong> was not reached by this decision.
        </p>
      )}
      {!selected && <p>Choose a step or a node to see what went in and what came out.</p>}
      {shown && (
        <>
          <h3>{shown.name}</h3>
          {kinds.get(shown.id) === 'decisionTableNode' && (
            <p>
              <button type="button" className="risk-link" onClick={() => onOpen(shown.id)}>
                Open the table at the row that matched
              </button>
            </p>
          )}
          {kinds.get(shown.id) === 'inputNode' ? (
            <Value title="What came in" value={page.input ?? shown.output} />
          ) : kinds.get(shown.id) === 'outputNode' ? (
            <Value title="What came out" value={page.output ?? shown.input} />
          ) : (
            <>
              <Value title="Output" value={brought(shown)} />
              {kinds.get(shown.id) === 'decisionNode' && <Below step={shown} />}
              <details>
                <summary>Input, everything that arrived</summary>
                <Value value={shown.input} />
              </details>
            </>
          )}
        </>
      )}
    </aside>
  );
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** What a node made itself: its answer without what it only passed on. */
function brought({ input, output }: Step): unknown {
  if (!isObject(output) || !isObject(input)) return output;
  const made = Object.entries(output).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(input[key]));
  return made.length > 0 ? Object.fromEntries(made) : output;
}

/** One line for a step: the rows of a table, the branches of a switch. */
function summary(step: Step): string {
  const data = step.traceData as { index?: number; rule?: unknown; statements?: unknown[] } | unknown[] | null;
  if (Array.isArray(data)) return data.length === 1 ? '1 row matched' : `${data.length} rows matched`;
  if (typeof data?.index === 'number' && data.rule) return `row ${data.index + 1}`;
  if (data?.statements) return `${data.statements.length} of its branches`;
  return '';
}

function Below({ step }: { step: Step }) {
  const inner = Object.values((step.traceData ?? {}) as unknown as Trace).filter((each) => each && typeof each === 'object' && 'name' in each);
  if (inner.length === 0) return null;
  return (
    <>
      <h4>Inside {step.name}</h4>
      {inner
        .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
        .map((each) => (
          <details key={each.id}>
            <summary>
              {each.name} <small>{summary(each)}</small>
            </summary>
            <Value title="Output" value={each.output} />
          </details>
        ))}
    </>
  );
}

function Value({ title, value }: { title?: string; value: unknown }) {
  return (
    <section>
      {title && <h4>{title}</h4>}
      {isObject(value) ? (
        <table>
          <tbody>
            {Object.entries(value)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([key, part]) => (
                <tr key={key}>
                  <th scope="row">{key}</th>
                  <td>{part === null ? <em>unknown</em> : typeof part === 'string' ? part : JSON.stringify(part, null, 1)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      ) : (
        <pre>{JSON.stringify(value, null, 1)}</pre>
      )}
    </section>
  );
}
