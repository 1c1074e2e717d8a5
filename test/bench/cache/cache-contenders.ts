import { LruCache } from '../../../src/cache/lru-cache.ts';
import { SharedVectors } from '../../../src/cache/shared/shared-vectors.ts';
import { VectorCache } from '../../../src/cache/vector-cache.ts';
import { requirePeer } from '../ann/peer.ts';

/** A cache in the form that the bench uses; every entry has a TTL. */
export interface CacheContender {
  set(key: string, value: Float32Array): void;
  get(key: string): Float32Array | undefined;
  /** Bytes of memory shared by threads, which heap statistics do not include. */
  readonly sharedBytes?: number;
}

interface PeerModule {
  readonly LRUCache: new (options: { max: number; ttl: number }) => CacheContender;
  readonly TTLCache: new (options: { max: number; ttl: number }) => CacheContender;
}

const TTL_MS = 600_000;

/** Read once a chunk, as `lru-cache` does by itself; ttlcache reads no clock on a get. */
export const clock = { nowMs: Date.now() };

/** By name. `dimensions` is the size of the vectors; caches that keep references ignore it. */
export const CACHE_CONTENDERS: Record<string, (entriesMax: number, dimensions: number) => CacheContender> = {
  LruCache: (entriesMax) => {
    const cache = new LruCache<Float32Array>({ entriesMax, bytesMax: Infinity });
    return {
      set: (key, value) => cache.set(key, value, value.byteLength, clock.nowMs + TTL_MS),
      get: (key) => cache.get(key, clock.nowMs),
    };
  },
  'lru-cache': (entriesMax) => {
    const cache = new (requirePeer('lru-cache') as PeerModule).LRUCache({ max: entriesMax, ttl: TTL_MS });
    return { set: (key, value) => cache.set(key, value), get: (key) => cache.get(key) };
  },
  '@isaacs/ttlcache': (entriesMax) => {
    const cache = new (requirePeer('@isaacs/ttlcache') as PeerModule).TTLCache({ max: entriesMax, ttl: TTL_MS });
    return { set: (key, value) => cache.set(key, value), get: (key) => cache.get(key) };
  },
  'VectorCache (copies)': (entriesMax) => {
    const cache = new VectorCache<null>({ entriesMax, bytesMax: Infinity });
    return {
      set: (key, value) => cache.set(key, value, null, clock.nowMs + TTL_MS),
      get: (key) => cache.get(key, clock.nowMs)?.vector,
    };
  },
  'SharedVectors (copies)': (entriesMax, dimensions) => {
    const cache = SharedVectors.create({ entriesMax: entriesMax * 1.1, dimensionsMax: dimensions, keyCharsMax: 64, stripes: 64 });
    return {
      set: (key, value) => cache.set(key, value, clock.nowMs + TTL_MS),
      get: (key) => cache.get(key, clock.nowMs).vector,
      sharedBytes: cache.invite().buffer.byteLength,
    };
  },
};
