/** The page: a bar, the graph or the table, what is wrong with it, and the way an evaluation took. */
import { DecisionGraph, GraphSimulator, useWasmReady } from '@gorules/jdm-editor';
import type { DecisionGraphRef, DecisionGraphType, Simulation } from '@gorules/jdm-editor';
import { App as Antd } from 'antd';
import { PlayIcon } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { ReactFlowInstance } from 'reactflow';

import { Bar, type Saved } from './bar';
import { Refused, post, type Page } from './data';
import { example, pathStyle, stored } from './graphs';
import { Inside, type Place } from './inside';
import { Picker, fitTheEditorsNodes, ownNodes } from './nodes';
import { Problems, type Found } from './problems';
import { TracePanel } from './trace';
import { infer } from './types';

const SIMULATOR = 'simulator';
const GUIDED = 'risk-editor:guided'; // cells with an operator and a value in place of their text
const WHOLE = { maxZoom: 1, padding: 0.1 };
const SETTLED = 250; // ms; the editor hands on what is typed in two steps of 100: a quick Ctrl+S would miss the last words
const LARGEST_SHEET = 2 * 1024 * 1024; // bytes; the server says the same, after the whole file has been sent

export function Editor({ page }: { page: Page }) {
  const { message, modal } = Antd.useApp();
  const isTyped = useWasmReady();
  const graphRef = useRef<DecisionGraphRef>(null);
  const flow = useRef<ReactFlowInstance>();
  const own = useMemo(() => {
    const made = ownNodes(page);
    fitTheEditorsNodes(page, made.subDecision);
    return made;
  }, [page]);

  const [graph, setGraph] = useState<DecisionGraphType>(page.graph);
  const [saved, setSaved] = useState<Saved>({ state: 'saved', at: null });
  const [found, setFound] = useState<Found | null>(null);
  const [guided, setGuided] = useState(localStorage.getItem(GUIDED) !== 'no');
  const [busy, setBusy] = useState<string | null>(null);
  const [place, setPlace] = useState<Place>({ tab: 'graph', selected: null });
  const drawn = useMemo<Simulation | undefined>(
    () =>
      page.trace
        ? { result: { performance: '', result: page.output as never, snapshot: page.graph, trace: page.trace } }
        : undefined,
    [page],
  );
  const [simulation, setSimulation] = useState<Simulation | undefined>(drawn);
  const [revision, setRevision] = useState(page.revision);
  const onServer = useRef(stored(page.graph));

  const current = useCallback((): DecisionGraphType => {
    const { decisionGraph } = graphRef.current?.stateStore.getState() ?? { decisionGraph: graph };
    return decisionGraph;
  }, [graph]);

  const touched = useCallback((changed: DecisionGraphType) => {
    setGraph(changed);
    setSaved((was) => {
      if (was.state === 'stale') return was;
      if (stored(changed) !== onServer.current) return was.state === 'changed' ? was : { ...was, state: 'changed' };
      return { ...was, state: 'saved' };
    });
  }, []);

  // --- what the bar asks of the server
  const asking = useCallback(
    async (what: string, work: () => Promise<void>) => {
      setBusy(what);
      try {
        await new Promise((settled) => setTimeout(settled, SETTLED));
        await work();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.code === 'stale_draft') setSaved((was) => ({ ...was, state: 'stale' }));
        else modal.error({ title: `${TITLES[what] ?? 'It'} did not work`, content: error.message });
      } finally {
        setBusy(null);
      }
    },
    [modal],
  );

  const save = useCallback(() => {
    const { urls, csrf } = page;
    if (!urls.save || busy) return;
    const url = urls.save;
    void asking('save', async () => {
      const sent = stored(current());
      const answer = await post(url, csrf, { graph: JSON.parse(sent), revision });
      setRevision((await answer.json()).revision);
      onServer.current = sent;
      setSaved({ state: stored(current()) === sent ? 'saved' : 'changed', at: new Date() });
    });
  }, [page, busy, revision, current, asking]);

  const check = useCallback(() => {
    const { urls, csrf } = page;
    if (!urls.check) return;
    const url = urls.check;
    void asking('check', async () => {
      const answer = await post(url, csrf, { graph: JSON.parse(stored(current())) });
      setFound({ by: 'check', problems: (await answer.json()).problems });
    });
  }, [page, current, asking]);

  const simulate = useCallback(
    (context: unknown) => {
      const { urls, csrf } = page;
      if (!urls.simulate) return;
      const url = urls.simulate;
      void asking('simulate', async () => {
        const answer = await post(url, csrf, { graph: JSON.parse(stored(current())), context });
        const told = (await answer.json()) as Simulation;
        setSimulation(told);
        const { error } = told;
        const node = error?.data.nodeId ?? '';
        const problems = [{ node, field: '', code: error?.title ?? '', message: error?.message ?? '' }];
        setFound((was) => (error ? { by: 'simulation', problems } : was?.by === 'simulation' ? null : was));
      });
    },
    [page, current, asking],
  );

  const table = current().nodes.find((node) => node.type === 'decisionTableNode' && node.id === place.tab);

  const excelOut = useCallback(() => {
    const { urls, csrf } = page;
    if (!urls.excel_out || !table) return;
    const url = urls.excel_out;
    void asking('excel_out', async () => {
      const answer = await post(url, csrf, { graph: JSON.parse(stored(current())), node: table.id });
      const link = document.createElement('a');
      link.href = URL.createObjectURL(await answer.blob());
      link.download = `${page.key}-${table.name}.xlsx`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }, [page, table, current, asking]);

  const excelIn = useCallback(
    (file: File) => {
      const { urls, csrf } = page;
      if (!urls.excel_in || !table) return;
      const url = urls.excel_in;
      void asking('excel_in', async () => {
        if (file.size > LARGEST_SHEET) throw new Refused(413, 'too_large', 'The file is larger than 2 MB. Nothing was changed.');
        const form = new FormData();
        form.set('file', file);
        form.set('node', table.id);
        form.set('graph', stored(current()));
        const { content, rows } = await (await post(url, csrf, form)).json();
        graphRef.current?.updateNode(table.id, (draft) => {
          draft.content = content;
          return draft;
        });
        message.success(`${rows} rows read. They are not saved yet.`);
      });
    },
    [page, table, current, asking, message],
  );

  // --- around it
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
        event.preventDefault();
        if (!page.read_only) save();
      }
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, [page, save]);

  useEffect(() => {
    const leave = (event: BeforeUnloadEvent) => {
      if (!page.read_only && saved.state !== 'saved') event.preventDefault();
    };
    window.addEventListener('beforeunload', leave);
    return () => window.removeEventListener('beforeunload', leave);
  }, [page, saved]);

  useEffect(() => {
    if (isTyped && graphRef.current) infer(graph, page.schema, graphRef.current);
  }, [isTyped, graph, page]);

  useEffect(() => {
    const tables = page.graph.nodes.filter((node) => node.type === 'decisionTableNode');
    if (page.form === 'table' && tables[0]) graphRef.current?.openTab(tables[0].id);
  }, [page]);

  const show = useCallback((node: string) => {
    const ref = graphRef.current;
    if (!ref) return;
    ref.openTab('graph');
    ref.triggerNodeSelect(node, 'only');
    setTimeout(() => ref.goToNode(node), 50); // once the graph's tab has a size again
  }, []);

  // An address that ends in #node=ID leads to that node: the gate's findings do.
  useEffect(() => {
    const named = /^#node=(.+)$/.exec(window.location.hash);
    if (!named || page.form === 'table') return;
    const timer = setTimeout(() => show(decodeURIComponent(named[1] ?? '')), 300); // once the graph is laid out
    return () => clearTimeout(timer);
  }, [page, show]);

  const panels = useMemo(
    () => [
      {
        id: SIMULATOR,
        title: 'Simulator',
        icon: <PlayIcon size="1em" />,
        hideHeader: true,
        renderPanel: () => (
          <GraphSimulator
            defaultRequest={remembered(page) ?? example(page)}
            onChange={(text) => sessionStorage.setItem(requestKey(page), text)}
            onRun={({ context }) => simulate(context)}
            onClear={() => setSimulation(undefined)}
            loading={busy === 'simulate'}
          />
        ),
      },
    ],
    [page, simulate, busy],
  );

  const guide = (on: boolean) => {
    localStorage.setItem(GUIDED, on ? 'yes' : 'no');
    setGuided(on);
  };
  const faulty = useMemo(() => new Set((found?.problems ?? []).map((problem) => problem.node).filter(Boolean)), [found]);
  const trace = simulation?.result?.trace;
  const toggleSimulator = () => {
    const ref = graphRef.current;
    const isOpen = ref?.stateStore.getState().activePanel === SIMULATOR;
    ref?.setActivePanel(isOpen ? undefined : SIMULATOR);
    setTimeout(() => flow.current?.fitView(WHOLE), 100); // once the graph has its new height
  };

  return (
    <div className="risk-editor">
      <Bar
        page={page}
        revision={revision}
        saved={saved}
        busy={busy}
        hasTable={Boolean(table)}
        guided={guided}
        onGuided={guide}
        onSave={save}
        onCheck={check}
        onSimulate={toggleSimulator}
        onExcelOut={excelOut}
        onExcelIn={excelIn}
      />
      <style>{pathStyle(graph, trace, faulty)}</style>
      <div className="risk-canvas">
        <DecisionGraph
          ref={graphRef}
          defaultValue={page.graph}
          disabled={page.read_only}
          hideLeftToolbar
          components={own.components as never}
          customNodes={own.customNodes as never}
          panels={page.read_only ? undefined : panels}
          simulate={simulation}
          mode={guided ? 'business' : 'dev'}
          onChange={touched}
          onReactFlowInit={(instance) => {
            flow.current = instance;
            setTimeout(() => instance.fitView(WHOLE), 50);
          }}
          reactFlowProOptions={{ hideAttribution: true }}
          tabBarExtraContent={<Inside onPlace={setPlace} />}
        />
        {drawn && <TracePanel page={page} selected={place.selected} onShow={show} onOpen={(id) => graphRef.current?.openTab(id)} />}
      </div>
      {found && (
        <Problems
          found={found}
          graph={graph}
          onShow={show}
          onOpen={(id) => graphRef.current?.openTab(id)}
          onClose={() => setFound(null)}
        />
      )}
      <Picker artefacts={page.artefacts} />
    </div>
  );
}

const TITLES: Record<string, string> = {
  save: 'Saving',
  check: 'Checking',
  simulate: 'Simulating',
  excel_out: 'Writing the Excel file',
  excel_in: 'Reading the Excel file',
};

// The request may hold a person's data: it is kept for this window only.
const requestKey = (page: Page) => `risk-editor:request:${page.key}`;
const remembered = (page: Page) => sessionStorage.getItem(requestKey(page));
