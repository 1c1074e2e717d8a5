import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { EmbedderForm } from '../../../../workers/builds/text-embedder.ts';
import { ROOT } from '../../../../workers/local/paths.ts';
import type { Collection } from '../../encoders/collections.ts';
import { sampled } from '../../encoders/collections.ts';

/** Where encodings and students stay between runs, if anywhere: those of the same model and texts are the same. */
export const ENCODINGS_CACHE = process.env['SLUICE_ENCODINGS_CACHE'];

/** A model in a folder, and what it was made of. */
export interface Variant {
  readonly name: string;
  readonly folder: string;
  readonly form: EmbedderForm;
  /** The variant that it is judged by. */
  readonly base: string | undefined;
  /** The variant whose vectors of documents its queries are searched in; absent: its own. */
  readonly documentsOf?: string;
}

/** Teachers, by what they are called here, where their folders are there. */
export interface Teachers {
  readonly minilm: string;
  /** Weights in float32, without a graph. */
  readonly weights: string | undefined;
  readonly bge: string | undefined;
}

/** Runs a command of the CLI that needs no deployment; what it refuses is answered as a text. */
export async function madeBy(...args: readonly string[]): Promise<string | undefined> {
  const run = promisify(execFile)(process.execPath, [join(ROOT, 'workers/cli/sluice.ts'), 'models', ...args], {
    cwd: ROOT,
    maxBuffer: 2 ** 26,
  });
  return run.then(
    () => undefined,
    (error: { stderr?: string; stdout?: string }) => `${error.stderr ?? ''}${error.stdout ?? ''}`.trim().split('\n').at(-1) ?? 'failed',
  );
}

/** Encoders in fewer bits and with fewer layers, by `quantize` and `prune`. */
export async function prunedAndQuantised({ minilm, weights, bge }: Teachers, scratch: string, calibration: string): Promise<Variant[]> {
  const made: Variant[] = [];
  const at = (name: string) => join(scratch, name);
  const make = async (variant: Omit<Variant, 'folder' | 'form'>, args: readonly string[]): Promise<void> => {
    const folder = at(variant.name.replaceAll(/[^a-z0-9-]+/gi, '-'));
    const refused = await madeBy(...args, '--out', folder);
    if (refused !== undefined) console.log(`${variant.name}: refused: ${refused}`);
    else made.push({ ...variant, folder, form: 'served' });
  };
  if (weights !== undefined) {
    const of = 'MiniLM fp32';
    made.push({ name: of, folder: weights, form: 'graph', base: undefined });
    await make({ name: 'MiniLM int8', base: of }, ['quantize', weights]);
    for (const layers of [1, 2]) {
      const shallow = at(`shallow-${layers}`);
      const refused = await madeBy('prune', weights, '--layers', String(layers), '--calibrate', calibration, '--out', shallow);
      if (refused !== undefined) console.log(`MiniLM, ${layers} fewer: refused: ${refused}`);
      else await make({ name: `MiniLM int8, ${6 - layers} of 6 layers`, base: of }, ['quantize', shallow]);
    }
  }
  made.push({ name: 'MiniLM, published int8', folder: minilm, form: 'served', base: weights === undefined ? undefined : 'MiniLM fp32' });
  if (bge !== undefined) {
    made.push({ name: 'bge, published int8', folder: bge, form: 'served', base: undefined });
    await make({ name: 'bge int8, 10 of 12 layers', base: 'bge, published int8' }, [
      'prune',
      bge,
      '--layers',
      '2',
      '--calibrate',
      calibration,
    ]);
  }
  return made;
}

/** Static students of a teacher, of documents and the teacher's vectors of them, by `distil`. Their queries are searched in the teacher's documents. */
export async function distilled(
  teacher: Variant,
  collections: readonly Collection[],
  vectors: readonly Float32Array[],
  scratch: string,
): Promise<Variant[]> {
  const lines = collections.flatMap(({ documents }) => documents.map((text) => JSON.stringify({ text }))).join('\n');
  const numbers = Buffer.concat(vectors.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)));
  const at = join(ENCODINGS_CACHE ?? scratch, `student-${createHash('sha256').update(lines).update(numbers).digest('hex').slice(0, 16)}`);
  const [texts, recorded, folder] = [`${at}.jsonl`, `${at}.bin`, at];
  await writeFile(texts, lines);
  await writeFile(recorded, numbers);
  const refused = existsSync(folder)
    ? undefined
    : await madeBy('distil', '--texts', texts, '--vectors', recorded, '--folds', '2', '--out', folder);
  const name = `static student of ${teacher.name}`;
  if (refused !== undefined) {
    console.log(`${name}: refused: ${refused}`);
    return [];
  }
  return [
    { name, folder, form: 'served', base: teacher.name },
    { name: `${name}, in its index`, folder, form: 'served', base: teacher.name, documentsOf: teacher.name },
  ];
}

/** Some texts of a collection, by which the commands judge: a gate embeds them under both models. */
const GATED = { queries: 40, documents: 120 };

/** `gate` and `card`, on a part of a collection: what the gate says, or why it could not. */
export async function gatedByCommand(variant: Variant, base: Variant, collection: Collection, scratch: string): Promise<string> {
  const { documents, queries, relevance } = sampled(collection, GATED);
  const retrieval = join(scratch, 'retrieval.jsonl');
  const lines = [
    ...documents.map((text, position) => ({ id: String(position), text })),
    ...queries.map((query, i) => ({ query, relevant: Object.fromEntries(relevance[i] ?? []) })),
  ];
  await writeFile(retrieval, lines.map((line) => JSON.stringify(line)).join('\n'));
  const gate = await madeBy('gate', variant.folder, '--against', base.folder, '--retrieval', retrieval);
  const card = await madeBy('card', variant.folder);
  return `gate: ${gate ?? 'passes'}; card: ${card ?? 'written'}`;
}
