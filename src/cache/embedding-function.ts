import type { Clock } from '../kernel/clock.ts';
import type { Err } from '../kernel/result.ts';
import type { WakeUps } from '../kernel/wake-ups.ts';
import type { VectorTier } from './vector-tier.ts';

/** Embeds a batch: one answer for each input, in order. An `Err` refuses its input alone; whatever is thrown fails the batch. */
export type GetEmbedding<E> = (inputs: readonly string[]) => Promise<readonly (ArrayLike<number> | Err<E>)[]>;

/** A vector, or the failure of that input. */
export type Embedded<E> = [E] extends [never] ? Float32Array<ArrayBuffer> : Float32Array<ArrayBuffer> | Err<E>;

export interface WrapOptions<E> {
  readonly clock: Clock;
  /** Default 100,000. */
  readonly entriesMax?: number;
  /** The bytes of vectors, keys and the structures that hold them. Default 256 MiB. */
  readonly bytesMax?: number;
  /** How long a vector answers, for each input or for all. Default: until it is evicted. */
  readonly ttlMs?: number | ((input: string) => number | undefined);
  /** For how long after its TTL a vector still answers while a new one is computed. Default 0. Not with a tier. */
  readonly staleMs?: number;
  /** How long a failure answers. Default 0: each input is tried again. */
  readonly failureTtlMs?: (failure: E) => number;
  /** Names an input. Inputs of one name share a vector. Default: the input itself. */
  readonly keyOf?: (input: string) => string;
  /** `frequent`: inputs seen once do not evict those seen often. */
  readonly admission?: 'all' | 'frequent';
  /** Holds the vectors instead of this function's own memory, for several threads or processes. */
  readonly tier?: VectorTier;
  /** How concurrent batches wait for each other. Default: directly, which requests of a Worker must not: there, `TimedWakeUps`. */
  readonly wakeUps?: WakeUps;
  /** Receives the reason why a stale vector could not be renewed. The stale one stays until its end. */
  readonly onRenewalFailed?: (reason: unknown) => void;
}

export interface CacheStats {
  readonly entries: number;
  readonly bytes: number;
  readonly evicted: number;
  /** Distinct inputs of batches, by what answered them; `joined` another batch's computation. */
  readonly fresh: number;
  readonly stale: number;
  readonly tier: number;
  readonly joined: number;
  /** Inputs that were computed, those behind stale answers included. */
  readonly computed: number;
}

/** `getEmbedding` behind a cache. Its answers are the caller's own copies. */
export interface CachedGetEmbedding<E> {
  (inputs: readonly string[]): Promise<Embedded<E>[]>;
  /** No call made once this has resolved with true gets what was stored, or was being computed, before. Only a tier can make it false. */
  forget(inputs: readonly string[]): Promise<boolean>;
  /** The same for everything: a new generation, in constant time. */
  forgetAll(): Promise<boolean>;
  stats(): CacheStats;
}
