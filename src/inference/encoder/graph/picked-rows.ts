import type { OnnxTensor } from '../../onnx/onnx-tensor.ts';
import type { MatchedTable, TableCodes } from './matched-encoder.ts';
import { hold, matched, need } from './mismatch.ts';
import { factorsOf } from './terms.ts';
import type { Expression, Traced, TracedConstant } from './traced-value.ts';
import { axisOf, countOf, isExpression, sameDims, scalarOf } from './traced-value.ts';

/** Rows of a table, by the ids or types of tokens, or by places that are known. */
export interface Lookup {
  readonly table: MatchedTable;
  readonly by: 'ids' | 'types' | readonly number[];
}

/** The same, before it is known what their numbers are. */
export interface Rows {
  readonly tensor: OnnxTensor;
  /** Of a table whose codes are made numbers before its rows are picked. */
  readonly coded?: TableCodes;
  readonly by: Lookup['by'];
  readonly rows: number;
  readonly columns: number;
}

/** TensorProto.DataType of floats of 32 and 16 bits, and of codes of 8. */
export const FLOATS: ReadonlySet<number> = new Set([1, 10, 16]);
const BYTES: ReadonlySet<number> = new Set([2, 3]);

export const isBytes = ({ dataType }: OnnxTensor): boolean => BYTES.has(dataType);

/** `Gather` of rows, or the first rows by `Slice`, of a table that is a constant, or that a constant is made numbers of. */
export function rowsOf(value: Traced | undefined): Rows | undefined {
  if (value?.kind !== 'expression') return undefined;
  const table = value.inputs[0] && tableIn(value.inputs[0]);
  if (table === undefined) return undefined;
  if (value.operator === 'Slice') return table.tensor.dims.length === 2 ? matched(() => firstRows(value, table)) : undefined;
  const isOfRows = value.operator === 'Gather' && axisOf(value.attributes.get('axis')?.[0] ?? 0, table.tensor.dims.length) === 0;
  return isOfRows ? pickedRows(value.inputs[1], table) : undefined;
}

function tableIn(value: Traced): Omit<Rows, 'by'> | undefined {
  const stored = value.kind === 'constant' ? undefined : matched(() => storedTable(value));
  const data = stored?.data ?? value;
  if (data.kind !== 'constant' || data.dims.length < 2) return undefined;
  const [rows = 0] = data.dims;
  return { tensor: data.tensor, rows, columns: countOf(data.dims) / rows, ...(stored === undefined ? {} : { coded: stored.coded }) };
}

function pickedRows(places: Traced | undefined, table: Omit<Rows, 'by'>): Rows | undefined {
  if (isExpression(places, 'input:input_ids')) return { ...table, by: 'ids' };
  if (isExpression(places, 'input:token_type_ids')) return { ...table, by: 'types' };
  return places?.kind === 'numbers' && places.dims.length <= 2 ? { ...table, by: places.numbers } : undefined;
}

function firstRows({ dims, inputs, attributes }: Expression, table: Omit<Rows, 'by'>): Rows {
  const listed = (at: number, name: string) => (inputs[at]?.kind === 'numbers' ? inputs[at].numbers : attributes.get(name));
  const [count, columns] = need(dims);
  const starts = need(listed(1, 'starts'));
  const first = need(starts[0]);
  hold(columns === table.columns && starts.length === 1 && first >= 0 && (listed(3, 'axes') ?? [0]).join() === '0', 'no rows');
  return { ...table, by: Array.from({ length: need(count) }, (_, i) => first + i) };
}

/** Codes that a scale a row, or one for all, makes numbers of. */
function storedTable(value: Traced): { readonly data: TracedConstant; readonly coded: TableCodes } {
  if (isExpression(value, 'DequantizeLinear')) {
    const [codes, scales, zeros] = value.inputs;
    const zero = zeros === undefined ? 0 : need(scalarOf(zeros));
    const data = codeTable(codes);
    return { data, coded: { scales: need(scalarOf(scales)), zero, block: data.dims[1]! } };
  }
  hold(isExpression(value, 'Mul'), 'no table');
  const { scale, values } = need(factorsOf(value));
  const cast = need(values.find((factor) => isExpression(factor, 'Cast') && factor.isFloat)) as Expression;
  const scales = need(values.find((factor) => factor !== cast));
  const data = codeTable(cast.inputs[0]);
  hold(scale === 1 && values.length === 2 && scales.kind === 'constant' && sameDims(scales.dims, [data.dims[0]!, 1]), 'no scale a row');
  return { data, coded: { scales: (scales as TracedConstant).tensor, zero: 0, block: data.dims[1]! } };
}

function codeTable(value: Traced | undefined): TracedConstant {
  hold(value?.kind === 'constant' && value.dims.length === 2 && isBytes(value.tensor), 'no table of codes');
  return value as TracedConstant;
}

export const tableOf = ({ tensor, rows, columns, coded }: Rows): MatchedTable => ({
  codes: tensor,
  rows,
  columns,
  ...(coded === undefined ? {} : { coded }),
});

/** What only changes the dimensions of rows left out. */
export function unshaped(value: Traced): Traced {
  let inner = value;
  while ((isExpression(inner, 'Reshape') || isExpression(inner, 'Unsqueeze')) && inner.inputs[0] !== undefined && inner.dims !== undefined)
    inner = inner.inputs[0];
  return inner;
}

/** What was made a float. */
export const uncast = (value: Traced): Traced | undefined => (isExpression(value, 'Cast') && value.isFloat ? value.inputs[0] : value);
