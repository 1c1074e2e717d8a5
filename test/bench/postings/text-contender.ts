import type { Collection } from '../encoders/collections.ts';

export const NEAREST = 10;
/** Passes before those that are timed, so that V8 has optimised what it will, in another thread; no compiled engine needs them. */
const FIRST_PASSES_MS = 6_000;
const PASSES = 15;

/** How an engine did on a collection. */
export interface TextFigures {
  /** Positions of texts, best first, by query. */
  readonly rankings: readonly (readonly number[])[];
  /** Of CPU, to find the ten best texts of a query: analysis of the query included. */
  readonly usQuery: number;
  /** CPU seconds until all texts were indexed. */
  readonly builtS: number;
}

/** An engine that ranks texts by BM25, any word of a query being enough. */
export interface TextContender {
  readonly name: string;
  /** A text says why it takes no part. */
  figures(collection: Collection): Promise<TextFigures | string>;
}

type Search = (query: string) => readonly number[];

/** An engine in this process: `build` indexes texts, whose positions its searches return. */
export const inProcess = (name: string, build: (texts: readonly string[]) => Search | string): TextContender => ({
  name,
  figures: ({ documents, queries }) => {
    const before = process.cpuUsage();
    const search = build(documents);
    if (typeof search === 'string') return Promise.resolve(search);
    const builtS = secondsSince(before);
    return Promise.resolve({ ...timed(queries, search), builtS });
  },
});

export function timed(queries: readonly string[], search: Search): Omit<TextFigures, 'builtS'> {
  const rankings = queries.map(search);
  const untilMs = performance.now() + FIRST_PASSES_MS;
  while (performance.now() < untilMs) for (const query of queries) search(query);
  const passes = Array.from({ length: PASSES }, () => {
    const before = process.cpuUsage();
    for (const query of queries) search(query);
    return secondsSince(before);
  }).toSorted((a, b) => a - b);
  return { rankings, usQuery: (1e6 * passes[PASSES >> 1]!) / queries.length };
}

export function secondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
