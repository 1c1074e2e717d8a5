import { createHash } from 'node:crypto';

import type { PieceSettings } from '../../src/inference/build/distil/piece-table.ts';
import { fitPieceTable } from '../../src/inference/build/distil/piece-table.ts';
import { quantiseRows } from '../../src/inference/build/matrix.ts';
import { overlapAt10 } from '../../src/inference/build/retrieval-quality.ts';
import { readStaticTable, TableEncoder, tokeniserOf } from '../../src/inference/static/static-model.ts';
import { tokenBatch } from '../../src/inference/token-batch.ts';
import { must } from '../../src/kernel/assert.ts';
import { UnusableInput } from './build-error.ts';
import type { PieceVocabulary } from './piece-vocabulary.ts';
import { writeOnnx } from './write-onnx.ts';

/** What a table of pieces learns from. */
export interface PieceLesson {
  readonly texts: readonly string[];
  /** What a text is a part of: parts of one are all fitted, or all held out. */
  readonly groups: readonly string[];
  /** The teacher's vectors: of the texts in their order, then of the pieces of `vocabulary` in theirs; row-major. */
  readonly vectors: Float32Array;
  readonly vocabulary: PieceVocabulary;
}

export interface PieceStudent {
  readonly file: Uint8Array<ArrayBuffer>;
  readonly vocabularySize: number;
  /** The map from the teacher's space to the axes of the table. */
  readonly axes: Float64Array;
  /** Of the ten nearest texts that the teacher finds among those that no fit saw, the share that the student finds. */
  readonly heldOut: { readonly texts: number; readonly recallAt10: number };
}

/** Of so many groups one is held out. */
const HELD_OUT_EVERY = 50;

/** Fits a table of a teacher's word pieces to its vectors (`fitPieceTable`), in codes of 8 bits. */
export function distilPieces({ texts, groups, vectors, vocabulary }: PieceLesson, id: string, settings: PieceSettings): PieceStudent {
  const count = texts.length + vocabulary.texts.length;
  const columns = vectors.length / count;
  if (!Number.isInteger(columns) || columns === 0)
    throw new UnusableInput(`${vectors.length} numbers are no vectors of ${texts.length} texts and ${vocabulary.texts.length} pieces.`);
  if (settings.dimensions > columns) throw new UnusableInput(`${settings.dimensions} dimensions: the teacher has ${columns}.`);
  if (!vectors.every(Number.isFinite)) throw new UnusableInput("the teacher's vectors have numbers that are not finite.");
  const { tokeniser: named, bytes } = vocabulary;
  const tokeniser = must(tokeniserOf({ tokeniser: named, vocabulary: bytes }), 'the rules of a vocabulary that was just made are known');
  const ids = texts.map((text) => tokeniser.tokenise(text).ids);
  const rowsOf = (rows: readonly number[]) => {
    const values = new Float64Array(rows.length * columns);
    rows.forEach((row, at) => values.set(vectors.subarray(row * columns, (row + 1) * columns), at * columns));
    return { columns, values };
  };
  const held = texts.flatMap((_, row) => (isHeldOut(must(groups[row], 'a group a text')) ? [row] : []));
  const fitted = texts.flatMap((_, row) => (isHeldOut(must(groups[row], 'a group a text')) ? [] : [row]));
  const pieces = { columns, values: new Float64Array(tokeniser.vocabularySize * columns) };
  vocabulary.ids.forEach((piece, at) => {
    const row = texts.length + at;
    pieces.values.set(vectors.subarray(row * columns, (row + 1) * columns), piece * columns);
  });
  const batchOf = (rows: readonly number[]) => tokenBatch(rows.map((row) => must(ids[row], 'a text of that row')));
  const { table, axes } = fitPieceTable({ texts: batchOf(fitted), vectors: rowsOf(fitted), pieces }, settings);
  const { dimensions } = settings;
  const rows = quantiseRows(table);
  const file = writeOnnx({ id, dimensions, opset: OPSET, vocabulary: bytes, tokeniser: named, rows });
  const read = readStaticTable(file);
  const student = new TableEncoder(must(read.ok ? read.value : undefined, 'the file that was just written opens')).embed(batchOf(held));
  const teacher = Float32Array.from(rowsOf(held).values);
  const recallAt10 = overlapAt10(
    { dimensions: columns, queries: teacher, documents: teacher },
    { dimensions, queries: student, documents: student },
  );
  return {
    file,
    vocabularySize: tokeniser.vocabularySize,
    axes: axes.values,
    heldOut: { texts: held.length, recallAt10 },
  };
}

export const OPSET = 13;

/** Whether texts of this group are kept from the fit. */
export const isHeldOut = (group: string): boolean => createHash('sha256').update(group).digest().readUInt32BE(0) % HELD_OUT_EVERY === 0;
