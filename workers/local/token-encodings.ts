import { readFile, writeFile, mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import type { EncodingName } from '../../src/inference/text/token-encoding.ts';

const NAMES: readonly EncodingName[] = ['cl100k_base', 'o200k_base'];

/** Writes the files of the encodings, as `TokenEncoding` reads them, into a folder. */
export async function writeEncodings(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await Promise.all(NAMES.map(async (name) => writeFile(join(folder, name), await encodingFile(name))));
}

/** The tokens of an encoding by their ranks, each as its length in one byte and its bytes. */
export async function encodingFile(name: EncodingName): Promise<Buffer> {
  const file = createRequire(import.meta.url).resolve(`gpt-tokenizer/data/${name}.tiktoken`);
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return Buffer.concat(
    lines.flatMap((line, id) => {
      const [base64 = '', rank] = line.split(' ');
      const bytes = Buffer.from(base64, 'base64');
      if (Number(rank) !== id || bytes.length === 0 || bytes.length > 255) throw new Error(`${name} is not the file of an encoding`);
      return [Buffer.of(bytes.length), bytes];
    }),
  );
}
