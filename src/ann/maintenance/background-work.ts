import { INDEX_LIMITS } from '../../contract/indexes/index-limits.ts';
import type { Clock } from '../../kernel/clock.ts';

// A slice reads, assigns and encodes this many components: about 8 ms.
const SLICE_COMPONENTS = 24_000;
const SLICE_VECTORS_MAX = 256;
const SLICE_VECTORS_MIN = 4;
/** The part of such a slice that work is cut into while there are searches, each of which takes less than a millisecond itself. */
const SEARCHED_SHARE = 1 / 16;

/** Items slice by slice, each as large as slices are when it begins. */
export function* inSlices<T>(items: readonly T[], dimensions: number, pace: Pick<Pace, 'sliceVectors'>): Generator<readonly T[]> {
  for (let start = 0; start < items.length;) {
    const end = start + pace.sliceVectors(dimensions);
    yield items.slice(start, end);
    start = end;
  }
}

/**
 * A piece of a shard's background work. Between two `yield`s lies a slice: bounded work, at most one transaction. Writes and searches
 * happen in between, so what a task has read may be outdated when it continues. One that is given up leaves nothing half done.
 */
export type Task = Generator<undefined, void>;

/**
 * How background work of an isolate yields to searches: while there are any, slices are short, and each is followed by a pause of at least
 * twice its length. So a search usually finds no work before it, and seldom more than a slice or two. [V197]
 */
export class Pace {
  #searchedMs = -Infinity;
  #nowMs = 0;

  /** Follows a search of any shard. */
  searched(nowMs: number): void {
    this.#searchedMs = nowMs;
  }

  /** Follows the clock, before a slice. */
  begins(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** The part of its usual work that a slice does now. */
  get sliceShare(): number {
    return this.#isSearched(this.#nowMs) ? SEARCHED_SHARE : 1;
  }

  /** How many vectors a slice takes now. */
  sliceVectors(dimensions: number): number {
    const count = Math.floor((this.sliceShare * SLICE_COMPONENTS) / dimensions);
    return Math.max(SLICE_VECTORS_MIN, Math.min(SLICE_VECTORS_MAX, count));
  }

  /** How long to pause after a slice that took `tookMs`, with what others did meanwhile. */
  pauseMs(tookMs: number, nowMs: number): number {
    if (!this.#isSearched(nowMs)) return 0;
    return Math.min(INDEX_LIMITS.pauseMaxMs, Math.max(INDEX_LIMITS.pauseMinMs, 2 * tookMs));
  }

  #isSearched(nowMs: number): boolean {
    return nowMs - this.#searchedMs <= INDEX_LIMITS.paceQuietMs;
  }
}

interface PacedWork {
  /** Does a slice; returns when to continue: now, later, or not at all. */
  readonly step: (nowMs: number) => Promise<number | undefined>;
  readonly slicesMax: number;
  readonly pace: Pace;
  readonly clock: Clock;
  readonly wait: (delayMs: number) => Promise<void>;
}

/** Does slices one after the other while any is due, with pauses; returns when to continue, or undefined when nothing is left. */
export async function workPaced({ step, slicesMax, pace, clock, wait }: PacedWork): Promise<number | undefined> {
  for (let slice = 0; slice < slicesMax; slice += 1) {
    const startedMs = clock.nowMs();
    const nextMs = await step(startedMs);
    if (nextMs === undefined || nextMs > startedMs) return nextMs;
    // Only now are other calls served, and only by now has the platform's clock advanced.
    await wait(0);
    const nowMs = clock.nowMs();
    const pauseMs = pace.pauseMs(nowMs - startedMs, nowMs);
    if (pauseMs > 0) await wait(pauseMs);
  }
  return clock.nowMs();
}

// A shard that does not continue for this long has lost its turn, with its memory.
const TURN_TTL_MS = 5_000;

/** Lets one shard of an isolate train at a time: a training holds a sample that the memory registry does not govern. */
export class TrainingTurn {
  #name: string | undefined;
  #untilMs = 0;

  /** Whether it is this shard's turn, which it keeps by asking again. */
  take(name: string, nowMs: number): boolean {
    if (this.#name !== undefined && this.#name !== name && nowMs < this.#untilMs) return false;
    this.#name = name;
    this.#untilMs = nowMs + TURN_TTL_MS;
    return true;
  }

  release(name: string): void {
    if (this.#name === name) this.#name = undefined;
  }
}
