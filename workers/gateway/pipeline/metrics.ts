import { AGE_BOUNDS_S } from '../../../src/contract/caches/cache-tally.ts';
import type { MetricName } from './metric-help.ts';
import { METRIC_HELP } from './metric-help.ts';
import type { CacheEvent } from '../../../src/gateway/caches/cache-stats.ts';

/** Upper bounds of the latency buckets, in seconds: from a cache hit to the longest call. */
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

interface Counter {
  /** As they are printed. */
  readonly labels: string;
  value: number;
}

interface Histogram {
  readonly labels: string;
  readonly boundsS: readonly number[];
  /** Of each bucket alone: they are added up when they are printed. */
  readonly counts: number[];
  sumS: number;
  total: number;
}

type Labels = Readonly<Record<string, string | number>>;

/**
 * Counters, gauges and histograms of this isolate.
 * Labels come from closed sets (route patterns, statuses, codes), so their number is bounded.
 */
export class Metrics {
  readonly #counters = new Map<MetricName, Map<string, Counter>>();
  readonly #histograms = new Map<MetricName, Map<string, Histogram>>();
  readonly #gauges = new Map<MetricName, Map<string, () => number>>();
  readonly #sources: (() => readonly MetricFamily[])[] = [];

  count(name: MetricName, labels: Labels, by = 1): void {
    const series = family(this.#counters, name);
    const key = seriesOf(labels);
    const counter = series.get(key);
    if (counter === undefined) series.set(key, { labels: render(labels), value: by });
    else counter.value += by;
  }

  /** `boundsS` are the upper ends of the buckets, the same for every observation of a name. */
  observe(name: MetricName, labels: Labels, seconds: number, boundsS: readonly number[] = BUCKETS_S): void {
    const series = family(this.#histograms, name);
    const key = seriesOf(labels);
    let histogram = series.get(key);
    if (histogram === undefined) {
      histogram = { labels: render(labels), boundsS, counts: boundsS.map(() => 0), sumS: 0, total: 0 };
      series.set(key, histogram);
    }
    let bucket = 0;
    while (bucket < boundsS.length && seconds > (boundsS[bucket] ?? 0)) bucket += 1;
    if (bucket < boundsS.length) histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1;
    histogram.sumS += seconds;
    histogram.total += 1;
  }

  /** A value that is read when it is asked for. */
  gauge(name: MetricName, labels: Labels, read: () => number): void {
    family(this.#gauges, name).set(render(labels), read);
  }

  /** Families that something else keeps, read when they are asked for. */
  collect(source: () => readonly MetricFamily[]): void {
    this.#sources.push(source);
  }

  /** All of it, as of now. */
  families(): MetricFamily[] {
    const familiesOf = <T>(
      kind: MetricFamily['kind'],
      families: ReadonlyMap<MetricName, ReadonlyMap<string, T>>,
      samplesOf: (labels: string, series: T) => Sample[],
    ): MetricFamily[] =>
      [...families].map(([name, series]) => ({ name, kind, samples: [...series].flatMap(([labels, one]) => samplesOf(labels, one)) }));
    return [
      ...familiesOf('gauge', this.#gauges, (labels, read) => [{ suffix: '', labels, value: read() }]),
      ...familiesOf('counter', this.#counters, (_, { labels, value }) => [{ suffix: '', labels, value }]),
      ...familiesOf('histogram', this.#histograms, (_, histogram) => samplesOfHistogram(histogram)),
      ...this.#sources.flatMap((source) => source()),
    ];
  }
}

/** Metrics of one name, of one or several isolates. */
export interface MetricFamily {
  readonly name: MetricName;
  readonly kind: 'gauge' | 'counter' | 'histogram';
  readonly samples: readonly Sample[];
}

interface Sample {
  /** What is appended to the name: `_sum` of a histogram. */
  readonly suffix: string;
  /** As they are printed. */
  readonly labels: string;
  readonly value: number;
}

/** Families in Prometheus text format 0.0.4, in which each name comes once: those of the same name become one. */
export function metricsText(families: readonly MetricFamily[]): string {
  const byName = new Map<MetricName, MetricFamily[]>();
  for (const one of families) byName.set(one.name, [...(byName.get(one.name) ?? []), one]);
  const lines = [...byName].flatMap(([name, same]) => [
    `# HELP ${name} ${METRIC_HELP[name]}`,
    `# TYPE ${name} ${same[0]?.kind}`,
    ...same.flatMap(({ samples }) => samples.map(({ suffix, labels, value }) => `${name}${suffix}{${labels}} ${value}`)),
  ]);
  return `${lines.join('\n')}\n`;
}

function family<T>(families: Map<MetricName, Map<string, T>>, name: MetricName): Map<string, T> {
  const known = families.get(name);
  if (known !== undefined) return known;
  const series = new Map<string, T>();
  families.set(name, series);
  return series;
}

/** Names a series within its family, whose labels always come in the same order: rendering them would cost each request microseconds. */
function seriesOf(labels: Labels): string {
  let key = '';
  for (const name of Object.keys(labels)) key += `${labels[name]}\n`;
  return key;
}

function render(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}="${String(value).replaceAll(/["\\\n]/g, '_')}"`)
    .join(',');
}

function samplesOfHistogram({ labels, boundsS, counts, sumS, total }: Histogram): Sample[] {
  const before = labels === '' ? '' : `${labels},`;
  let upTo = 0;
  const bucket = (bound: number | '+Inf', value: number): Sample => ({ suffix: '_bucket', labels: `${before}le="${bound}"`, value });
  return [
    ...boundsS.map((bound, position) => bucket(bound, (upTo += counts[position] ?? 0))),
    bucket('+Inf', total),
    { suffix: '_sum', labels, value: sumS },
    { suffix: '_count', labels, value: total },
  ];
}

/** What a cache did for one request, for metrics of this isolate. Models are a closed set; tenants are none, and are not distinguished. */
export function countInMetrics(metrics: Metrics, { cache, model, sources, agesMs, holding }: CacheEvent): void {
  const labels = { cache, model: model ?? '' };
  for (const source of sources) metrics.count('sluice_cache_answers_total', { cache, model: labels.model, source });
  if (holding.evicted > 0) metrics.count('sluice_cache_evictions_total', labels, holding.evicted);
  for (const ageMs of agesMs) metrics.observe('sluice_cache_hit_age_seconds', labels, ageMs / 1000, AGE_BOUNDS_S);
}
