import type { OnnxGraph } from '../../onnx/onnx-graph.ts';
import type { OnnxTensor } from '../../onnx/onnx-tensor.ts';
import type { MatchedEmbeddings } from './matched-encoder.ts';
import { matchTable } from './match-table.ts';
import { hold, need } from './mismatch.ts';
import type { Lookup } from './picked-rows.ts';
import { addendsOf } from './terms.ts';
import { traceGraph } from './trace-graph.ts';
import type { Traced } from './traced-value.ts';
import { isExpression } from './traced-value.ts';

/** The sum of a word's, a place's and a type's row, in any order. */
export function matchEmbeddings(value: Traced, graph: OnnxGraph, output: string, absentIds: ReadonlySet<number>): MatchedEmbeddings {
  const lookups = need(addendsOf(value)).map((addend) => matchTable(addend));
  const words = need(lookups.find(({ by }) => by === 'ids'));
  const places = need(lookups.find(({ by }) => typeof by === 'object' && isCounted(by)));
  const [types, ...others] = lookups.filter((lookup) => lookup !== words && lookup !== places);
  hold(others.length === 0 && (types === undefined || types.by === 'types' || isZero(types.by)), 'more than words, places and types');
  const firstPosition = places.by[0] as number;
  return {
    words: words.table,
    positions: places.table,
    types: types?.table,
    takesTypes: types?.by === 'types',
    firstPosition,
    paddingId: matchPadding(places.table.codes, { graph, output, absentIds, firstPosition }),
  };
}

const isCounted = (places: readonly number[]): boolean => places.every((place, i) => place === places[0]! + i);

const isZero = (by: Lookup['by']): boolean => typeof by === 'object' && by.every((row) => row === 0);

/**
 * Whether the places of tokens are those of XLM-R where a text has the id that the graph compares tokens with: found by following the graph with such texts.
 * Undefined: there is no such id.
 */
function matchPadding(positions: OnnxTensor, { graph, output, absentIds, firstPosition }: PaddingFacts): number | undefined {
  const [id, ...others] = absentIds;
  if (id === undefined) return undefined;
  hold(others.length === 0, 'several ids that tokens are compared with');
  const isOfXlmR = PADDED_TEXTS.every((pads) => {
    const ids = pads.map((isPad, i) => (isPad ? id : id + 2 + i));
    const traced = traceGraph(graph, output, { tokens: ids.length, ids });
    const wanted = paddedPositions(ids, id, firstPosition);
    return traced.output !== undefined && placesIn(traced.output, positions)?.join() === wanted.join();
  });
  hold(isOfXlmR, 'other places than those of XLM-R');
  return id;
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
