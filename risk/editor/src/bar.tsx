import { Button, Switch, Tooltip } from 'antd';
import { useRef } from 'react';

import type { Page } from './data';

export type Saved = { state: 'saved' | 'changed' | 'stale'; at: Date | null };

type Props = {
  page: Page;
  revision: number | null;
  saved: Saved;
  busy: string | null;
  hasTable: boolean;
  guided: boolean;
  onGuided: (on: boolean) => void;
  onSave: () => void;
  onCheck: () => void;
  onSimulate: () => void;
  onExcelOut: () => void;
  onExcelIn: (file: File) => void;
};

export function Bar({ page, revision, saved, busy, hasTable, guided, onGuided, onSave, onCheck, onSimulate, onExcelOut, onExcelIn }: Props) {
  const file = useRef<HTMLInputElement>(null);
  const { urls } = page;
  return (
    <header className="risk-bar">
      <div className="risk-bar-what">
        <h2>{page.title || page.key}</h2>
        <p>
          <code>{page.key}</code> · scenario {page.scenario}
          {revision !== null && ` · revision ${revision}`}
        </p>
      </div>
      {!page.read_only && <State saved={saved} />}
      <div className="risk-bar-acts">
        {hasTable && !page.read_only && (
          <label className="risk-guided">
            <Switch size="small" checked={guided} onChange={onGuided} /> Guided cells
          </label>
        )}
        {hasTable && urls.excel_out && (
          <Button onClick={onExcelOut} loading={busy === 'excel_out'}>
            Excel out
          </Button>
        )}
        {hasTable && urls.excel_in && !page.read_only && (
          <>
            <Button onClick={() => file.current?.click()} loading={busy === 'excel_in'}>
              Excel in
            </Button>
            <input
              ref={file}
              type="file"
              hidden
              aria-label="Excel file"
              accept=".xlsx"
              onChange={(event) => {
                const chosen = event.target.files?.[0];
                event.target.value = ''; // the same file may be chosen again once it is mended
                if (chosen) onExcelIn(chosen);
              }}
            />
          </>
        )}
        {urls.check && (
          <Button onClick={onCheck} loading={busy === 'check'}>
            Check
          </Button>
        )}
        {urls.simulate && !page.read_only && <Button onClick={onSimulate}>Simulate</Button>}
        {urls.save && !page.read_only && (
          <Tooltip title="Ctrl+S">
            <Button type="primary" onClick={onSave} loading={busy === 'save'} disabled={saved.state === 'stale'}>
              Save
            </Button>
          </Tooltip>
        )}
        {urls.tests && <Button href={urls.tests}>Test cases</Button>}
        <Button href={urls.back}>Back</Button>
      </div>
    </header>
  );
}

function State({ saved }: { saved: Saved }) {
  if (saved.state === 'stale')
    return (
      <p className="risk-state late" role="alert">
        Somebody else saved meanwhile: <a href="">reload</a> to see it. What you changed since is lost then.
      </p>
    );
  if (saved.state === 'changed')
    return (
      <p className="risk-state" role="status">
        Unsaved changes
      </p>
    );
  const time = saved.at?.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
  return (
    <p className="risk-state quiet" role="status">
      {time ? `Saved ${time}` : 'Nothing changed'}
    </p>
  );
}
