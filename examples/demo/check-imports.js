// Bodies that hold a table, and what an import of it has to say.
import assert from 'node:assert/strict';

export const csvBody = (csv) => ({ body: csv, headers: { 'Content-Type': 'text/csv' } });

export function formBody(csv, field = 'file') {
  const body = new FormData();
  body.append(field, new Blob([csv], { type: 'text/csv' }), 'orders – März.csv');
  return { body };
}

export async function assertProblem(response, status, code) {
  assert.equal(response.status, status);
  assert.match(response.headers.get('Content-Type'), /^application\/problem\+json/);
  const problem = await response.json();
  assert.deepEqual([problem.status, problem.code], [status, code], problem.detail);
}

export const reportedRows = (progress) => progress.flatMap(({ data }) => data.new_bad_rows);

/** Compares an import with what the maker of its file knows. */
export function assertImport({ progress, end }, expected) {
  assert.equal(end.event, 'complete');
  const { result } = end.data;
  assert.equal(result.rows, expected.rows);
  assert.equal(result.bad_rows, expected.bad.length);
  const columns = Object.fromEntries(result.columns.map((column) => [column.name, column]));
  const types = result.columns.map(({ type }) => type).join();
  assert.equal(types, 'integer,date,text,text,text,integer,number,text');
  const good = expected.rows - expected.bad.length;
  assert.deepEqual([columns.id.filled, columns.id.distinct], [good, good]);
  for (const name of ['country', 'product']) {
    assert.equal(columns[name].distinct, Object.keys(expected[name]).length);
    for (const { value, count } of columns[name].top) assert.equal(count, expected[name][value], value);
  }
  for (const [name, count] of Object.entries(expected.odd)) assert.equal(columns[name].others?.count ?? 0, count, name);
  assert(Math.abs(columns.quantity.mean - expected.units / expected.quantities) < 1e-9);
  assert.deepEqual(reportedRows(progress), expected.bad, 'every bad row is reported once, in order');
  const last = progress.at(-1).data;
  assert.deepEqual([last.rows, last.bytes], [expected.rows, last.bytes_total], 'the last progress is 100 %');
}
