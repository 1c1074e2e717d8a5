import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';
import type { Folder } from './model-folder.ts';

/** Where encoders that people use are, each a folder in Hugging Face's layout with reference vectors in `golden.json`: beside the repository, or where SLUICE_ENCODERS says. */
export const ENCODERS_FOLDER = process.env['SLUICE_ENCODERS'] ?? join(ROOT, '../shared/models');

/** Those of BERT's shape. */
const BERT_ENCODERS = [
  'all-minilm-l6-v2-q',
  'bge-small-en-v1.5-q',
  'bge-small-zh-v1.5-q',
  'e5-small-v2-q',
  'multilingual-e5-small-q',
] as const;

export type BertEncoder = (typeof BERT_ENCODERS)[number];

const FILES = ['model.onnx', 'tokenizer.json', 'config.json', 'modules.json', 'sentence_bert_config.json', '1_Pooling/config.json'];

/** Texts with the ids of their tokens, prefix and special ones included, cut at the model's limit, and their vectors. */
export interface Golden {
  readonly prefixes: Readonly<Record<string, string>>;
  readonly texts: readonly GoldenText[];
}

interface GoldenText {
  readonly text: string;
  readonly kind: string;
  readonly ids: readonly number[];
  readonly vector: readonly number[];
}

/** The encoders of BERT's shape that are there. */
export const foundEncoders = (): BertEncoder[] => BERT_ENCODERS.filter((name) => existsSync(join(ENCODERS_FOLDER, name, 'model.onnx')));

/** What is registered of an encoder, by the paths in its folder. */
export async function encoderFolder(name: BertEncoder): Promise<Folder> {
  const folder = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const file of FILES) folder.set(file, new Uint8Array(await readFile(join(ENCODERS_FOLDER, name, file))));
  return folder;
}

/** The reference texts that are no shorter and no longer than a model takes, each behind its prefix, with what is expected of them. */
export async function goldenTexts(name: BertEncoder): Promise<{ readonly input: string[]; readonly texts: readonly GoldenText[] }> {
  const golden = JSON.parse(await readFile(join(ENCODERS_FOLDER, name, 'golden.json'), 'utf8')) as Golden;
  // An empty text is refused, and one beyond the model's tokens, which the others were cut to.
  const texts = golden.texts.filter(({ text, ids }) => text !== '' && ids.length < 256);
  return { texts, input: texts.map(({ text, kind }) => (golden.prefixes[kind] ?? '') + text) };
}

export function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    const [x, y] = [a[i]!, b[i]!];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / Math.sqrt(aa * bb);
}

/**
 * How near the reference vectors are to those of the encoder engine, which has the same bits everywhere, and of onnxruntime on WebGPU (the first texts): as
 * measured. The references are of graphs that quantise activations by tensor, which moves a text of two tokens most.
 */
export const COSINES: Record<BertEncoder, { readonly least: number; readonly mean: number; readonly webGpuLeast: number }> = {
  'all-minilm-l6-v2-q': { least: 0.981, mean: 0.991, webGpuLeast: 0.996 },
  'bge-small-en-v1.5-q': { least: 0.944, mean: 0.993, webGpuLeast: 0.991 },
  'bge-small-zh-v1.5-q': { least: 0.973, mean: 0.993, webGpuLeast: 0.997 },
  'e5-small-v2-q': { least: 0.997, mean: 0.998, webGpuLeast: 0.997 },
  'multilingual-e5-small-q': { least: 0.994, mean: 0.99, webGpuLeast: 0.99 },
};
