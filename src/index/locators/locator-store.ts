import type { KeyedReceipt, Receipt, ReceiptPage } from '../../ann/receipts.ts';
import type { Billing, Repetition } from '../../ann/shard-protocol.ts';
import type { LocatedRemoval, LocatedWrite, RowKeys, Rows } from '../../ann/rows.ts';

/** Where an id lives. */
export interface Place {
  /** The version of the last write. */
  readonly version: number;
  /** Every shard that may have a row of the id, its own first. */
  readonly shards: readonly number[];
  /** Whether that write is still under way. */
  readonly isPending: boolean;
}

/** A write that was begun: stays until every shard has done its part. */
export type Operation = PendingWrite | PendingRemoval | PendingClearing;

export interface PendingWrite extends Rows {
  readonly kind: 'write';
  readonly version: number;
  readonly routeVersion: number;
  readonly places: readonly (readonly number[])[];
  readonly idempotency: Repetition | null;
}

export interface PendingRemoval extends RowKeys {
  readonly kind: 'removal';
  readonly version: number;
}

export interface PendingClearing {
  readonly kind: 'clearing';
  readonly version: number;
}

/** What a locator remembers. Each call is one transaction. */
export interface LocatorStore {
  /** Issues the next version; under it, the location of each id covers its old shards and its new ones. */
  beginWrite(write: LocatedWrite): PendingWrite;
  /** The same for those of the ids that are there, and have the expected version; undefined when none is. */
  beginRemoval(removal: LocatedRemoval): PendingRemoval | undefined;
  /** Forgets all ids and every write under way: a repetition of one of these comes after them, and changes nothing. */
  beginClearing(lsnSeen: number, nowMs: number): PendingClearing;
  /** Sends what is still of the write's version elsewhere, as a newer version: rows of the old one may lie where they no longer should. */
  replace(write: PendingWrite, routeVersion: number, places: readonly (readonly number[])[]): PendingWrite;
  /** From now on, ids that still have the write's version are only in their new shards. */
  finishWrite(write: PendingWrite, lsn: number, nowMs: number): void;
  /** Ids that are still of its version are gone. */
  finishRemoval(removal: PendingRemoval, lsn: number): void;
  finishClearing(clearing: PendingClearing, lsn: number): void;
  /** The highest LSN that writers and shards have reported, 0 at first: later writes get a higher one. */
  lsn(): number;
  see(lsn: number): void;
  /** What is under way, the oldest first. */
  pending(): Operation[];
  isPending(operation: Operation): boolean;
  isIdle(): boolean;

  /** In the order asked for; undefined where there is none. */
  find(keys: RowKeys): (Place | undefined)[];
  setShards(namespace: string, id: string, shards: readonly number[]): void;
  /** Takes over ids of a shard that answered for itself until now, none once any other write was begun, and its receipts. */
  adopt(keys: RowKeys, removed: RowKeys, shard: number, receipts: readonly KeyedReceipt[]): void;

  /** The drain with which a shard last received rows; 0 if never. */
  arrivedAt(ordinal: number): number;
  recordArrival(ordinal: number, since: number): void;

  receipt(repetition: Repetition): Receipt | undefined;
  /** Notes a request that this locator is asked about first; answers what is known of its key, perhaps of another request. */
  claim(repetition: Repetition, billing: Billing, nowMs: number): Receipt;
  /** The write under way of a request. */
  pendingOf(repetition: Repetition): PendingWrite | undefined;
  /** The first receipts that changed after a position. */
  receiptsBehind(after: number, countMax: number): ReceiptPage;
  /** Takes over receipts of another object. Repeating it changes nothing. */
  adoptReceipts(receipts: readonly KeyedReceipt[]): void;
  /** Forgets receipts that have run out; answers when the next one does. */
  sweep(nowMs: number): number | undefined;

  /** Distinct ids with a location, writes that were finished, and the namespaces, at most this many. */
  counts(namespacesMax: number): { readonly ids: number; readonly writes: number; readonly namespaces: readonly string[] };
}
