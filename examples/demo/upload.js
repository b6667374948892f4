// Takes the file of a request: a multipart field `file`, a body that is the file, or the sample where nothing is sent.
import { randomUUID } from 'node:crypto';
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import multer from 'multer';
import { TaskError } from 'resumable-sse';
import { knownEncoding } from './csv/encoding.js';
import { Refusal } from './problems.js';

const MAX_MEBIBYTES = Number(process.env.MAX_UPLOAD_MIB ?? 2_048);
const MAX_BYTES = MAX_MEBIBYTES * 2 ** 20;
const DECODERS = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress };
/** What multipart adds around a file. */
const MAX_ENVELOPE_BYTES = 65_536;

export const SAMPLE_PATH = fileURLToPath(new URL('./sample.csv', import.meta.url));

/**
 * Files go to a folder of this process, which is removed when it exits, or to the folder UPLOADS, which several share;
 * the job removes its file when it is over.
 *
 * @returns {(req: import('express').Request) => Promise<import('./jobs/import.js').UploadedFile>}
 */
export function createReceiver() {
  const folder = uploadFolder();
  const receiveForm = multer({
    storage: multer.diskStorage({ destination: folder, filename: (_req, _file, done) => done(null, randomUUID()) }),
    limits: { fileSize: MAX_BYTES, files: 1, fields: 10, fieldSize: 1_024 },
    defParamCharset: 'utf8',
  }).single('file');

  return async (req) => {
    const length = Number(req.get('Content-Length') ?? NaN);
    if (length > MAX_BYTES + MAX_ENVELOPE_BYTES) throw tooLarge(); // before a byte of it is read
    const encoding = req.get('Content-Encoding')?.trim().toLowerCase() ?? 'identity';
    if (req.is('multipart/form-data')) {
      if (encoding !== 'identity') throw unsupported('In a form, send the packed file itself: file.csv.gz');
      return (await readForm(receiveForm, req)) ?? sample();
    }
    const empty = length === 0 || (Number.isNaN(length) && req.get('Transfer-Encoding') === undefined);
    if (empty) return sample();
    if (encoding !== 'identity' && !Object.hasOwn(DECODERS, encoding)) {
      throw unsupported(`Content-Encoding is one of ${Object.keys(DECODERS).join(', ')}`);
    }
    return readBody(req, join(folder, randomUUID()), DECODERS[encoding]?.());
  };
}

/**
 * What the sender says of the encoding of the text: `?charset=`, or a parameter of the Content-Type.
 *
 * @param {import('express').Request} req
 */
export function declaredCharset(req) {
  const inType = /;\s*charset="?([^";\s]+)/i.exec(req.get('Content-Type') ?? '');
  const { charset = req.is('multipart/form-data') ? undefined : inType?.[1] } = req.query;
  if (charset === undefined || charset === '') return undefined;
  const known = typeof charset === 'string' ? knownEncoding(charset) : undefined;
  if (known === undefined)
    throw new TaskError('INVALID_INPUT', 'charset is the name of an encoding: windows-1252, say');
  return known;
}

async function readForm(receiveForm, req) {
  await new Promise((resolve, reject) => {
    receiveForm(req, req.res, (error) => (error ? reject(formProblem(error)) : resolve(undefined)));
  });
  const { file } = req;
  return file && received(file.path, file.originalname, file.size);
}

async function readBody(req, path, decoder) {
  let bytes = 0;
  // The iterator leaves the request alone on an error: with the request its socket would go, and the answer with it.
  const chunks = req.iterator({ destroyOnReturn: false });
  const measured = async function* (source) {
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) throw tooLarge();
      yield chunk;
    }
  };
  try {
    await (decoder
      ? pipeline(chunks, decoder, measured, createWriteStream(path))
      : pipeline(measured(chunks), createWriteStream(path)));
  } catch (error) {
    await rm(path, { force: true });
    const { code = '', message } = /** @type {NodeJS.ErrnoException} */ (error);
    if (!/^(Z_|ERR__ERROR_)/.test(code)) throw error;
    throw new TaskError('INVALID_INPUT', `The body is not what its Content-Encoding says: ${message}`);
  }
  return received(path, 'upload.csv', bytes);
}

/** The file that an import was busy with when its instance died: the sample, or an upload in the folder that is shared. */
export function findUpload(progress) {
  if (progress === undefined) throw new TaskError('TASK_LOST', 'The server that had the file is gone');
  if (progress.upload === undefined) return sample();
  return received(join(process.env.UPLOADS ?? '', progress.upload), progress.file, progress.bytes_total);
}

function uploadFolder() {
  if (process.env.UPLOADS !== undefined) return process.env.UPLOADS;
  const folder = mkdtempSync(join(tmpdir(), 'resumable-sse-demo-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const received = (path, name, bytes) => ({ path, name, bytes, temporary: true, upload: basename(path) });

const sample = () => ({ path: SAMPLE_PATH, name: 'sample.csv', bytes: statSync(SAMPLE_PATH).size, temporary: false });

const tooLarge = () => new Refusal(413, 'PAYLOAD_TOO_LARGE', `A file may have up to ${MAX_MEBIBYTES} MiB`);

const unsupported = (message) => new Refusal(415, 'UNSUPPORTED_MEDIA_TYPE', message);

function formProblem(error) {
  if (error.code === 'LIMIT_FILE_SIZE') return tooLarge();
  if (error.code === 'LIMIT_UNEXPECTED_FILE') return new TaskError('INVALID_INPUT', 'The field is called "file"');
  if (error.code === 'ENOSPC') return error;
  return new TaskError('INVALID_INPUT', 'The multipart body cannot be read', { cause: error });
}
