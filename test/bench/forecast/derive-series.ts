import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

// Counts events of public traces by hour or day: `node test/bench/forecast/derive-series.ts TRACES > test/bench/forecast/request-series.json`.
// TRACES holds `philly/philly.csv.gz` (Microsoft Philly, as trimmed by the authors of Pollux) and `genai/lora_request_trace.csv` (Alibaba, 2026).

const HOUR_MS = 3_600_000;

interface Event {
  readonly atMs: number;
  readonly weight: number;
}

const [, , traces = ''] = process.argv;

const rowsOf = (text: string): string[][] =>
  text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(','));

const timeOf = (text = ''): number => Date.parse(`${text.replace(' ', 'T')}Z`);

/** Sums by step, of whole steps between the first event and the last. */
function summed(events: readonly Event[], stepMs: number): { start: string; values: number[] } {
  const times = events.map(({ atMs }) => atMs).toSorted((a, b) => a - b);
  // A trace begins and ends in the middle of a step.
  const first = Math.ceil((times[0] ?? 0) / stepMs);
  const end = Math.floor((times.at(-1) ?? 0) / stepMs);
  const values = Array.from({ length: end - first }, () => 0);
  for (const { atMs, weight } of events) {
    const position = Math.floor(atMs / stepMs) - first;
    if (position >= 0 && position < values.length) values[position] = (values[position] ?? 0) + weight;
  }
  return { start: new Date(first * stepMs).toISOString(), values: values.map(Math.round) };
}

const philly = rowsOf(gunzipSync(readFileSync(join(traces, 'philly/philly.csv.gz'))).toString());
const genai = rowsOf(readFileSync(join(traces, 'genai/lora_request_trace.csv'), 'utf8'));
const jobs = philly.map(([at]) => ({ atMs: timeOf(at), weight: 1 }));
const sizes = new Map<string, number>();
for (const row of philly) sizes.set(row[4] ?? '', (sizes.get(row[4] ?? '') ?? 0) + 1);
const largest = [...sizes].toSorted((a, b) => b[1] - a[1]).slice(0, 4);
const clusters = largest.map(([cluster]) => ({
  name: `philly jobs of cluster ${cluster}`,
  events: philly.filter((row) => row[4] === cluster).map(([at]) => ({ atMs: timeOf(at), weight: 1 })),
}));
const work = philly.map(([at, , , gpuSeconds]) => ({ atMs: timeOf(at), weight: Number(gpuSeconds) / 3600 }));
const images = genai.map(([at]) => ({ atMs: timeOf(at), weight: 1 }));
const generated = genai.map((row) => ({ atMs: timeOf(row[0]), weight: Number(row[3] ?? 0) }));

const named = [
  { name: 'philly jobs', events: jobs },
  { name: 'philly GPU hours', events: work },
  ...clusters,
  { name: 'genai requests', events: images },
  { name: 'genai seconds of work', events: generated },
];
const daily = named.filter(({ name }) => name.startsWith('philly'));
writeFileSync(
  '/dev/stdout',
  `${JSON.stringify([
    ...daily.map(({ name, events }) => ({ name, step: 'day', ...summed(events, 24 * HOUR_MS) })),
    ...named.map(({ name, events }) => ({ name, step: 'hour', ...summed(events, HOUR_MS) })),
  ])}\n`,
);
