/** What decides whether an entry may answer. */
export interface JudgedEntry {
  /** The generation in which its fill began. */
  readonly generation: number;
  readonly expiresAtMs: number;
}

/** `stale`: it may answer while a new one is computed. */
export type Verdict = 'fresh' | 'stale' | 'miss';

/** An entry is never served at or after `staleMs` past its end, nor once a newer generation has begun. */
export function judgeEntry(entry: JudgedEntry | undefined, generation: number, staleMs: number, nowMs: number): Verdict {
  if (entry === undefined || entry.generation < generation) return 'miss';
  if (nowMs < entry.expiresAtMs) return 'fresh';
  return nowMs < entry.expiresAtMs + staleMs ? 'stale' : 'miss';
}
