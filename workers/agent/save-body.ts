import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';

import { must } from '../../src/kernel/assert.ts';

/** Writes the body of an answer to a file as it comes; resolves with its SHA-256 in hex. */
export async function saveBody(body: Response['body'], path: string, signal: AbortSignal): Promise<string> {
  const digest = createHash('sha256');
  const digesting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      digest.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(must<ReadableStream>(body, 'a file has a body')), digesting, createWriteStream(path), { signal });
  return digest.digest('hex');
}
