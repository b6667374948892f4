// Uses the demo as people do: uploads files, loses connections, cancels, sends nonsense, stops the server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { readEvents, readThroughCuts } from '../read-events.js';
import { startServer } from '../start-server.js';
import { assertImport, assertProblem, csvBody, formBody, reportedRows } from './check-imports.js';
import { checkRefusals } from './check-refusals.js';
import { makeOrders, makeSample } from './make-sample.js';
import { SAMPLE_PATH } from './upload.js';

const temporary = mkdtempSync(join(tmpdir(), 'resumable-sse-check-'));
process.once('exit', () => rmSync(temporary, { recursive: true, force: true }));
const server = new URL('./server.js', import.meta.url);
const limits = { MAX_UPLOAD_MIB: '8' };
const { origin, upAt, stop } = await startServer(server, { TMPDIR: temporary, TEMP: temporary, ...limits });

/** Posts an import; resolves with what the answer says about where to watch it. */
async function post(init = {}, query = '') {
  const response = await fetch(`${origin}/imports${query}`, { method: 'POST', ...init });
  assert.equal(response.status, 202, await response.clone().text());
  const { task_id: taskId } = await response.json();
  return { taskId, stream: new URL(String(response.headers.get('Location')), origin) };
}

// From "up" to the first progress event: start an import of the sample, attach, wait for a message without a name.
// With node:http, because fetch takes longer to load than the server to answer.
const upload = request(`${origin}/imports`, { method: 'POST' }).end();
const [accepted] = await once(upload, 'response');
accepted.resume();
const firstStream = new URL(accepted.headers.location, origin);
const [first] = await once(request(firstStream).end(), 'response');
let received = '';
for await (const chunk of first) {
  received += chunk;
  if (/\n\ndata: .*\nid: .*\n\n/.test(received)) break;
}
const firstEventMs = performance.now() - upAt;

// The page and what it loads.
for (const [path, type] of [
  ['/', 'text/html'],
  ['/app.js', 'text/javascript'],
  ['/modules/client.min.js', 'text/javascript'],
  ['/modules/uPlot.esm.js', 'text/javascript'],
  ['/modules/uPlot.min.css', 'text/css'],
  ['/sample.csv', 'text/csv'],
]) {
  const response = await fetch(origin + path);
  assert.equal(response.status, 200);
  assert(response.headers.get('Content-Type')?.startsWith(type), path);
  await response.text();
}

// Nothing sent: the sample, which is what its maker makes. At full speed, then again through cuts from the start.
const sample = makeSample();
assert.equal(readFileSync(SAMPLE_PATH, 'utf8'), sample.csv);
const whole = await readThroughCuts(firstStream, []);
assertImport(whole, sample.expected);
assert.deepEqual((await readThroughCuts(firstStream, [1, 2, 1])).events, whole.events);
const { elapsed_ms: sampleMs } = whole.end.data.result;

// A form with a file as spreadsheets write it, slowed down so that the cuts come while it runs.
const excel = makeOrders({ seed: 2, rows: 3_000, eol: '\r\n', bom: true, multiline: true });
assert(excel.expected.bad.length > 10);
const { stream: formStream } = await post(formBody(excel.csv), '?rows_per_second=2000');
const form = await readThroughCuts(formStream, [2, 3, 4, 3]);
assertImport(form, excel.expected);
assert.equal(form.end.data.result.file, 'orders – März.csv');
assert.equal(form.connections, 5);

// The same as a plain body.
const { stream: bodyStream } = await post(csvBody(excel.csv));
const plain = await readThroughCuts(bodyStream, [1]);
assertImport(plain, excel.expected);

// Cut by the server, resumed, cancelled by the client.
const slow = await post({}, '?rows_per_second=100');
const tab = { 'X-Demo-Tab': 'check' };
const beforeCut = readEvents(slow.stream, { headers: tab });
const statusOf = async () => (await fetch(`${origin}/tasks/${slow.taskId}`)).json();
while ((await statusOf()).last_seq < 3) await sleep(20);
const cut = async (downMs) => (await fetch(`${origin}/line/check/cut?down_ms=${downMs}`, { method: 'POST' })).json();
assert.deepEqual(await cut(60_000), { cut: 1 });
const { events: seen } = await beforeCut;
assert(seen.length >= 2 && seen.at(-1).event === undefined, 'the connection ended, the job did not');
await assert.rejects(readEvents(slow.stream, { headers: tab }), TypeError, 'the line is down');
assert.deepEqual(await cut(0), { cut: 0 });
const afterCut = readEvents(slow.stream, { headers: tab, lastEventId: seen.at(-1).id });
await sleep(150);
const cancel = () => fetch(`${origin}/tasks/${slow.taskId}`, { method: 'DELETE' });
assert.equal((await cancel()).status, 204);
const cancelled = [...seen, ...(await afterCut).events];
assert.deepEqual(
  cancelled.map(({ seq }) => seq),
  cancelled.map((_, index) => index + 1),
);
assert.equal(cancelled.at(-1).event, 'cancelled');
assert.equal((await statusOf()).status, 'cancelled');
await assertProblem(await cancel(), 409, 'TASK_NOT_RUNNING');

// An answer, token by token, and its text so far for who comes back without it.
const answers = `${origin}/answers?question=reload`;
const asked = await readEvents(answers, { method: 'POST', count: 20 });
const key = asked.task.resume_key;
const after = await readEvents(`${answers}&resume_key=${key}&replay=snapshot`, { method: 'POST' });
const [snapshot, ...tokens] = after.events;
const textOf = (events) => events.map(({ data }) => data.text).join('');
const text = snapshot.data.text + textOf(tokens.slice(0, -1));
assert.equal(snapshot.event, 'snapshot');
assert(snapshot.data.text.startsWith(textOf(asked.events)));
assert.match(text, /^Because the answer .* what comes back\.$/s);
assert.deepEqual(tokens.at(-1).data.result, { tokens: tokens.at(-1).seq - 1 });
await assertProblem(await fetch(`${origin}/answers?question=6x9`, { method: 'POST' }), 400, 'INVALID_INPUT');

// The synthetic job.
const steps = 5_000;
const started = await readEvents(`${origin}/report?steps=${steps}&interval_ms=0&payload_bytes=100`, { count: 1 });
const report = await readThroughCuts(
  `${origin}/report?resume_key=${started.task.resume_key}`,
  [7, 100, 1_000, 1, 2_000],
);
assert.deepEqual(
  report.progress.map(({ data }) => data.step),
  Array.from({ length: steps }, (_, index) => index + 1),
);
assert.equal(report.end.data.result.steps, steps);
for (const query of ['steps=0', 'steps=1000001', 'steps=x', 'steps=1&steps=2', 'interval_ms=60001', 'interval_ms=-1']) {
  await assertProblem(await fetch(`${origin}/report?${query}`), 400, 'INVALID_INPUT');
}

// A file of any kind that is a table: packed, declared, in a form or as it is.
const cities = 'Stadt;Wert\r\nKöln;1,5\r\nMünchen;2,25\r\n';
const windows = Buffer.from(cities, 'latin1');
/** @type {[string, RequestInit][]} */
const tables = [
  ['', { body: windows }],
  ['?charset=windows-1252', { body: windows }],
  ['', { body: windows, headers: { 'Content-Type': 'text/csv; charset=iso-8859-1' } }],
  ['', { body: gzipSync(cities) }],
  ['', { body: gzipSync(windows), headers: { 'Content-Type': 'text/csv', 'Content-Encoding': 'gzip' } }],
  ['', { body: gzipSync(gzipSync(windows)), headers: { 'Content-Encoding': 'gzip' } }],
  ['', { body: brotliCompressSync(windows), headers: { 'Content-Encoding': 'br' } }],
  ['', formBody(Buffer.from(`\uFEFF${cities}`, 'utf16le'))],
  ['', { body: cities, headers: { 'Content-Type': 'application/x-www-form-urlencoded' } }], // curl --data-binary
];
for (const [query, init] of tables) {
  const { stream } = await post(init, query);
  const { columns } = (await readThroughCuts(stream, [])).end.data.result;
  assert.deepEqual(
    columns.map(({ name, type, max, top }) => [name, type, max, top[0].value]),
    [
      ['Stadt', 'text', undefined, 'Köln'],
      ['Wert', 'number', 2.25, '1,5'],
    ],
  );
}

// Files that are no tables fail the import, with a reason that people can act on.
/** @type {[string | Buffer, RegExp][]} */
const noTables = [
  ['\n', /nothing but blank lines/],
  ['{"orders":[]}', /^This is a JSON document, not a table in text\.$/],
  [Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108', 'hex'), /^This is an image \(png\), not a table/],
  [gzipSync(sample.csv).subarray(0, 5_000), /^The gzip file is damaged: unexpected end of file/],
];
for (const [body, reason] of noTables) {
  const { stream } = await post({ body });
  const { end } = await readThroughCuts(stream, [1]);
  assert.deepEqual([end.event, end.data.error.code], ['failed', 'INVALID_INPUT']);
  assert.match(end.data.error.message, reason);
}

// A table in which nearly every row is bad is read to its end, and the first ten thousand of them are told by line.
const hopeless = await post(csvBody(`a,b\n${'1,2\n'.repeat(600)}${'x\n'.repeat(30_000)}`));
const hopelessRun = await readThroughCuts(hopeless.stream, [1]);
assert.equal(hopelessRun.end.data.result.bad_rows, 30_000);
assert.deepEqual(
  reportedRows(hopelessRun.progress).map(({ line }) => line),
  Array.from({ length: 10_000 }, (_, index) => index + 602),
);

await checkRefusals(origin, formBody(excel.csv, 'csv'));

// Uploads are gone as soon as their jobs are over, refused ones too.
const [uploads] = readdirSync(temporary);
const left = () => readdirSync(join(temporary, uploads));
for (let tries = 0; tries < 250 && left().length > 0; tries++) await sleep(20);
assert.deepEqual(left(), []);

// A second server on the same port says so.
const { port } = new URL(origin);
await assert.rejects(startServer(server, { PORT: port }), /ended \(1\)/);

// SIGTERM: who watches is told how it ended, the process exits by itself, and leaves no file behind.
const last = await post(formBody(excel.csv), '?rows_per_second=100');
const watching = readEvents(last.stream);
const exitCode = await stop();
assert.equal((await watching).events.at(-1).event, 'cancelled');
assert.equal(exitCode, 0);
assert.deepEqual(readdirSync(temporary), []);

// As `npm run demo` starts it, and killed in the middle of an import: the next server goes on from its last row.
const restarted = await startServer(new URL('./start.js', import.meta.url));
const { can_be_killed: canBeKilled } = await (await fetch(`${restarted.origin}/demo.json`)).json();
let killed = 'skipped, because there is no store in a file';
if (canBeKilled) {
  const response = await fetch(`${restarted.origin}/imports?rows_per_second=1500`, {
    method: 'POST',
    ...formBody(excel.csv),
  });
  const stream = new URL(String(response.headers.get('Location')), restarted.origin);
  const before = await readEvents(stream, { count: 5 });
  const kill = fetch(`${restarted.origin}/line/kill`, { method: 'POST', headers: { 'X-Demo-Tab': 'check' } });
  await assert.rejects(kill, TypeError, 'it has no time to answer');
  while (!(await fetch(restarted.origin).catch(() => undefined))?.ok) await sleep(100);
  const rest = await readEvents(stream, { lastEventId: before.events.at(-1).id });
  const events = [...before.events, ...rest.events];
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, index) => index + 1),
  );
  assertImport({ progress: events.slice(0, -1), end: events.at(-1) }, excel.expected);
  assert.equal(events.at(-2).data.attempt, 2);
  killed = `${events.length} events over two servers, exact`;
}
assert.equal(await restarted.stop(), 0);

console.log(`demo: first progress event ${firstEventMs.toFixed(0)} ms after the server was up`);
console.log(`demo: ${sample.expected.rows} rows imported in ${sampleMs} ms, ${sample.expected.bad.length} bad ones`);
console.log(`demo: an upload over ${form.connections} connections, ${form.events.length} events, exact`);
console.log(`demo: kill -9 in the middle of an import: ${killed}`);
console.log(`demo: /report over ${report.connections} connections, ${report.events.length} events, exact`);
