import { parentPort, workerData } from 'node:worker_threads';

import type { SharedHandle } from '../../../src/cache/shared/shared-vectors.ts';
import { SharedVectors } from '../../../src/cache/shared/shared-vectors.ts';
import { StripeLocks } from '../../../src/cache/shared/stripe-locks.ts';
import type { RegisterOperation } from '../oracles/linearizable.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

/** A task of a test thread on a shared cache. */
export type ThreadTask =
  /** Runs random operations and records them. `ticks` is the clock of all threads. */
  | {
      readonly kind: 'record';
      readonly operations: number;
      readonly keys: readonly string[];
      readonly seed: number;
      readonly ticks: Int32Array<SharedArrayBuffer>;
      readonly dimensions: number;
      readonly forgets: boolean;
      /** Injects a bug: `get` does not wait for writers. */
      readonly unlockedReads: boolean;
    }
  /** Runs random operations until the thread is terminated. */
  | { readonly kind: 'churn'; readonly keys: readonly string[]; readonly seed: number; readonly dimensions: number }
  /** Exits with half a vector written, in the stripe of `key`. */
  | { readonly kind: 'die'; readonly key: string }
  /** Stops with half a vector written until `gate` is 1, then continues. */
  | { readonly kind: 'stall'; readonly key: string; readonly gate: Int32Array<SharedArrayBuffer> };

export interface Recorded extends RegisterOperation {
  readonly key: string;
}

export interface ThreadReport {
  readonly operations: readonly Recorded[];
  /** Vectors read that were not the same number throughout. */
  readonly torn: number;
}

// An empty transfer list: messages are copied.
const report = (message: unknown): void => parentPort?.postMessage(message, []);

const { handle, task } = workerData as { handle: SharedHandle; task: ThreadTask };
const cache = SharedVectors.join(handle);

/** The number that fills a vector; undefined if it mixes several. */
const valueOf = (vector: Float32Array | undefined): number | undefined =>
  vector === undefined ? 0 : vector.every((x) => x === vector[0]) ? vector[0] : undefined;

function record({
  operations: count,
  keys,
  seed,
  ticks,
  dimensions,
  forgets,
  unlockedReads,
}: Extract<ThreadTask, { kind: 'record' }>): ThreadReport {
  let isRead = false;
  if (unlockedReads) unlockWhen(() => isRead);
  const random = new Seeded(seed);
  const operations: Recorded[] = [];
  let torn = 0;
  const vector = new Float32Array(dimensions);
  // All threads start together.
  Atomics.add(ticks, 1, 1);
  while (Atomics.load(ticks, 1) < ticks[2]!) Atomics.wait(ticks, 3, 0, 0.01);
  for (let i = 0; i < count; i++) {
    const key = keys[Math.floor(random.next() * keys.length)]!;
    const chance = random.next();
    const kind = chance < 0.5 ? 'get' : chance < 0.95 || !forgets ? 'set' : 'forget';
    let value: number | undefined = handle.owner * 1_000_000 + i;
    vector.fill(value);
    isRead = kind === 'get';
    const invoked = Atomics.add(ticks, 0, 1);
    let isKnown = true;
    if (kind === 'get') {
      const { vector: found, fence } = cache.get(key, 0);
      value = valueOf(found);
      isKnown = fence !== undefined;
    } else if (kind === 'set') value = cache.set(key, vector, undefined) ? value : 0;
    else cache.forget(key);
    const returned = Atomics.add(ticks, 0, 1);
    if (value === undefined) torn += 1;
    else if (isKnown) operations.push({ kind, key, value, invoked, returned });
  }
  return { operations, torn };
}

function unlockWhen(isUnlocked: () => boolean): void {
  // oxlint-disable-next-line typescript/unbound-method -- they are called on the locks they come from
  const { enter, leave } = StripeLocks.prototype;
  StripeLocks.prototype.enter = function unlocked(stripe) {
    return isUnlocked() || enter.call(this, stripe);
  };
  StripeLocks.prototype.leave = function unlocked(stripe) {
    if (!isUnlocked()) leave.call(this, stripe);
  };
}

function churn({ keys, seed, dimensions }: Extract<ThreadTask, { kind: 'churn' }>): void {
  const random = new Seeded(seed);
  const vector = new Float32Array(dimensions);
  for (let i = 0; ; i++) {
    const key = keys[Math.floor(random.next() * keys.length)]!;
    if (random.next() < 0.3) cache.get(key, 0);
    else cache.set(key, vector.fill(i % 1000), undefined);
    if (i === 100) report('running');
  }
}

/** An array-like of `length` numbers that calls `halfway` when its middle element is read. */
const trap = (length: number, halfway: () => void): Float32Array =>
  Object.defineProperty(
    Array.from({ length }, () => 7),
    length >> 1,
    {
      get: () => {
        halfway();
        return 7;
      },
    },
  ) as unknown as Float32Array;

if (task.kind === 'record') report(record(task));
else if (task.kind === 'churn') churn(task);
else if (task.kind === 'die')
  cache.set(
    task.key,
    trap(8, () => process.exit()),
    undefined,
  );
else {
  const { gate } = task;
  const inside = (): void => {
    report('inside');
    Atomics.wait(gate, 0, 0);
  };
  report(cache.set(task.key, trap(8, inside), undefined));
}
