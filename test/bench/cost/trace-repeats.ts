import { assert, must } from '../../../src/kernel/assert.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';

/** How often the requests of a trace were made. */
export interface Repeats {
  readonly calls: number;
  /** So many distinct requests were made so many times each: `[times, requests]`, by rising times. */
  readonly counts: readonly (readonly [number, number])[];
}

/**
 * Requests for images to a service of Alibaba over 23 days of 2024 (alibaba/clusterdata, lora_request_trace.csv). The trace states no licence, so
 * nothing of it is here but these counts; `npm run bench -- cost --data FOLDER` derives them again and compares. It has no texts: requests count as
 * the same if all that it says of them is, but when they came, how long they took and how they ended. So the rate is an upper bound for texts.
 */
export const TRACE: Repeats = {
  calls: 26_823,
  counts: [
    [1, 17_512],
    [2, 1_875],
    [3, 500],
    [4, 207],
    [5, 103],
    [6, 62],
    [7, 35],
    [8, 31],
    [9, 31],
    [10, 16],
    [11, 8],
    [12, 4],
    [13, 6],
    [14, 4],
    [15, 6],
    [16, 5],
    [17, 1],
    [18, 2],
    [19, 3],
    [20, 3],
    [21, 1],
    [22, 3],
    [24, 4],
    [26, 1],
    [28, 1],
    [29, 2],
    [30, 3],
    [31, 2],
    [32, 1],
    [34, 1],
    [35, 1],
    [36, 1],
    [37, 1],
    [43, 1],
    [44, 1],
    [46, 1],
    [50, 1],
  ],
};

/** What does not make a request another one. */
const NOT_ASKED: ReadonlySet<string> = new Set(['gmt_create', 'exec_time_seconds', 'predict_status']);

/** The counts of a trace, from its file: columns by name, no field quoted. */
export function countRepeats(csv: string): Repeats {
  const [head = '', ...lines] = csv.trim().split('\n');
  const kept = head
    .trim()
    .split(',')
    .flatMap((name, column) => (NOT_ASKED.has(name) ? [] : [column]));
  const timesOf = new Map<string, number>();
  for (const line of lines) {
    assert(!line.includes('"'), 'the trace quotes no field');
    const fields = line.trim().split(',');
    const key = kept.map((column) => fields[column]).join(',');
    timesOf.set(key, (timesOf.get(key) ?? 0) + 1);
  }
  const requestsOf = new Map<number, number>();
  for (const times of timesOf.values()) requestsOf.set(times, (requestsOf.get(times) ?? 0) + 1);
  return { calls: lines.length, counts: [...requestsOf].toSorted(([a], [b]) => a - b) };
}

export const distinctOf = ({ counts }: Repeats): number => counts.reduce((sum, [, requests]) => sum + requests, 0);

/** The share of calls that repeat an earlier one. */
export const repeatRateOf = (repeats: Repeats): number => 1 - distinctOf(repeats) / repeats.calls;

/**
 * Calls of `texts` texts in random order, each made once at least: which text each call has. The repetitions fall on the texts as unevenly as in the
 * trace, and are the share `repeatRate` of all calls, to the nearest call.
 */
export function callsOf(texts: number, repeats: Repeats, repeatRate: number, seed: number): number[] {
  const rng = new Seeded(seed);
  const extra = extrasOf(texts, repeats, Math.round((texts * repeatRate) / (1 - repeatRate)));
  const owners = shuffled([...Array(texts).keys()], rng);
  return shuffled(
    owners.flatMap((text, rank) => Array<number>(1 + must(extra[rank], 'a count for each text')).fill(text)),
    rng,
  );
}

/** How many of `wanted` repetitions fall on each of `texts` texts: as the trace's at evenly spaced ranks, rounded by the largest rest. */
function extrasOf(texts: number, repeats: Repeats, wanted: number): number[] {
  const weights = Array.from({ length: texts }, (_, i) => timesAt(repeats, ((i + 0.5) / texts) * distinctOf(repeats)) - 1);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const shares = weights.map((weight) => (sum === 0 ? wanted / texts : (weight / sum) * wanted));
  const whole = shares.map(Math.floor);
  const left = wanted - whole.reduce((total, count) => total + count, 0);
  const byRest = [...shares.keys()].toSorted((a, b) => shares[b]! - whole[b]! - (shares[a]! - whole[a]!));
  for (const text of byRest.slice(0, left)) whole[text]! += 1;
  return whole;
}

/** How often the request at a rank was made, the rarest first. */
function timesAt({ counts }: Repeats, rank: number): number {
  let seen = 0;
  for (const [times, requests] of counts) {
    seen += requests;
    if (rank < seen) return times;
  }
  return counts.at(-1)?.[0] ?? 1;
}

function shuffled<T>(items: readonly T[], rng: Seeded): T[] {
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(rng.next() * (i + 1));
    [all[i], all[j]] = [all[j]!, all[i]!];
  }
  return all;
}
