import { API_LIMITS } from '../../contract/api/api-limits.ts';
import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { keySpent } from '../../contract/api/spent-key.ts';
import type { IndexId } from '../../kernel/ids.ts';
import { ok } from '../../kernel/result.ts';
import type { Creation } from '../index-lifecycle.ts';
import { generationKeyUsedOtherwise } from '../index-lifecycle.ts';

/** A generation that a request under an idempotency key made. */
export interface MadeGeneration extends Creation {
  /** Null: made before this was kept. */
  readonly id: IndexId | null;
  /** Null: it is there. */
  readonly endedAtMs: number | null;
}

/** What an index remembers of the requests that made its generations, oldest first. */
export type MadeGenerations = readonly MadeGeneration[];

/** Whether a request was done before. Refuses another one under its key, and its repetition once the generation is gone (T78). */
export function isRepeated(made: MadeGenerations, { idempotencyKey, bodyDigest }: Creation, nowMs: number): Outcome<boolean> {
  const known = made.find((earlier) => idempotencyKey !== null && earlier.idempotencyKey === idempotencyKey);
  if (known === undefined || isForgotten(known, nowMs)) return ok(false);
  if (known.bodyDigest !== bodyDigest) return generationKeyUsedOtherwise();
  const { id, endedAtMs } = known;
  return id === null || endedAtMs === null ? ok(true) : keySpent({ id, endedAtMs }, 'was deleted');
}

/** Adds another one, if it came under a key; drops those that ended long ago, and keeps at most `generationKeysMaxCount`. */
export function withMade(made: MadeGenerations, creation: Creation, id: IndexId, nowMs: number): MadeGenerations {
  const { idempotencyKey } = creation;
  const kept = made.filter((known) => !isForgotten(known, nowMs) && known.idempotencyKey !== idempotencyKey);
  if (idempotencyKey === null) return kept;
  // The oldest are those of generations that are gone: an index has two at a time.
  return [...kept, { ...creation, id, endedAtMs: null }].slice(-INDEX_LIMITS.generationKeysMaxCount);
}

/** Once nothing of the generation is left. */
export const withEnded = (made: MadeGenerations, id: IndexId, nowMs: number): MadeGenerations =>
  made.map((known) => (known.id === id && known.endedAtMs === null ? { ...known, endedAtMs: nowMs } : known));

const isForgotten = ({ endedAtMs }: MadeGeneration, nowMs: number): boolean =>
  endedAtMs !== null && endedAtMs <= nowMs - API_LIMITS.spentKeyTtlMs;
