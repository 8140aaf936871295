/** Monaco from our own files, with the two languages that occur: without this the editor would load it from outside. */
import { loader } from '@monaco-editor/react';
import * as api from 'monaco-editor/esm/vs/editor/editor.api';
import 'monaco-editor/esm/vs/editor/editor.all.js';
import 'monaco-editor/esm/vs/basic-languages/javascript/javascript.contribution.js';
import 'monaco-editor/esm/vs/language/json/monaco.contribution.js';
import EditorWorker from 'monaco-editor/esm/vs/editor/editor.worker?worker';
import JsonWorker from 'monaco-editor/esm/vs/language/json/json.worker?worker';

// The simulator switches off what TypeScript would say about its text; the language itself (seven megabytes) is left out.
const silent = {
  addExtraLib: () => ({ dispose: () => undefined }),
  setCompilerOptions: () => undefined,
  setDiagnosticsOptions: () => undefined,
  setEagerModelSync: () => undefined,
  setExtraLibs: () => undefined,
  setModeConfiguration: () => undefined,
};
const typescript = {
  javascriptDefaults: silent,
  typescriptDefaults: silent,
  ModuleResolutionKind: {},
  ScriptTarget: {},
};

self.MonacoEnvironment = {
  getWorker: (_id: string, label: string) => (label === 'json' ? new JsonWorker() : new EditorWorker()),
};
const monaco = { ...api, languages: { ...api.languages, typescript: typescript } };
loader.config({ monaco: monaco as never });
