import type { OnnxGraph } from '../../onnx/onnx-graph.ts';
import type { OnnxTensor } from '../../onnx/onnx-tensor.ts';
import type { MatchedTable } from './match-table.ts';
import { matchTable } from './match-table.ts';
import { addendsOf } from './terms.ts';
import { traceGraph } from './trace-graph.ts';
import type { Traced } from './traced-value.ts';
import { isExpression } from './traced-value.ts';

export interface MatchedEmbeddings {
  readonly words: MatchedTable;
  readonly positions: MatchedTable;
  /** Absent: the graph adds nothing for the texts of a pair. */
  readonly types: MatchedTable | undefined;
  /** Whether the types of tokens are an input, and not all zero. */
  readonly takesTypes: boolean;
  readonly firstPosition: number;
  readonly paddingId: number | undefined;
}

/** Rows of a table, by the ids or types of tokens, or by places that are known. */
export interface Lookup {
  readonly table: MatchedTable;
  readonly by: 'ids' | 'types' | readonly number[];
}

/** The sum of a word's, a place's and a type's row, in any order. */
export function matchEmbeddings(
  value: Traced,
  graph: OnnxGraph,
  output: string,
  absentIds: ReadonlySet<number>,
): MatchedEmbeddings | undefined {
  const addends = addendsOf(value) ?? [];
  const lookups = addends.map((addend) => matchTable(addend));
  const words = lookups.find((lookup) => lookup?.by === 'ids');
  const places = lookups.find((lookup) => typeof lookup?.by === 'object' && isCounted(lookup.by));
  const types = lookups.find((lookup) => lookup !== words && lookup !== places);
  if (words === undefined || places === undefined || lookups.includes(undefined) || lookups.length !== (types === undefined ? 2 : 3))
    return undefined;
  if (types !== undefined && types.by !== 'types' && !isZero(types.by)) return undefined;
  const firstPosition = places.by[0] as number;
  const padding = matchPadding(places.table.codes, { graph, output, absentIds, firstPosition });
  if (padding === undefined) return undefined;
  return {
    words: words.table,
    positions: places.table,
    types: types?.table,
    takesTypes: types?.by === 'types',
    firstPosition,
    paddingId: padding.id,
  };
}

const isCounted = (places: readonly number[]): boolean => places.every((place, i) => place === places[0]! + i);

const isZero = (by: Lookup['by']): boolean => typeof by === 'object' && by.every((row) => row === 0);

/**
 * Whether the places of tokens are those of XLM-R where a text has the id that the graph compares tokens with: found by following the graph with such texts.
 * Undefined: they are others.
 */
function matchPadding(
  positions: OnnxTensor,
  { graph, output, absentIds, firstPosition }: PaddingFacts,
): { readonly id: number | undefined } | undefined {
  const [id, ...others] = absentIds;
  if (id === undefined) return { id: undefined };
  if (others.length > 0) return undefined;
  const isOfXlmR = PADDED_TEXTS.every((pads) => {
    const ids = pads.map((isPad, i) => (isPad ? id : id + 2 + i));
    const traced = traceGraph(graph, output, { tokens: ids.length, ids });
    const wanted = paddedPositions(ids, id, firstPosition);
    return traced.output !== undefined && placesIn(traced.output, positions)?.join() === wanted.join();
  });
  return isOfXlmR ? { id } : undefined;
}

interface PaddingFacts {
  readonly graph: OnnxGraph;
  readonly output: string;
  readonly absentIds: ReadonlySet<number>;
  readonly firstPosition: number;
}

/** Which tokens are the padding's, at the beginning, in the middle and at the end. */
const PADDED_TEXTS = [
  [false, true, false, false, true],
  [true, false, true, true, false, false],
];

/** As XLM-R counts: padding has the row before the first, and moves nothing on. */
function paddedPositions(ids: readonly number[], paddingId: number, firstPosition: number): number[] {
  let next = firstPosition;
  return ids.map((id) => (id === paddingId ? firstPosition - 1 : next++));
}

/** The places by which rows of a table are read. */
function placesIn(output: Traced, table: OnnxTensor): readonly number[] | undefined {
  const open: (Traced | undefined)[] = [output];
  const seen = new Set<Traced>();
  while (open.length > 0) {
    const value = open.pop();
    if (value?.kind !== 'expression' || seen.has(value)) continue;
    seen.add(value);
    const [data, rows] = value.inputs;
    if (isExpression(value, 'Gather') && data?.kind === 'constant' && data.tensor === table && rows?.kind === 'numbers')
      return rows.numbers;
    open.push(...value.inputs);
  }
  return undefined;
}
