/** What the page hands over, and what its addresses answer. */
import type { DecisionGraphType, Simulation } from '@gorules/jdm-editor';

export type Form = 'flow' | 'table' | 'rule_set' | 'scorecard';

/** What a flow may ask; `version` is null while it is only being written. */
export type Artefact = { key: string; form: Form; title: string; version: number | null };

export type Variable = { name: string; type: string; unit: string; description: string; nullable: boolean };

export type Problem = { node: string; field: string; code: string; message: string };

export type Trace = NonNullable<NonNullable<Simulation['result']>['trace']>;

export type Page = {
  title: string;
  key: string;
  scenario: string;
  form: Form;
  read_only: boolean;
  graph: DecisionGraphType;
  schema: { type?: string; properties?: Record<string, Schema>; required?: string[] };
  variables: Variable[];
  artefacts: Artefact[];
  revision: number | null;
  urls: { back: string; tests?: string; save?: string; check?: string; simulate?: string; excel_out?: string; excel_in?: string };
  csrf: string;
  /** The request the simulator begins with; one is made up from the schema where there is none. */
  example?: unknown;
  /** Of a decision that was made: what is drawn on the graph. */
  trace?: Trace;
  input?: unknown;
  output?: unknown;
};

export type Schema = { type?: string | string[]; items?: Schema; properties?: Record<string, Schema>; pattern?: string };

export function read(): Page {
  return JSON.parse(document.getElementById('editor-data')?.textContent ?? '{}') as Page;
}

/** What the server has against a request, in its words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** POST JSON or a form; the answer's body. Raises Refused, also where nobody answered (status 0). */
export async function post(url: string, csrf: string, body: unknown): Promise<Response> {
  const isForm = body instanceof FormData;
  const headers: Record<string, string> = { 'X-CSRFToken': csrf, Accept: 'application/json' };
  if (!isForm) headers['Content-Type'] = 'application/json';
  let answer: Response;
  try {
    answer = await fetch(url, { method: 'POST', headers, body: isForm ? body : JSON.stringify(body) });
  } catch {
    throw new Refused(0, 'no_answer', 'The server does not answer. Your work is still on this page.');
  }
  if (answer.redirected) throw new Refused(401, 'signed_out', 'You were signed out. Sign in in another tab and try again.');
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, told.code ?? 'error', told.detail ?? told.title ?? `The server answered ${answer.status}.`);
}
