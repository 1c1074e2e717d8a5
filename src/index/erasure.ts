import type { IndexId, TenantId } from '../kernel/ids.ts';

/** What the deletion of an index erased, counted before its first step; kept when the index itself is forgotten. */
export interface Erasure {
  /** The id of the generation that served last: names the erasure. */
  readonly id: IndexId;
  readonly tenantId: TenantId;
  readonly name: string;
  /** The ids of all its generations. */
  readonly indexIds: readonly IndexId[];
  /** The names of the objects that held its vectors. */
  readonly shards: readonly string[];
  /** The names of its locators, if there were any. */
  readonly locators?: readonly string[];
  /** The names of the copies of shards that answered reads, if there were any. */
  readonly replicas?: readonly string[];
  /** The objects among all these that had lost their storage, if there were any. */
  readonly lost?: readonly string[];
  /** How many vectors the serving generation had. */
  readonly vectors: number;
  /** The bytes of storage that all objects had. */
  readonly bytes: number;
  readonly erasedAtMs: number;
}

/** What the storage of an object still holds, whatever its code makes of it. */
export interface Residue {
  readonly tables: number;
  readonly keys: number;
  readonly hasAlarm: boolean;
}

export const isEmpty = ({ tables, keys, hasAlarm }: Residue): boolean => tables === 0 && keys === 0 && !hasAlarm;
