import { utf8 } from '../kernel/bytes.ts';
import type { IndexId } from '../kernel/ids.ts';
import { mix } from '../kernel/seeded.ts';
import type { Repetition, Routed, Written } from './shard-protocol.ts';
import type { Vectors } from './stored-vector.ts';
import { vectorsAt } from './stored-vector.ts';

/**
 * What crosses between locators and shards. All writes of an id carry a version that its locator gave out, higher than any before;
 * a shard ignores what is older than what it has.
 */
export interface RowKeys {
  readonly ids: readonly string[];
  readonly namespaces: readonly string[];
}

/** Rows with everything that belongs to them: columns of one item a row. */
export interface Rows extends RowKeys, Vectors {
  readonly metadata: readonly (string | null)[];
  readonly texts: readonly (string | null)[];
  /** See `RowContents`. Absent: none has any. */
  readonly contents?: readonly (string | null)[];
  /** Which are spilled copies, whose ids count at another shard. Absent: none. */
  readonly copies?: readonly boolean[];
}

/** Rows for a shard; refused as a whole with `stale_route` or `index_growing`. */
export interface RowPut extends Rows, Routed {
  readonly indexId: IndexId;
  readonly versions: readonly number[];
  /** An LSN that the sender has seen: the write gets a higher one. */
  readonly lsnSeen: number;
}

/** Versions of rows. */
export interface RowsAsOf extends RowKeys {
  readonly indexId: IndexId;
  readonly versions: readonly number[];
  /** Which are spilled copies. Absent: none. */
  readonly copies?: readonly boolean[];
}

/** Removes rows older than `version`, and makes that such rows are ignored from now on. */
export interface RowRemoval extends RowKeys {
  readonly indexId: IndexId;
  readonly version: number;
  readonly lsnSeen: number;
}

/** The same for all ids of a locator, slice by slice: in rows behind `after`. */
export interface RowClearing {
  readonly indexId: IndexId;
  readonly locator: number;
  readonly version: number;
  readonly after: number;
  readonly lsnSeen: number;
}

/** `next` is where the next slice continues; null at the end. */
export interface RowsCleared {
  readonly lsn: number;
  readonly next: number | null;
}

/** Asks whether rows of `from` may be copied or moved to others. */
export interface RowMoves extends RowKeys {
  readonly versions: readonly number[];
  /** Of each, one shard at least. */
  readonly to: readonly (readonly number[])[];
  /** Whether they belong there rather than to `from`. */
  readonly isNearer: readonly boolean[];
  /** Whether a copy at both is worth it. */
  readonly isShared: readonly boolean[];
  /** Whether those are all shards that they are assigned to: copies in other shards will be removed. */
  readonly isWhole: boolean;
  readonly from: number;
  /** With which `from` began to drain. */
  readonly since: number;
}

/** `busy`: a write of the id is under way, ask again later. `stays`: there is a newer row, or there are copies enough. */
export type MoveAnswer = 'copy' | 'move' | 'busy' | 'stays';

/** Reports that rows are no longer at `from`, from its LSN `lsn` on. */
export interface RowDepartures extends RowKeys {
  readonly versions: readonly number[];
  readonly from: number;
  readonly since: number;
  readonly lsn: number;
}

/** The part of a write that one locator is asked for: no id is there twice. */
export interface LocatedWrite extends Rows, Routed {
  /** The shard whose routing table assigns them, and the shards of each. */
  readonly places: readonly (readonly number[])[];
  /** Writes only those whose version is still this; absent: all. */
  readonly expected?: readonly number[];
  /** Of the whole write. */
  readonly idempotency: Repetition | null;
  readonly lsnSeen: number;
}

/** `skipped`: which of the rows were not of the expected version any more. */
export interface LocatedWritten extends Written {
  readonly skipped?: readonly number[];
}

/** Ids to delete; those with an expected version only if it is still theirs. */
export interface LocatedRemoval extends RowKeys {
  readonly expected: readonly number[] | null;
  readonly lsnSeen: number;
}

/** The rows at the positions, in their order. */
export function rowsAt(rows: Rows, positions: readonly number[]): Rows {
  const { ids, namespaces, metadata, texts, contents, copies } = rows;
  return {
    ids: positions.map((at) => ids[at]!),
    namespaces: positions.map((at) => namespaces[at]!),
    ...vectorsAt(rows, positions, ids.length === 0 ? 0 : rows.values.length / ids.length),
    metadata: positions.map((at) => metadata[at]!),
    texts: positions.map((at) => texts[at]!),
    ...(contents === undefined ? {} : { contents: positions.map((at) => contents[at]!) }),
    ...(copies === undefined ? {} : { copies: positions.map((at) => copies[at]!) }),
  };
}

/** Columns of stored rows, as far as any row has something in them. */
export const optionalColumns = (
  rows: readonly { readonly contents: string | null; readonly copy: number }[],
): Pick<Rows, 'contents' | 'copies'> => ({
  ...(rows.some(({ contents }) => contents !== null) ? { contents: rows.map(({ contents }) => contents) } : {}),
  ...(rows.some(({ copy }) => copy === 1) ? { copies: rows.map(({ copy }) => copy === 1) } : {}),
});

/** 32 bits that spread ids of all namespaces evenly, each of the bits by itself. */
export function idHash(namespace: string, id: string): number {
  // Neither part contains NUL. FNV-1a, and a last mixing as its low bits alone are poor.
  let hash = 0x811c9dc5;
  for (const byte of utf8(`${namespace}\0${id}`)) hash = Math.imul(hash ^ byte, 0x01000193);
  return mix(hash);
}
