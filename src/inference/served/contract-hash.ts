import { sha256Hex } from '../../kernel/bytes.ts';
import type { ModelReading, ServedFile } from '../served-manifest.ts';

/** The files that a tokeniser is made of. */
export const TOKENISER_FILE = 'tokenizer.json';
export const TOKENISER_CONFIG_FILE = 'tokenizer_config.json';

/** Whether an embedding model has its words in its graph, as static models have, and no tokeniser beside it. */
export const isStatic = (task: ModelReading['task'], files: readonly Pick<ServedFile, 'path'>[]): boolean =>
  task === 'embedding' && !files.some(({ path }) => path === TOKENISER_FILE);

/**
 * SHA-256, in hex, of all that fixes the answers of a registered model: its reading, and the hashes of the files that it computes with.
 * Models with equal hashes have interchangeable vectors; a quantised variant of a model is another one.
 */
export function servedContractHash(reading: ModelReading, files: readonly ServedFile[]): Promise<string> {
  const effective = new Set([reading.graph, ...reading.externalData, TOKENISER_FILE, TOKENISER_CONFIG_FILE]);
  const hashes = files.filter(({ path }) => effective.has(path)).map(({ path, sha256 }) => [path, sha256] as const);
  const canonical = [
    ...Object.entries({ ...reading, prompts: byName(Object.entries(reading.prompts)) }),
    ['files', byName(hashes)] as const,
  ];
  return sha256Hex(JSON.stringify(byName(canonical)));
}

const byName = (entries: readonly (readonly [string, unknown])[]) => entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
