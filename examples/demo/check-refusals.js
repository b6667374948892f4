// Requests that the demo refuses, and that start nothing.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { assertProblem, csvBody, formBody } from './check-imports.js';

/**
 * @param {string} origin of a server that takes up to 8 MiB
 * @param {RequestInit} otherField a form whose file is in another field than the demo reads
 */
export async function checkRefusals(origin, otherField) {
  const large = Buffer.alloc(8 * 2 ** 20 + 1, 'x');
  await assertProblem(
    await fetch(`${origin}/imports`, { method: 'POST', ...formBody(large) }),
    413,
    'PAYLOAD_TOO_LARGE',
  );
  const chunked = new Blob([large]).stream(); // without a Content-Length
  const streamed = { ...csvBody(chunked), duplex: 'half' };
  await assertProblem(await fetch(`${origin}/imports`, { method: 'POST', ...streamed }), 413, 'PAYLOAD_TOO_LARGE');
  const announced = request(`${origin}/imports`, { method: 'POST', headers: { 'Content-Length': 2 ** 40 } });
  announced.flushHeaders();
  const [refusal] = await once(announced, 'response');
  assert.equal(refusal.statusCode, 413, 'refused before a byte of it is read');
  announced.on('error', () => undefined).destroy();
  const unpacks = { method: 'POST', body: gzipSync(large), headers: { 'Content-Encoding': 'gzip' } };
  await assertProblem(await fetch(`${origin}/imports`, unpacks), 413, 'PAYLOAD_TOO_LARGE');
  const unknown = { method: 'POST', body: 'a,b', headers: { 'Content-Encoding': 'zip' } };
  await assertProblem(await fetch(`${origin}/imports`, unknown), 415, 'UNSUPPORTED_MEDIA_TYPE');
  const notPacked = { method: 'POST', body: 'a,b', headers: { 'Content-Encoding': 'gzip' } };
  await assertProblem(await fetch(`${origin}/imports`, notPacked), 400, 'INVALID_INPUT');
  await assertProblem(await fetch(`${origin}/imports?charset=klingon`, { method: 'POST' }), 400, 'INVALID_INPUT');
  const wrongField = { method: 'POST', ...otherField };
  await assertProblem(await fetch(`${origin}/imports`, wrongField), 400, 'INVALID_INPUT');
  const torn = { method: 'POST', body: '--x\r\n', headers: { 'Content-Type': 'multipart/form-data; boundary=x' } };
  await assertProblem(await fetch(`${origin}/imports`, torn), 400, 'INVALID_INPUT');
  await assertProblem(await fetch(`${origin}/imports?rows_per_second=0`, { method: 'POST' }), 400, 'INVALID_INPUT');
  await assertProblem(await fetch(`${origin}/imports`), 400, 'INVALID_INPUT');
  await assertProblem(await fetch(`${origin}/imports?resume_key=${'A'.repeat(22)}`), 404, 'TASK_NOT_FOUND');
  await assertProblem(await fetch(`${origin}/nowhere`), 404, 'NOT_FOUND');
}
