import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

import type { EncodingName } from '../../src/inference/text/token-encoding.ts';

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
