import type { Result } from '../kernel/result.ts';
import { err, ok } from '../kernel/result.ts';
import type { ModelManifest } from './model-manifest.ts';
import { StaticEncoder } from './static-encoder.ts';
import type { StaticTableError } from './static-table.ts';
import { readStaticTable } from './static-table.ts';
import type { Tokeniser } from './tokeniser.ts';
import { Vocabulary } from './vocabulary.ts';
import { WordTokeniser } from './word-tokeniser.ts';

/** A static model ready to use. Both parts read the file in place, so the file's bytes must not change. */
export interface StaticModel {
  readonly tokeniser: Tokeniser;
  readonly encoder: StaticEncoder;
}

export type StaticModelError = StaticTableError | { readonly kind: 'manifest_mismatch'; readonly reason: string };

/** Opens the ONNX file `bytes`, whose hash the caller has checked, as the model that `manifest` describes. */
export function openStaticModel(manifest: ModelManifest, bytes: Uint8Array<ArrayBuffer>): Result<StaticModel, StaticModelError> {
  const table = readStaticTable(bytes);
  if (!table.ok) return table;
  const vocabulary = new Vocabulary(table.value.vocabulary);
  const { scales, dimensions } = table.value;
  if (vocabulary.size !== scales.length) return mismatch('as many words as rows', vocabulary.size, scales.length);
  if (vocabulary.size !== manifest.vocabularySize) return mismatch('vocabulary size', vocabulary.size, manifest.vocabularySize);
  if (dimensions !== manifest.dimensions) return mismatch('dimensions', dimensions, manifest.dimensions);
  return ok({ tokeniser: new WordTokeniser(vocabulary), encoder: new StaticEncoder(manifest, table.value) });
}

const mismatch = (what: string, found: number, expected: number) =>
  err({ kind: 'manifest_mismatch', reason: `${what}: the file has ${found}, expected ${expected}` } as const);
