import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { LruCache } from '../../../src/cache/lru-cache.ts';
import { assert } from '../../../src/kernel/assert.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { requirePeer } from '../ann/peer.ts';

export interface Trace {
  readonly name: string;
  readonly keys: readonly string[];
}

type LruConstructor = new (options: { max: number }) => { get(key: string): unknown; set(key: string, value: unknown): void };

/** Requests for keys by Zipf's law: the i-th most popular has a share in proportion to 1 / i^exponent. */
export function zipfTrace(exponent: number, keyCount: number, requests: number, seed: number): Trace {
  const random = new Seeded(seed);
  const sums = new Float64Array(keyCount);
  for (let i = 0; i < keyCount; i++) sums[i] = (sums[i - 1] ?? 0) + 1 / (i + 1) ** exponent;
  const total = sums.at(-1) ?? 0;
  const keys = Array.from({ length: requests }, () => {
    const at = random.next() * total;
    let [low, high] = [0, keyCount - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return `key ${low}`;
  });
  return { name: `Zipf ${exponent}, ${keyCount} keys, seed ${seed}`, keys };
}

/** The same requests with scans: every fifth request is for a key that never comes again. */
export function withScans(trace: Trace): Trace {
  return { name: `${trace.name}, 1 in 5 never again`, keys: trace.keys.flatMap((key, i) => (i % 4 === 3 ? [key, `scan ${i}`] : [key])) };
}

/** Reads a file of requests: a key on each line, or a CSV of which `columns` together form the key. */
export async function readTrace(path: string, columns: string | undefined): Promise<Trace> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  if (columns === undefined) return { name: basename(path), keys: lines };
  const header = (lines[0] ?? '').split(',');
  const wanted = columns.split(',').map((column) => header.indexOf(column));
  assert(!wanted.includes(-1), `the columns are among ${header.join(', ')}`);
  const keys = lines.slice(1).map((line) => {
    const cells = line.split(',');
    return wanted.map((at) => cells[at]).join('|');
  });
  return { name: `${basename(path)} by ${columns}`, keys };
}

/** The hit ratio, by the share of the distinct keys that fits into the cache. */
export function hitRatios({ name, keys }: Trace): object[] {
  const distinct = new Set(keys).size;
  return [0.01, 0.05, 0.2].map((share) => {
    const entriesMax = Math.max(1, Math.round(distinct * share));
    const plain = ratioOf(keys, ownCache(entriesMax, 'all'));
    const frequent = ratioOf(keys, ownCache(entriesMax, 'frequent'));
    const peer = new (requirePeer('lru-cache') as { LRUCache: LruConstructor }).LRUCache({ max: entriesMax });
    return {
      trace: name,
      requests: keys.length,
      entriesMax,
      'lru-cache': percent(ratioOf(keys, peer)),
      'LruCache, all': percent(plain),
      'LruCache, frequent': percent(frequent),
      'best possible': percent(optimal(keys, entriesMax)),
      gain: `${frequent >= plain ? '+' : ''}${((frequent - plain) * 100).toFixed(1)} points`,
    };
  });
}

const percent = (ratio: number): string => `${(ratio * 100).toFixed(1)} %`;

function ownCache(entriesMax: number, admission: 'all' | 'frequent') {
  const cache = new LruCache<true>({ entriesMax, bytesMax: Infinity }, { admission });
  return { get: (key: string) => cache.get(key, 0), set: (key: string) => cache.set(key, true, 1, undefined) };
}

function ratioOf(keys: readonly string[], cache: { get(key: string): unknown; set(key: string, value: unknown): unknown }): number {
  let hits = 0;
  for (const key of keys) {
    if (cache.get(key) === undefined) cache.set(key, true);
    else hits += 1;
  }
  return hits / keys.length;
}

/** Belady's algorithm: evicts the key whose next use is the latest. No cache without knowledge of the future does better. */
function optimal(keys: readonly string[], entriesMax: number): number {
  const next = new Float64Array(keys.length).fill(Infinity);
  const seen = new Map<string, number>();
  for (let i = keys.length - 1; i >= 0; i--) {
    next[i] = seen.get(keys[i] as string) ?? Infinity;
    seen.set(keys[i] as string, i);
  }
  const held = new Map<string, number>();
  // A heap of [next use, key], the latest first; entries of keys that have been used since are skipped.
  const heap: { at: number; key: string }[] = [];
  let hits = 0;
  keys.forEach((key, i) => {
    if (held.has(key)) hits += 1;
    const at = next[i] ?? Infinity;
    held.set(key, at);
    push(heap, { at, key });
    while (held.size > entriesMax) {
      const latest = pop(heap);
      if (held.get(latest.key) === latest.at) held.delete(latest.key);
    }
  });
  return hits / keys.length;
}

function push(heap: { at: number; key: string }[], item: { at: number; key: string }): void {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if ((heap[parent]?.at ?? 0) >= item.at) break;
    heap[at] = heap[parent] as typeof item;
    at = parent;
  }
  heap[at] = item;
}

function pop(heap: { at: number; key: string }[]): { at: number; key: string } {
  const [top, last] = [heap[0], heap.pop()] as [{ at: number; key: string }, { at: number; key: string }];
  if (heap.length === 0) return top;
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= heap.length) break;
    if ((heap[child + 1]?.at ?? -1) > (heap[child]?.at ?? -1)) child += 1;
    if ((heap[child]?.at ?? -1) <= last.at) break;
    heap[at] = heap[child] as typeof last;
    at = child;
  }
  heap[at] = last;
  return top;
}
