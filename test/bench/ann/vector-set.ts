import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, must } from '../../../src/kernel/assert.ts';
import type { Metric } from '../../../src/contract/indexes/index-settings.ts';
import { ROOT } from '../../../workers/local/paths.ts';
import { normalise } from './normalise.ts';
import type { Vectors } from './vectors.ts';
import { vectorAt } from './vectors.ts';

/** Where sets, ground truths and other libraries' indexes are kept between runs. */
export const BENCH_CACHE = join(ROOT, '.sluice/bench');

/** The vectors to search, and queries held out of them. */
export interface VectorSet {
  readonly name: string;
  readonly metric: Metric;
  /** The hash of the whole content, under which everything derived from the set is cached. */
  readonly hash: string;
  readonly base: Vectors;
  readonly queries: Vectors;
}

/** Where a set is stored, and its name and metric. */
export interface SetPlace {
  readonly folder: string;
  readonly name: string;
  readonly metric: Metric;
}

/**
 * Reads a folder with `base.fvecs` and `query.fvecs`: each row is a little-endian int32 `dimensions` and as many float32. Rows are scaled
 * to unit length for `cosine`.
 */
export async function readVectorSet({ folder, name, metric }: SetPlace): Promise<VectorSet> {
  const base = await readFvecs(join(folder, 'base.fvecs'));
  const queries = await readFvecs(join(folder, 'query.fvecs'));
  assert(base.dimensions === queries.dimensions, 'vectors and queries have the same dimensions');
  if (metric === 'cosine') for (const { values, dimensions } of [base, queries]) normalise(values, dimensions);
  const hash = createHash('sha256').update(`${metric} ${base.dimensions}`).update(base.values).update(queries.values);
  return { name, metric, hash: hash.digest('hex').slice(0, 16), base, queries };
}

/** Whether `writeVectorSet` has finished in this folder. */
export const isWritten = (folder: string): Promise<boolean> =>
  stat(join(folder, 'base.fvecs')).then(
    () => true,
    () => false,
  );

export async function writeVectorSet(folder: string, base: Vectors, queries: Vectors): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFvecs(join(folder, 'query.fvecs'), queries);
  await writeFvecs(join(folder, 'base.fvecs'), base);
}

/** Reads `path`, or makes it if it does not exist. The file appears whole or not at all. */
export async function cached(path: string, make: () => Promise<Uint8Array>): Promise<Buffer> {
  const kept = await readFile(path).catch(() => undefined);
  if (kept !== undefined) return kept;
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(`${path}.part`, await make());
  await rename(`${path}.part`, path);
  return readFile(path);
}

async function readFvecs(path: string): Promise<Vectors> {
  const bytes = await readFile(path);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const floats = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const dimensions = must(words[0], `${path} is not empty`);
  const count = words.length / (dimensions + 1);
  assert(Number.isInteger(count), `${path} holds whole rows of ${dimensions} dimensions`);
  const values = new Float32Array(count * dimensions);
  for (let row = 0; row < count; row += 1) {
    const start = row * (dimensions + 1);
    assert(words[start] === dimensions, `row ${row} of ${path} has ${dimensions} dimensions`);
    values.set(floats.subarray(start + 1, start + 1 + dimensions), row * dimensions);
  }
  return { dimensions, count, values };
}

async function writeFvecs(path: string, vectors: Vectors): Promise<void> {
  const { dimensions, count } = vectors;
  const words = new Int32Array(count * (dimensions + 1));
  const floats = new Float32Array(words.buffer);
  for (let row = 0; row < count; row += 1) {
    words[row * (dimensions + 1)] = dimensions;
    floats.set(vectorAt(vectors, row), row * (dimensions + 1) + 1);
  }
  const file = await open(`${path}.part`, 'w');
  await file.writeFile(words);
  await file.close();
  await rename(`${path}.part`, path);
}
