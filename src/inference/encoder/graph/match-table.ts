import type { OnnxTensor } from '../../onnx/onnx-tensor.ts';
import type { Lookup } from './match-embeddings.ts';
import { factorsOf, isNear } from './terms.ts';
import type { Expression, Traced, TracedConstant } from './traced-value.ts';
import { axisOf, countOf, isExpression, sameDims, scalarOf } from './traced-value.ts';

/** A table of rows as the file has it. */
export interface MatchedTable {
  /** Of `rows` x `columns` numbers, also in three dimensions; with `nibbles` of half as many bytes. */
  readonly codes: OnnxTensor;
  readonly rows: number;
  readonly columns: number;
  /** Absent: the numbers themselves. */
  readonly coded?: {
    /** One for each block of each row, or one for all. */
    readonly scales: OnnxTensor | number;
    readonly zero: number;
    /** Numbers in a row that share a scale. */
    readonly block: number;
    /** Which half of a block is in the low bits of its bytes. */
    readonly nibbles?: 'low-first' | 'high-first';
  };
}

/** Rows of a table that something picks; undefined: it is anything else. */
export function matchTable(value: Traced): Lookup | undefined {
  const rows = rowsOf(value);
  if (rows !== undefined) return isFloats(rows) || rows.coded !== undefined ? { table: tableOf(rows), by: rows.by } : undefined;
  return dequantisedRows(value) ?? blockRows(value);
}

interface Rows {
  readonly tensor: OnnxTensor;
  /** Of a table whose codes are made numbers before its rows are picked. */
  readonly coded?: MatchedTable['coded'];
  readonly by: Lookup['by'];
  readonly rows: number;
  readonly columns: number;
}

/** `Gather` of rows, or the first rows by `Slice`, of a table that is a constant. */
function rowsOf(value: Traced | undefined): Rows | undefined {
  if (value?.kind !== 'expression') return undefined;
  const [given, places] = value.inputs;
  const stored = given === undefined ? undefined : storedTable(given);
  const data = stored?.data ?? given;
  if (data?.kind !== 'constant' || data.dims.length < 2) return undefined;
  const [rows = 0] = data.dims;
  const coded = stored === undefined ? {} : { coded: stored.coded };
  const table = { tensor: data.tensor, rows, columns: countOf(data.dims) / rows, ...coded };
  if (value.operator === 'Slice') return data.dims.length === 2 ? firstRows(value, table) : undefined;
  if (value.operator !== 'Gather' || axisOf(value.attributes.get('axis')?.[0] ?? 0, data.dims.length) !== 0) return undefined;
  if (isExpression(places, 'input:input_ids')) return { ...table, by: 'ids' };
  if (isExpression(places, 'input:token_type_ids')) return { ...table, by: 'types' };
  return places?.kind === 'numbers' && places.dims.length <= 2 ? { ...table, by: places.numbers } : undefined;
}

function firstRows({ dims, inputs, attributes }: Expression, table: Omit<Rows, 'by'>): Rows | undefined {
  const [count, columns] = dims ?? [];
  const starts = inputs[1]?.kind === 'numbers' ? inputs[1].numbers : attributes.get('starts');
  const axes = inputs[3]?.kind === 'numbers' ? inputs[3].numbers : attributes.get('axes');
  const first = starts?.[0];
  if (count === undefined || columns !== table.columns || starts?.length !== 1 || first === undefined || first < 0) return undefined;
  if (axes !== undefined && axes.join() !== '0') return undefined;
  return { ...table, by: Array.from({ length: count }, (_, i) => first + i) };
}

const FLOATS = new Set([1, 10, 16]);
const BYTES = new Set([2, 3]);

const isFloats = ({ tensor }: Rows): boolean => FLOATS.has(tensor.dataType);

const tableOf = ({ tensor, rows, columns, coded }: Rows): MatchedTable => ({
  codes: tensor,
  rows,
  columns,
  ...(coded === undefined ? {} : { coded }),
});

/** Codes that a scale a row, or one for all, makes numbers of. */
function storedTable(value: Traced): { readonly data: TracedConstant; readonly coded: NonNullable<MatchedTable['coded']> } | undefined {
  if (isExpression(value, 'DequantizeLinear')) {
    const [codes, scales, zeros] = value.inputs;
    const [scale, zero] = [scalarOf(scales), zeros === undefined ? 0 : scalarOf(zeros)];
    if (!isBytes(codes) || codes.dims.length !== 2 || scale === undefined || zero === undefined) return undefined;
    return { data: codes, coded: { scales: scale, zero, block: codes.dims[1]! } };
  }
  const factors = isExpression(value, 'Mul') ? factorsOf(value) : undefined;
  const cast = factors?.values.find((factor) => isExpression(factor, 'Cast') && isBytes(factor.inputs[0]));
  const scales = factors?.values.find((factor) => factor !== cast);
  const codes = isExpression(cast, 'Cast') && cast.isFloat ? cast.inputs[0] : undefined;
  if (factors?.scale !== 1 || factors.values.length !== 2 || !isBytes(codes) || scales?.kind !== 'constant') return undefined;
  const [rows, columns] = codes.dims;
  if (codes.dims.length !== 2 || !sameDims(scales.dims, [rows!, 1]) || columns === undefined) return undefined;
  return { data: codes, coded: { scales: scales.tensor, zero: 0, block: columns } };
}

const isBytes = (value: Traced | undefined): value is TracedConstant => value?.kind === 'constant' && BYTES.has(value.tensor.dataType);

/** Codes that one scale and one zero point make numbers of, before or after the rows are picked. */
function dequantisedRows(value: Traced): Lookup | undefined {
  if (!isExpression(value, 'DequantizeLinear')) return undefined;
  const [codes, scales, zeros] = value.inputs;
  const rows = rowsOf(codes);
  const [scale, zero = 0] = [scalarOf(scales), zeros === undefined ? 0 : scalarOf(zeros)];
  if (
    rows === undefined ||
    scale === undefined ||
    !BYTES.has(rows.tensor.dataType) ||
    (zeros !== undefined && scalarOf(zeros) === undefined)
  )
    return undefined;
  return { table: { ...tableOf(rows), coded: { scales: scale, zero, block: rows.columns } }, by: rows.by };
}

/** Codes of 8 or 4 bits, times scales of blocks that are picked by the same ids, types or places. */
function blockRows(value: Traced): Lookup | undefined {
  const factors = factorsOf(unshaped(value));
  if (factors?.scale !== 1 || factors.values.length !== 2) return undefined;
  for (const [numbers, scaled] of [factors.values, factors.values.toReversed()]) {
    const scales = rowsOf(uncast(unshaped(scaled!)));
    if (scales === undefined || scales.coded !== undefined || !isFloats(scales)) continue;
    const found = codesOf(numbers!);
    if (found === undefined || !isSamePick(found.codes.by, scales.by) || found.codes.rows !== scales.rows) continue;
    const columns = found.codes.columns * (found.nibbles === undefined ? 1 : 2);
    const block = columns / scales.columns;
    // Blocks lie one behind another wherever the last axis is theirs.
    if (!Number.isInteger(block) || numbers!.dims?.at(-1) !== (scales.columns === 1 ? columns : block)) continue;
    const { zero, nibbles } = found;
    if (nibbles !== undefined && block % 2 !== 0) continue;
    const coded = { scales: scales.tensor, zero, block, ...(nibbles === undefined ? {} : { nibbles }) };
    return { table: { codes: found.codes.tensor, rows: found.codes.rows, columns, coded }, by: scales.by };
  }
  return undefined;
}

const isSamePick = (a: Lookup['by'], b: Lookup['by']): boolean =>
  a === b || (typeof a === 'object' && typeof b === 'object' && a.join() === b.join());

/** What only changes the dimensions of rows left out. */
function unshaped(value: Traced): Traced {
  let inner = value;
  while ((isExpression(inner, 'Reshape') || isExpression(inner, 'Unsqueeze')) && inner.inputs[0] !== undefined && inner.dims !== undefined)
    inner = inner.inputs[0];
  return inner;
}

const uncast = (value: Traced): Traced | undefined => (isExpression(value, 'Cast') && value.isFloat ? value.inputs[0] : value);

interface Codes {
  readonly codes: Rows;
  readonly zero: number;
  readonly nibbles?: 'low-first' | 'high-first';
}

function codesOf(value: Traced): Codes | undefined {
  const inner = unshaped(value);
  const zero = isExpression(inner, 'Sub') ? scalarOf(inner.inputs[1]) : 0;
  const shifted = isExpression(inner, 'Sub') && zero !== undefined ? unshaped(inner.inputs[0]!) : inner;
  if (zero === undefined) return undefined;
  if (isExpression(shifted, 'Concat')) return nibblesOf(shifted, zero);
  const rows = isExpression(shifted, 'Cast') ? rowsOf(uncast(shifted)) : undefined;
  return rows?.coded === undefined && rows !== undefined && BYTES.has(rows.tensor.dataType) ? { codes: rows, zero } : undefined;
}

/** Bytes of two codes of 4 bits each: the halves of a block, one behind the other. */
function nibblesOf({ inputs, attributes, dims }: Expression, zero: number): Codes | undefined {
  const [first, second] = inputs;
  const rank = dims?.length ?? 0;
  if (inputs.length !== 2 || axisOf(attributes.get('axis')?.[0] ?? 0, rank) !== rank - 1) return undefined;
  const [a, b] = [unshaped(first!), unshaped(second!)];
  for (const [low, high, nibbles] of [[a, b, 'low-first'] as const, [b, a, 'high-first'] as const]) {
    const bytes = highOf(high);
    if (bytes === undefined || !isLowOf(low, high, bytes)) continue;
    const codes = isExpression(bytes, 'Cast') ? rowsOf(uncast(bytes)) : undefined;
    if (codes?.coded === undefined && codes?.tensor.dataType === UINT8) return { codes, zero, nibbles };
  }
  return undefined;
}

const UINT8 = 2;
const SIXTEEN = 16;

/** The bytes of which this is a sixteenth, rounded down. */
function highOf(value: Traced): Traced | undefined {
  const factors = isExpression(value, 'Floor') ? factorsOf(value.inputs[0]!) : undefined;
  return factors?.values.length === 1 && isNear(factors.scale, 1 / SIXTEEN, 0) ? factors.values[0] : undefined;
}

/** Whether it is the bytes less sixteen times their high bits. */
function isLowOf(value: Traced, high: Traced, bytes: Traced): boolean {
  if (!isExpression(value, 'Sub') || value.inputs[0] !== bytes) return false;
  const factors = factorsOf(value.inputs[1]!);
  return factors?.scale === SIXTEEN && factors.values.length === 1 && factors.values[0] === high;
}
