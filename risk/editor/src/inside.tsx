/** Stands inside the editor's own context, draws nothing, and tells where somebody is. */
import { useDecisionGraphState } from '@gorules/jdm-editor';
import { useEffect, useState } from 'react';
import { useOnSelectionChange } from 'reactflow';

export type Place = { tab: string; selected: string | null };

export function Inside({ onPlace }: { onPlace: (place: Place) => void }) {
  const tab = useDecisionGraphState((state) => state.activeTab);
  const [selected, setSelected] = useState<string | null>(null);
  useOnSelectionChange({ onChange: ({ nodes }) => setSelected(nodes[0]?.id ?? null) });
  useEffect(() => onPlace({ tab, selected }), [tab, selected, onPlace]);
  return null;
}
