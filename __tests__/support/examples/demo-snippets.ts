import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = readFileSync(join(__dirname, '../../../examples/demo/public/index.html'), 'utf8');

/** The code that the demo's page shows under this id. */
function codeOf(id: string): string {
  const [, html] = new RegExp(`<code\\s+id="${id}"\\s*>([^]*?)</code`).exec(PAGE) ?? [];
  if (html === undefined) throw new Error(`the page has no code with the id ${id}`);
  return html.replaceAll('&gt;', '>').replaceAll('&lt;', '<').replaceAll('&amp;', '&');
}

/**
 * A server of the lines that the page shows, with a model of words, and a page of its lines for the browser. It prints
 * each question that the model is asked.
 */
export function serverOfSnippets(): string {
  const page = `<!doctype html><p id="output"></p><button id="stopButton">Stop</button>
<script type="importmap">{"imports":{"resumable-sse/client":"./client.js"}}</script>
<script type="module">${codeOf('browser-code')}</script>`;
  const own = `
import { fileURLToPath } from 'node:url';
async function* askModel({ signal }) {
  console.log('asked');
  for (let word = 1; word <= 60 && !signal.aborted; word++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    yield word + ' ';
  }
}`;
  const listen = `
app.get('/', (_req, res) => res.type('html').send(${JSON.stringify(page)}));
app.get('/client.js', (_req, res) => res.sendFile(fileURLToPath(import.meta.resolve('resumable-sse/client.min.js'))));
const server = app.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port));`;
  return codeOf('server-code').replace('app.listen(3000);', listen) + own;
}
