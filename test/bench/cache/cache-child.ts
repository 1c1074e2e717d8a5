import { createHash } from 'node:crypto';
import { must } from '../../../src/kernel/assert.ts';
import { CACHE_CONTENDERS, clock } from './cache-contenders.ts';

/** The figures of a contender, from a process of its own. */
export interface ContenderFigures {
  /** Operations a second of CPU time, which other load affects less than wall time; each is the median of the rounds. */
  readonly set: number;
  readonly get: number;
  /** Sets of twice as many keys as fit. */
  readonly setEvicting: number;
  readonly bytesPerEntry: number;
}

const ENTRIES = 100_000;
const DIMENSIONS = 100;
/** Operations between two readings of the clock. */
const CHUNK = 2_000;

const [name = '', roundMs = '300', rounds = '5'] = process.argv.slice(2);
const create = must(CACHE_CONTENDERS[name], `${name} is a contender`);
const keyOf = (i: number): string => createHash('sha256').update(`${i}`).digest('hex');
const keys = Array.from({ length: 2 * ENTRIES }, (_, i) => keyOf(i));
const value = new Float32Array(DIMENSIONS);

/** Strides over the keys, so that no contender gains from their order or from the CPU's cache. */
function rate(count: number, operation: (key: string) => unknown): number {
  const started = process.cpuUsage();
  let [done, at] = [0, 0];
  for (let endMs = performance.now() + Number(roundMs); performance.now() < endMs; done += CHUNK) {
    clock.nowMs = Date.now();
    for (let i = 0; i < CHUNK; i++) {
      at = (at + 61_967) % count;
      operation(keys[at] as string);
    }
  }
  const { user, system } = process.cpuUsage(started);
  return (done / (user + system)) * 1e6;
}

function speeds(): Omit<ContenderFigures, 'bytesPerEntry'> {
  const measured: { set: number; get: number; setEvicting: number }[] = [];
  const cache = create(ENTRIES, DIMENSIONS);
  for (let i = 0; i < ENTRIES; i++) cache.set(keys[i] as string, value);
  const evicting = create(ENTRIES, DIMENSIONS);
  for (let i = 0; i < ENTRIES; i++) evicting.set(keys[i] as string, value);
  for (let round = 0; round <= Number(rounds); round++) {
    measured.push({
      set: rate(ENTRIES, (key) => cache.set(key, value)),
      get: rate(ENTRIES, (key) => cache.get(key)),
      setEvicting: rate(2 * ENTRIES, (key) => evicting.set(key, value)),
    });
  }
  // The first round is left out: it warms up the compiler.
  const median = (of: (one: (typeof measured)[number]) => number): number =>
    measured
      .slice(1)
      .map(of)
      .sort((a, b) => a - b)[Number(rounds) >> 1] ?? 0;
  return { set: median(({ set }) => set), get: median(({ get }) => get), setEvicting: median(({ setEvicting }) => setEvicting) };
}

/** All memory of the process for an entry, including a key of 64 characters and 100 numbers of 4 bytes. */
function bytesPerEntry(): number {
  const used = (): number => {
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  const cache = create(ENTRIES, DIMENSIONS);
  // New key strings, as a cache gets them with each request.
  for (let i = 0; i < ENTRIES; i++) cache.set(keyOf(i + 1_000_000), new Float32Array(DIMENSIONS).fill(i));
  const bytes = (used() - before + (cache.sharedBytes ?? 0)) / ENTRIES;
  must(cache.get(keyOf(1_000_000 + ENTRIES - 1)), 'the cache is still there');
  return bytes;
}

const bytes = bytesPerEntry();
process.send?.({ ...speeds(), bytesPerEntry: bytes } satisfies ContenderFigures, () => process.exit(0));
