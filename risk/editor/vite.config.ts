import { defineConfig, type Plugin } from 'vite';

const here = (path: string) => decodeURIComponent(new URL(path, import.meta.url).pathname);

// The editor carries the text of a library whose source map nobody has; Django would look for it when it collects files.
const withoutSourceMaps: Plugin = {
  name: 'without-source-maps',
  renderChunk: (code) => code.replaceAll('# sourceMappingURL=', ''),
};

// Django names the entry (`editor.js`, `editor.css`), so these two names stay; what they load is found beside them.
export default defineConfig({
  root: here('./src'),
  base: './',
  publicDir: false,
  plugins: [withoutSourceMaps],
  resolve: {
    alias: [
      // Spreadsheets are read and written by the server, which names what is wrong in them.
      { find: 'exceljs', replacement: here('./src/no-exceljs.ts') },
      // The whole of Monaco brings eighty languages; src/monaco.ts adds the two that occur.
      { find: /^monaco-editor$/, replacement: 'monaco-editor/esm/vs/editor/editor.api' },
    ],
  },
  build: {
    outDir: here('../static/risk/editor'),
    emptyOutDir: true,
    assetsDir: '.',
    assetsInlineLimit: 0, // the site's policy refuses fonts and scripts that are data: addresses
    sourcemap: false,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 20_000,
    rolldownOptions: {
      input: here('./src/main.tsx'),
      onLog: (level, log, report) => {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log); // 'use client' says nothing here
      },
      output: {
        // One module: a second file that imports `./editor.js` would run it twice once Django has renamed it.
        codeSplitting: false,
        entryFileNames: 'editor.js',
        assetFileNames: (asset) => (asset.names.some((name) => name.endsWith('.css')) ? 'editor.css' : '[name]-[hash][extname]'),
      },
    },
  },
  worker: { format: 'es', rolldownOptions: { output: { entryFileNames: '[name]-[hash].js', codeSplitting: false } } },
});
