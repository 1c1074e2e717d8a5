import type { TenantId } from '../../kernel/ids.ts';
import type { Row } from '../../ann/stored-vector.ts';
import type { RoutedShard } from './route-table.ts';

/** What a shard has stored about the index it belongs to. */
export interface ShardRoute {
  readonly tenantId: TenantId;
  readonly name: string;
  readonly ordinal: number;
  /** Calls that were routed by an earlier version are refused. */
  readonly since: number;
  /** See `shardBudget`. */
  readonly budget: number;
  /** 0 as long as it answers for itself. */
  readonly locators: number;
  /** Writes are refused: the ids are about to be handed over to locators. */
  readonly isFenced: boolean;
  readonly task: ShardTask | null;
}

export type ShardTask =
  /** Sends the locators the ids of the rows after row `after`, the removals after `removedAfter`, and receipts; absent: from the first. */
  | { readonly kind: 'export'; readonly after: Row; readonly removedAfter: number; readonly receiptsAfter?: number }
  /** Moves rows between `after` and `end` to whichever of the shards they belong, by the order of version `since`. */
  | { readonly kind: 'drain'; readonly since: number; readonly after: Row; readonly end: Row };

/** The version `since` which the shard has its state. */
export interface DrainOrder {
  readonly since: number;
  /** The shard itself and those that its rows may go to; when it is being rebalanced, all its neighbours. */
  readonly shards: readonly RoutedShard[];
  readonly margin: number;
}

/** Keeps one value, in one transaction with everything else. */
export interface Cell<T> {
  get(): T | undefined;
  put(value: T): void;
}
