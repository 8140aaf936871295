import '@gorules/jdm-editor/dist/style.css';
import { JdmConfigProvider } from '@gorules/jdm-editor';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';

import { Editor } from './app';
import { read } from './data';
import './monaco';
import './style.css';

// How high the simulator opens, where nobody has drawn it to another height yet.
if (!localStorage.getItem('jdmEditor:graphPanel:height')) localStorage.setItem('jdmEditor:graphPanel:height', '280');

// On a narrow screen the palette would cover the graph: it begins folded.
if (innerWidth < 768 && !localStorage.getItem('jdm-components-opened')) localStorage.setItem('jdm-components-opened', 'false');

/** A colour of the back office as the editor can take it: its theme reads no oklch(). */
function colour(name: string): string | undefined {
  const pen = document.createElement('canvas').getContext('2d');
  const value = getComputedStyle(document.documentElement).getPropertyValue(name);
  if (!pen || !value) return undefined;
  pen.fillStyle = value;
  pen.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = pen.getImageData(0, 0, 1, 1).data;
  return `rgb(${red}, ${green}, ${blue})`;
}

const isDark = () => document.documentElement.classList.contains('dark');

function Themed() {
  const [dark, setDark] = useState(isDark);
  useEffect(() => {
    const watch = new MutationObserver(() => setDark(isDark()));
    watch.observe(document.documentElement, { attributes: true, attributeFilter: ['class'] });
    return () => watch.disconnect();
  }, []);
  const [page] = useState(read);
  const primary = colour(dark ? '--color-primary-500' : '--color-primary-600');
  return (
    <JdmConfigProvider
      theme={{
        mode: dark ? 'dark' : 'light',
        token: {
          colorPrimary: primary,
          colorInfo: primary,
          colorLink: primary,
          borderRadius: 6,
          fontFamily: getComputedStyle(document.body).fontFamily,
        },
      }}
    >
      <Editor page={page} />
    </JdmConfigProvider>
  );
}

const place = document.getElementById('editor');
if (place) createRoot(place).render(<Themed />);
