import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { EncodingName } from '../../src/inference/text/token-encoding.ts';
import { encodingFile } from '../builds/encoding-file.ts';

const NAMES: readonly EncodingName[] = ['cl100k_base', 'o200k_base'];

/** Writes the files of the encodings, as `TokenEncoding` reads them, into a folder. */
export async function writeEncodings(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await Promise.all(NAMES.map(async (name) => writeFile(join(folder, name), await encodingFile(name))));
}
