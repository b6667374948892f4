// Uses the demo as people do: uploads files, loses connections, cancels, sends nonsense, stops the server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEvents, readThroughCuts } from '../read-events.js';
import { startServer } from '../start-server.js';
import { makeOrders, makeSample } from './make-sample.js';
import { SAMPLE_PATH } from './upload.js';

const temporary = mkdtempSync(join(tmpdir(), 'resumable-sse-check-'));
process.once('exit', () => rmSync(temporary, { recursive: true, force: true }));
const server = new URL('./server.js', import.meta.url);
const { origin, upAt, stop } = await startServer(server, { TMPDIR: temporary, TEMP: temporary });

/** Posts an import; resolves with what the answer says about where to watch it. */
async function post(init = {}, query = '') {
  const response = await fetch(`${origin}/imports${query}`, { method: 'POST', ...init });
  assert.equal(response.status, 202, await response.clone().text());
  const { task_id: taskId } = await response.json();
  return { taskId, stream: new URL(String(response.headers.get('Location')), origin) };
}

const csvBody = (csv) => ({ body: csv, headers: { 'Content-Type': 'text/csv' } });

function formBody(csv, field = 'file') {
  const body = new FormData();
  body.append(field, new Blob([csv], { type: 'text/csv' }), 'orders – März.csv');
  return { body };
}

async function assertProblem(response, status, code) {
  assert.equal(response.status, status);
  assert.match(response.headers.get('Content-Type'), /^application\/problem\+json/);
  const problem = await response.json();
  assert.deepEqual([problem.status, problem.code], [status, code], problem.detail);
}

const reportedRows = (progress) => progress.flatMap(({ data }) => data.new_bad_rows);

/** Compares an import with what the maker of its file knows. */
function assertImport({ progress, end }, expected) {
  assert.equal(end.event, 'complete');
  const { result } = end.data;
  const sum = ({ orders, units, cents }) => ({ orders, units, revenue: cents / 100 });
  const byName = (lines, key) => Object.fromEntries(lines.map(({ [key]: name, ...rest }) => [name, rest]));
  const sums = (groups) => Object.fromEntries(Object.entries(groups).map(([name, group]) => [name, sum(group)]));
  assert.equal(result.rows, expected.rows);
  assert.equal(result.bad_rows, expected.bad.length);
  assert.deepEqual({ orders: result.orders, units: result.units, revenue: result.revenue }, sum(expected));
  for (const key of ['country', 'product', 'month']) {
    assert.deepEqual(byName(result[`by_${key}`], key), sums(expected[key]));
  }
  const reported = reportedRows(progress);
  assert.deepEqual(
    reported.map(({ line }) => line),
    expected.bad.map(({ line }) => line),
    'every bad row is reported once, in order',
  );
  reported.forEach(({ reason }, index) => assert(reason.startsWith(expected.bad[index].about), reason));
  const last = progress.at(-1).data;
  assert.deepEqual([last.rows, last.bytes], [expected.rows, last.bytes_total], 'the last progress is 100 %');
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
const beforeCut = readEvents(slow.stream);
const statusOf = async () => (await fetch(`${origin}/tasks/${slow.taskId}`)).json();
while ((await statusOf()).last_seq < 3) await sleep(20);
const cutAnswer = await fetch(`${origin}/tasks/${slow.taskId}/cut`, { method: 'POST' });
assert.deepEqual(await cutAnswer.json(), { cut: 1 });
const { events: seen } = await beforeCut;
assert(seen.length >= 2 && seen.at(-1).event === undefined, 'the connection ended, the job did not');
const afterCut = readEvents(slow.stream, { lastEventId: seen.at(-1).id });
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

// Files that are no orders fail the import, with a reason that people can act on.
async function importFails(csv, reason) {
  const { stream } = await post(csvBody(csv));
  const run = await readThroughCuts(stream, [1]);
  assert.equal(run.end.event, 'failed');
  assert.equal(run.end.data.error.code, 'INVALID_INPUT');
  assert.match(run.end.data.error.message, reason);
  return run;
}
const [header] = sample.csv.split('\n', 1);
await importFails('', /is empty/);
await importFails('id;date\n1;2025-01-01\n', /missing: id, date, customer/);
await importFails(`${header}\n1,2025-01-01,"Ana,DE,Lamp,1,1.00,a@b.example\n2,`, /quote opens after row 0/);
const hopeless = await importFails(`${header}\n${'x\n'.repeat(30_000)}`, /More than 20000 rows are bad/);
assert.deepEqual(
  reportedRows(hopeless.progress).map(({ line }) => line),
  Array.from({ length: 20_001 }, (_, index) => index + 2),
  'however many there are, no report is lost',
);

// Requests that are refused, and start nothing.
const large = Buffer.alloc(50 * 2 ** 20 + 1, 'x');
await assertProblem(await fetch(`${origin}/imports`, { method: 'POST', ...formBody(large) }), 413, 'PAYLOAD_TOO_LARGE');
const chunked = new Blob([large]).stream(); // without a Content-Length
const streamed = { ...csvBody(chunked), duplex: 'half' };
await assertProblem(await fetch(`${origin}/imports`, { method: 'POST', ...streamed }), 413, 'PAYLOAD_TOO_LARGE');
const announced = request(`${origin}/imports`, { method: 'POST', headers: { 'Content-Length': 2 ** 40 } });
announced.flushHeaders();
const [refusal] = await once(announced, 'response');
assert.equal(refusal.statusCode, 413, 'refused before a byte of it is read');
announced.on('error', () => undefined).destroy();
const json = { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } };
await assertProblem(await fetch(`${origin}/imports`, json), 415, 'UNSUPPORTED_MEDIA_TYPE');
const wrongField = { method: 'POST', ...formBody(excel.csv, 'csv') };
await assertProblem(await fetch(`${origin}/imports`, wrongField), 400, 'INVALID_INPUT');
const torn = { method: 'POST', body: '--x\r\n', headers: { 'Content-Type': 'multipart/form-data; boundary=x' } };
await assertProblem(await fetch(`${origin}/imports`, torn), 400, 'INVALID_INPUT');
await assertProblem(await fetch(`${origin}/imports?rows_per_second=0`, { method: 'POST' }), 400, 'INVALID_INPUT');
await assertProblem(await fetch(`${origin}/imports`), 400, 'INVALID_INPUT');
await assertProblem(await fetch(`${origin}/imports?resume_key=${'A'.repeat(22)}`), 404, 'TASK_NOT_FOUND');
await assertProblem(await fetch(`${origin}/nowhere`), 404, 'NOT_FOUND');

// Uploads are gone as soon as their jobs are over, refused ones too.
const [uploads] = readdirSync(temporary);
assert.deepEqual(readdirSync(join(temporary, uploads)), []);

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

console.log(`demo: first progress event ${firstEventMs.toFixed(0)} ms after the server was up`);
console.log(`demo: ${sample.expected.rows} rows imported in ${sampleMs} ms, ${sample.expected.bad.length} bad ones`);
console.log(`demo: an upload over ${form.connections} connections, ${form.events.length} events, exact`);
console.log(`demo: /report over ${report.connections} connections, ${report.events.length} events, exact`);
