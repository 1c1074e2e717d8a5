import type { ModelReply } from '../../contract/models.ts';
import type { Outcome } from '../../contract/outcome.ts';
import type { WriteLease } from '../../contract/write-lease.ts';
import type { KeyedRequest } from '../../kernel/sql/spent-keys.ts';
import type { UpstreamOwner, UpstreamRecord } from '../../upstreams/upstream-record.ts';
import type { NewUpstream, UpstreamChange, UpstreamSnapshot } from '../../upstreams/upstream-registry.ts';

/** The upstreams of one owner, wherever they are stored: see `UpstreamRegistry`. */
export interface UpstreamCalls {
  create(next: NewUpstream, request: KeyedRequest | null, lease: WriteLease | undefined): Promise<Outcome<UpstreamRecord>>;
  change(change: UpstreamChange, lease: WriteLease | undefined): Promise<Outcome<UpstreamRecord>>;
  remove(name: string, lease: WriteLease | undefined): Promise<Outcome<null>>;
  find(name: string): Promise<UpstreamRecord | null>;
  page(after: string, count: number): Promise<readonly UpstreamRecord[]>;
  /** Its models and routes, by the names that calls say. */
  models(after: string, count: number): Promise<readonly ModelReply[]>;
  model(name: string): Promise<ModelReply | null>;
  count(): Promise<number>;
  snapshot(known: number | null): Promise<UpstreamSnapshot | null>;
  erase(): Promise<void>;
}

export type UpstreamsOf = (owner: UpstreamOwner) => UpstreamCalls;
