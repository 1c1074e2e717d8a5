import type { Outcome } from '../contract/outcome.ts';
import type { WriteLease } from '../contract/write-lease.ts';
import type {
  Counted,
  Deleted,
  ListedVectors,
  NamespacePage,
  Patched,
  RecallSlice,
  SampledIds,
  SelectedIds,
  ShardCount,
  ShardDelete,
  ShardFetch,
  ShardList,
  ShardMatches,
  ShardNamespaces,
  ShardPatch,
  ShardQuery,
  ShardRecall,
  ShardSample,
  ShardSelect,
  ShardVectors,
  UpsertBatch,
  Written,
} from './shard-protocol.ts';

/** What an operation takes and answers, and the method of the shard's object: RPC keeps some names, such as `fetch`, to itself. */
interface Operation<Method extends string, Request, Reply> {
  readonly method: Method;
  readonly request: Request;
  readonly reply: Reply;
}

/** What a shard is asked without changing it. The ports of gateways and the stubs of the objects derive their methods from these maps. */
export interface ShardReadOperations {
  readonly query: Operation<'query', ShardQuery, ShardMatches>;
  readonly fetch: Operation<'fetchVectors', ShardFetch, ShardVectors>;
  readonly list: Operation<'listVectors', ShardList, ListedVectors>;
  readonly namespaces: Operation<'namespaces', ShardNamespaces, NamespacePage>;
  readonly count: Operation<'countVectors', ShardCount, Counted>;
  readonly select: Operation<'selectIds', ShardSelect, SelectedIds>;
  readonly sample: Operation<'sample', ShardSample, SampledIds>;
  readonly measureRecall: Operation<'measureRecall', ShardRecall, RecallSlice>;
}

/** Writes, each in the name of a key: refused with `lease_expired` once its lease has ended. */
export interface ShardWriteOperations {
  readonly upsert: Operation<'upsert', UpsertBatch, Written>;
  readonly patch: Operation<'patchVectors', ShardPatch, Patched>;
  readonly delete: Operation<'deleteVectors', ShardDelete, Deleted>;
}

export type ReplyOf<T extends Operation<string, unknown, unknown>> = Promise<Outcome<T['reply']>>;

/** The methods of a shard's object, as its callers see them. */
export type ShardReadMethods = {
  readonly [Name in keyof ShardReadOperations as ShardReadOperations[Name]['method']]: (
    request: ShardReadOperations[Name]['request'],
  ) => ReplyOf<ShardReadOperations[Name]>;
};
export type ShardWriteMethods = {
  readonly [Name in keyof ShardWriteOperations as ShardWriteOperations[Name]['method']]: (
    request: ShardWriteOperations[Name]['request'],
    lease?: WriteLease,
  ) => ReplyOf<ShardWriteOperations[Name]>;
};
