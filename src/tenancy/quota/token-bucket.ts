import { assert } from '../../kernel/assert.ts';

/** A bucket that refills continuously. Levels are units times the milliseconds of the rate's window, so that they stay integers. */
export interface TokenBucket {
  readonly level: number;
  readonly atMs: number;
  /** Units granted before are not in here, and are not returned here. */
  readonly bornMs: number;
}

/** `perWindow` units are added in every `windowMs`, up to `burst`. */
export interface BucketRate {
  readonly perWindow: number;
  readonly windowMs: number;
  readonly burst: number;
}

/** The bucket as it is now; a full one if there was none. Time that was counted once is not counted again when the clock steps back. */
export function refilled(bucket: TokenBucket | undefined, { perWindow, windowMs, burst }: BucketRate, nowMs: number): TokenBucket {
  const full = burst * windowMs;
  assert(Number.isSafeInteger(full), 'a burst times its window is counted exactly');
  if (bucket === undefined) return { level: full, atMs: nowMs, bornMs: nowMs };
  const elapsedMs = Math.max(0, nowMs - bucket.atMs);
  const missing = full - bucket.level;
  const level = missing <= 0 || elapsedMs * perWindow >= missing ? full : bucket.level + elapsedMs * perWindow;
  return { ...bucket, level, atMs: bucket.atMs + elapsedMs };
}

/** Whole units in the bucket. */
export const unitsIn = ({ level }: TokenBucket, { windowMs }: BucketRate): number => Math.max(0, Math.floor(level / windowMs));

/** Takes `units` out, or puts them back when negative: never above the brim. */
export const drained = (bucket: TokenBucket, { windowMs, burst }: BucketRate, units: number): TokenBucket => ({
  ...bucket,
  level: Math.min(burst * windowMs, bucket.level - units * windowMs),
});

/** Until `units` are in the bucket; null if they never will be. */
export function fillsInMs({ level }: TokenBucket, { perWindow, windowMs, burst }: BucketRate, units: number): number | null {
  if (units > burst || perWindow === 0) return null;
  return Math.max(0, Math.ceil((units * windowMs - level) / perWindow));
}
