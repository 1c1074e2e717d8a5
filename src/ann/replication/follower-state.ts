import type { ChangeCursor, Standing } from './change-page.ts';

/** The stored state of a replica. */
export interface FollowerState extends Standing {
  /** The object name of the shard that it follows. */
  readonly primary: string;
  /** Null at first, and whenever everything has to be copied again. */
  readonly cursor: ChangeCursor | null;
  /** It has every write up to this LSN; null while it copies, when it answers nothing. */
  readonly completeLsn: number | null;
}

/** Keeps the state, in one transaction with what it is about. */
export interface FollowerStore {
  get(): FollowerState | undefined;
  put(state: FollowerState): void;
}
