import type { MatchedTable, TableCodes } from './matched-encoder.ts';
import { hold, matched, need } from './mismatch.ts';
import { matchNibbles } from './match-nibbles.ts';
import { FLOATS, isBytes, rowsOf, tableOf, uncast, unshaped } from './picked-rows.ts';
import type { Lookup, Rows } from './picked-rows.ts';
import { factorsOf } from './terms.ts';
import type { Traced } from './traced-value.ts';
import { isExpression, scalarOf } from './traced-value.ts';

/** Rows of a table that something picks: floats, or codes that one scale makes numbers of before or after, or that scales of blocks do. */
export function matchTable(value: Traced): Lookup {
  const rows = rowsOf(value);
  if (rows !== undefined) {
    hold(rows.coded !== undefined || FLOATS.has(rows.tensor.dataType), 'rows of codes');
    return { table: tableOf(rows), by: rows.by };
  }
  return isExpression(value, 'DequantizeLinear') ? dequantisedRows(value.inputs) : blockRows(value);
}

function dequantisedRows([codes, scales, zeros]: readonly (Traced | undefined)[]): Lookup {
  const rows = codeRows(codes);
  const [scale, zero] = [need(scalarOf(scales)), zeros === undefined ? 0 : need(scalarOf(zeros))];
  return { table: { ...tableOf(rows), coded: { scales: scale, zero, block: rows.columns } }, by: rows.by };
}

/** Rows of bytes that nothing has been made of yet. */
function codeRows(value: Traced | undefined): Rows {
  const rows = need(rowsOf(value));
  hold(rows.coded === undefined && isBytes(rows.tensor), 'no rows of codes');
  return rows;
}

/** Codes of 8 or 4 bits, times scales of blocks that are picked by the same ids, types or places. */
function blockRows(value: Traced): Lookup {
  const { scale, values } = need(factorsOf(unshaped(value)));
  const [a, b] = values;
  hold(scale === 1 && values.length === 2, 'no product of two');
  return need(matched(() => scaledRows(need(a), need(b))) ?? matched(() => scaledRows(need(b), need(a))));
}

function scaledRows(numbers: Traced, scaled: Traced): Lookup {
  const scales = need(rowsOf(uncast(unshaped(scaled))));
  hold(scales.coded === undefined && FLOATS.has(scales.tensor.dataType), 'no scales of rows');
  const { codes, zero, nibbles } = codesOf(numbers);
  hold(isSamePick(codes.by, scales.by) && codes.rows === scales.rows, 'codes of other rows than the scales');
  const columns = codes.columns * (nibbles === undefined ? 1 : 2);
  const block = columns / scales.columns;
  // Blocks lie one behind another wherever the last axis is theirs.
  hold(Number.isInteger(block) && numbers.dims?.at(-1) === (scales.columns === 1 ? columns : block), 'other blocks than the scales');
  hold(nibbles === undefined || block % 2 === 0, 'blocks of odd length');
  const coded: TableCodes = { scales: scales.tensor, zero, block, ...(nibbles === undefined ? {} : { nibbles }) };
  const table: MatchedTable = { codes: codes.tensor, rows: codes.rows, columns, coded };
  return { table, by: scales.by };
}

const isSamePick = (a: Lookup['by'], b: Lookup['by']): boolean =>
  a === b || (typeof a === 'object' && typeof b === 'object' && a.join() === b.join());

interface Codes {
  readonly codes: Rows;
  readonly zero: number;
  readonly nibbles?: 'low-first' | 'high-first';
}

/** Codes, as floats, less the one that stands for zero. */
function codesOf(value: Traced): Codes {
  const inner = unshaped(value);
  const isShifted = isExpression(inner, 'Sub');
  const zero = isShifted ? need(scalarOf(inner.inputs[1])) : 0;
  const shifted = isShifted ? unshaped(need(inner.inputs[0])) : inner;
  if (isExpression(shifted, 'Concat')) {
    const { bytes, nibbles } = matchNibbles(shifted);
    return { codes: codeRows(uncast(bytes)), zero, nibbles };
  }
  hold(isExpression(shifted, 'Cast'), 'no codes as floats');
  return { codes: codeRows(uncast(shifted)), zero };
}
