import type { Outcome } from '../contract/api/outcome.ts';
import type { WriteLease } from '../contract/tenancy/write-lease.ts';
import type { Steps } from '../kernel/stepped-work.ts';
import { compareText } from './id-order.ts';
import type { Addressed } from './access-mode.ts';
import type {
  Counted,
  CountedTerms,
  Deleted,
  HighlightedRows,
  ListedVectors,
  NamespacePage,
  Patched,
  RecallSlice,
  Routed,
  SampledIds,
  SelectedIds,
  ShardCount,
  ShardDelete,
  ShardFetch,
  ShardFieldSearch,
  ShardHighlight,
  ShardList,
  ShardMatches,
  ShardNamespaces,
  ShardPatch,
  ShardQuery,
  ShardRecall,
  ShardSample,
  ShardSelect,
  ShardStatistics,
  ShardVectors,
  UpsertBatch,
  Written,
} from './shard-protocol.ts';

/** Asks how far background work is behind the writes. */
export interface ShardProgress extends Routed, Addressed {}

export interface Progress {
  /** Rows, spilled copies included. */
  readonly vectors: number;
  /** Those that are searched one by one until background work puts them into posting lists; 0 where there are too few for lists. */
  readonly waiting: number;
}

interface Operation<Request, Reply> {
  readonly request: Request;
  readonly reply: Reply;
}

/** Every operation on the vectors of a shard. The engine, the shard's object, its callers and the ports of use cases derive from it. */
interface Operations {
  readonly query: Operation<ShardQuery, ShardMatches>;
  readonly searchFields: Operation<ShardFieldSearch, ShardMatches>;
  readonly termStatistics: Operation<ShardStatistics, CountedTerms>;
  readonly highlight: Operation<ShardHighlight, HighlightedRows>;
  readonly fetch: Operation<ShardFetch, ShardVectors>;
  readonly list: Operation<ShardList, ListedVectors>;
  readonly namespaces: Operation<ShardNamespaces, NamespacePage>;
  readonly count: Operation<ShardCount, Counted>;
  readonly select: Operation<ShardSelect, SelectedIds>;
  readonly sample: Operation<ShardSample, SampledIds>;
  readonly measureRecall: Operation<ShardRecall, RecallSlice>;
  readonly progress: Operation<ShardProgress, Progress>;
  readonly upsert: Operation<UpsertBatch, Written>;
  readonly patch: Operation<ShardPatch, Patched>;
  readonly delete: Operation<ShardDelete, Deleted>;
}

/** Operations that change nothing, and the methods of the object that serve them: RPC keeps some names, such as `fetch`, to itself. */
export const READ_METHODS = {
  query: 'query',
  searchFields: 'searchFields',
  termStatistics: 'termStatistics',
  highlight: 'highlight',
  fetch: 'fetchVectors',
  list: 'listVectors',
  namespaces: 'namespaces',
  count: 'countVectors',
  select: 'selectIds',
  sample: 'sample',
  measureRecall: 'measureRecall',
  progress: 'progress',
} as const satisfies Partial<Record<keyof Operations, string>>;

/** Writes, each in the name of a key: refused with `lease_expired` once its lease has ended. */
export const WRITE_METHODS = {
  upsert: 'upsert',
  patch: 'patchVectors',
  delete: 'deleteVectors',
} as const satisfies Record<Exclude<keyof Operations, ShardRead>, string>;

export type ShardRead = keyof typeof READ_METHODS;
export type ShardWrite = keyof typeof WRITE_METHODS;
export type RequestOf<Name extends keyof Operations> = Operations[Name]['request'];
export type ReplyOf<Name extends keyof Operations> = Operations[Name]['reply'];
/** What a caller gets. */
export type AnswerOf<Name extends keyof Operations> = Promise<Outcome<ReplyOf<Name>>>;

/** Reads that take as long as their callers choose: they begin at once and go on in steps. */
const STEPPED_READS = ['searchFields', 'termStatistics', 'highlight'] as const satisfies readonly ShardRead[];

export type SteppedRead = (typeof STEPPED_READS)[number];

export const isStepped = (name: ShardRead): name is SteppedRead => STEPPED_READS.some((stepped) => stepped === name);

/** What performs the operations on one shard's vectors. */
export type ReadEngine = { readonly [Name in Exclude<ShardRead, SteppedRead>]: (request: RequestOf<Name>) => Outcome<ReplyOf<Name>> };
export type SteppedEngine = { readonly [Name in SteppedRead]: (request: RequestOf<Name>) => Outcome<Steps<Outcome<ReplyOf<Name>>>> };
export type WriteEngine = { readonly [Name in ShardWrite]: (request: RequestOf<Name>, nowMs: number) => Outcome<ReplyOf<Name>> };

/** The methods of a shard's object, as its callers see them. */
export type ShardMethods = {
  readonly [Name in ShardRead as (typeof READ_METHODS)[Name]]: (request: RequestOf<Name>) => AnswerOf<Name>;
} & {
  readonly [Name in ShardWrite as (typeof WRITE_METHODS)[Name]]: (request: RequestOf<Name>, lease?: WriteLease) => AnswerOf<Name>;
};

/** Calls the method of an operation. It is called on the stub itself: any member that is looked up on the way would be a call of its own. */
export const callRead = <Name extends ShardRead>(shard: ShardMethods, name: Name, request: RequestOf<Name>): AnswerOf<Name> =>
  (shard as unknown as Untyped<[RequestOf<Name>], AnswerOf<Name>>)[READ_METHODS[name]]!(request);

export const callWrite = <Name extends ShardWrite>(
  shard: ShardMethods,
  name: Name,
  request: RequestOf<Name>,
  lease: WriteLease | undefined,
): AnswerOf<Name> => (shard as unknown as Untyped<[RequestOf<Name>, WriteLease?], AnswerOf<Name>>)[WRITE_METHODS[name]]!(request, lease);

/** TypeScript cannot follow which renamed method belongs to which operation. */
type Untyped<Args extends readonly unknown[], Answer> = Readonly<Record<string, (...args: Args) => Answer>>;

/** Reads that every shard of an index is asked for: how their replies become that of the index. */
export const MERGES = { namespaces: mergedNamespaces, sample: mergedSample, progress: mergedProgress } satisfies Partial<Merges>;

/** The others take more than one call of each shard; see `ManyShards`. */
export type MergedRead = keyof typeof MERGES;
export type Merges = { readonly [Name in ShardRead]: (replies: readonly ReplyOf<Name>[], request: RequestOf<Name>) => ReplyOf<Name> };

/** Up to the first of the last names of pages that have more, nothing is missing from any of them. */
function mergedNamespaces(pages: readonly NamespacePage[], { limit }: ShardNamespaces): NamespacePage {
  const ends = pages.flatMap(({ names, hasMore }) => (hasMore ? (names.at(-1) ?? []) : [])).sort(compareText);
  const names = [...new Set(pages.flatMap((page) => page.names))]
    .filter((name) => ends[0] === undefined || compareText(name, ends[0]) <= 0)
    .sort(compareText);
  return { names: names.slice(0, limit), hasMore: names.length > limit || ends.length > 0, lsn: highestLsn(pages) };
}

/** Each shard contributes as many as its share of the vectors. An id with a spilled copy is equally likely from either shard, and comes once. */
function mergedSample(drawn: readonly SampledIds[], { count }: ShardSample): SampledIds {
  const total = drawn.reduce((sum, { of = 0 }) => sum + of, 0);
  const shares = drawn.map(({ ids, of = 0 }) => ids.slice(0, Math.ceil((count * of) / Math.max(1, total))));
  const longest = Math.max(0, ...shares.map((ids) => ids.length));
  // In turns, so that the last shard does not lose its share.
  const inTurns = Array.from({ length: longest }, (_, turn) => shares.flatMap((ids) => ids[turn] ?? [])).flat();
  return { ids: [...new Set(inTurns)].slice(0, count), lsn: highestLsn(drawn) };
}

function mergedProgress(parts: readonly Progress[]): Progress {
  const sum = (of: (part: Progress) => number) => parts.reduce((total, part) => total + of(part), 0);
  return { vectors: sum(({ vectors }) => vectors), waiting: sum(({ waiting }) => waiting) };
}

const highestLsn = (replies: readonly { readonly lsn: number }[]): number => replies.reduce((most, { lsn }) => Math.max(most, lsn), 0);
