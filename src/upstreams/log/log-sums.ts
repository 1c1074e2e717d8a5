import { countedStatus } from '../../contract/api/errors.ts';
import type { LatencyCounts } from '../../kernel/latency-buckets.ts';
import { LatencyBuckets, quantileBucket } from '../../kernel/latency-buckets.ts';
import type { SqlStorage } from '../../kernel/sql/sql-storage.ts';
import { attemptedTarget } from '../dispatch.ts';
import type { LogEntry } from './log-entry.ts';
import type { LogPolicy } from './log-policy.ts';
import type { Savings } from '../money/savings.ts';
import { OF_MODEL } from './log-filter.ts';
import { HOUR_MS } from '../../kernel/time-units.ts';

/** Each bucket ends 5 % above the one before it, from a tenth of a millisecond on: the middle of a bucket is within 2.5 % of its durations. */
export const LOG_LATENCIES = new LatencyBuckets(0.1, 1.05);

/** The duration that this share of the counted ones does not exceed; undefined where nothing was counted. */
export function quantileMs(counts: LatencyCounts, share: number): number | undefined {
  const bucket = quantileBucket(counts, share);
  return bucket === undefined ? undefined : LOG_LATENCIES.boundMs(bucket - 0.5);
}

/** A step of the log's schema. */
export const LOG_SUM_TABLES = `
  CREATE TABLE sums (
    hour INTEGER NOT NULL, model TEXT NOT NULL, route TEXT NOT NULL, target TEXT NOT NULL, status INTEGER NOT NULL, cache TEXT NOT NULL,
    requests INTEGER NOT NULL, input INTEGER NOT NULL, cached INTEGER NOT NULL, output INTEGER NOT NULL, cost INTEGER NOT NULL,
    PRIMARY KEY (hour, model, route, target, status, cache)) WITHOUT ROWID;
  CREATE TABLE latencies (
    hour INTEGER NOT NULL, model TEXT NOT NULL, route TEXT NOT NULL, target TEXT NOT NULL, kind TEXT NOT NULL, bucket INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (hour, model, route, target, kind, bucket)) WITHOUT ROWID;`;

/** A later step. */
export const LOG_SAVING_COLUMNS = ['cache_saved', 'route_saved', 'prompt_saved']
  .map((column) => `ALTER TABLE sums ADD COLUMN ${column} INTEGER NOT NULL DEFAULT 0;`)
  .join('\n');

/** A later step: answers that were given to other questions than those that they were made for. */
export const LOG_REUSE_COLUMNS = ['reused', 'reuse_saved']
  .map((column) => `ALTER TABLE sums ADD COLUMN ${column} INTEGER NOT NULL DEFAULT 0;`)
  .join('\n');

/** A later step: requests that a target was asked for and did not answer, while another was asked after it. */
export const LOG_PASSED_TABLE = `
  CREATE TABLE passed (hour INTEGER NOT NULL, target TEXT NOT NULL, requests INTEGER NOT NULL, PRIMARY KEY (hour, target)) WITHOUT ROWID;`;

/** Stand in the sums for what the cache did: calls that Sluice made itself, and, with what it did before it, models that were asked beside the one that answered. */
const SHADOW = 'shadow';
const BESIDE = 'beside:';
type SumKind = LogEntry['cache'] | typeof SHADOW | `${typeof BESIDE}${LogEntry['cache']}`;
const OF_CALLERS = "cache IN ('hit', 'miss', 'bypass')";

/** What sums are divided by. */
export type LogGroup = 'model' | 'route' | 'target';

export interface LogLine {
  /** A model, `route@version` or `upstream/model`; empty: none. */
  readonly group: string;
  readonly requests: number;
  /** With a status of 400 and above. */
  readonly errors: number;
  readonly cacheHits: number;
  /** Answered by what was made for another question. */
  readonly reused: number;
  /** What that saved, less what finding and judging such answers has cost. */
  readonly reuseNano: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** Without that of shadows. */
  readonly costNano: number;
  /** Calls that another target answered, such as those that a cascade passed on, and what they cost: part of `costNano`. */
  readonly besides: number;
  readonly besidesNano: number;
  /** Calls that Sluice made itself to compare answers, and what they cost. */
  readonly shadows: number;
  readonly shadowNano: number;
  /** Of requests that were answered. */
  readonly total: LatencyCounts;
  readonly firstToken: LatencyCounts;
  /** The mean of the opinions on requests that are kept, by name. */
  readonly feedback: Readonly<Record<string, { readonly count: number; readonly mean: number }>>;
}

/** Requests that were answered, by how. */
export interface LogCosts {
  /** Whether a route chose. */
  readonly isRouted: boolean;
  readonly cache: LogEntry['cache'];
  readonly requests: number;
  /** Of them: by answers that were made for other questions. */
  readonly reused: number;
  readonly costNano: number;
  readonly savings: Savings;
}

/** How the requests of one hour went. */
export interface LogHour {
  readonly hour: number;
  /** Answered, or failed by no fault of the caller. */
  readonly valid: number;
  readonly answered: number;
  /** Of those that were answered: within the time that was asked about. */
  readonly within: number;
}

const NO_SAVINGS: Savings = { cacheNano: 0, reuseNano: 0, routeNano: 0, promptNano: 0 };

const TABLES = ['sums', 'latencies', 'passed'] as const;
const ADDED = ['requests', 'input', 'cached', 'output', 'cost', 'cache_saved', 'route_saved', 'prompt_saved', 'reused', 'reuse_saved'];

/** The targets that failed to answer a request before another was asked, without those that were called off. */
function passedBy({ attempts, target: last }: LogEntry): ReadonlySet<string> {
  const failed = attempts.filter(({ status = 500, fault }) => fault !== 'cancelled' && (fault !== undefined || status >= 400));
  const targets = new Set(failed.map(attemptedTarget));
  if (last !== null) targets.delete(last);
  return targets;
}

/** Whether an answer was made for another question. */
const isReuse = (reuse: LogEntry['reuse']): boolean => reuse !== undefined && reuse !== 'none' && reuse !== 'exact';

/** Sums by hour of all requests, also of those whose entries are not kept. */
export class SqliteLogSums {
  readonly #sql: SqlStorage['sql'];

  constructor(storage: SqlStorage) {
    this.#sql = storage.sql;
  }

  /** A tenant that keeps nothing has no sums either. Call in one transaction. Requests of a batch that are alike are one write. */
  add(entries: readonly LogEntry[], { entries: keeping }: LogPolicy): void {
    if (keeping === 'off') return;
    const [sums, latencies, passed] = [new SummedRows(), new SummedRows(), new SummedRows()];
    for (const entry of entries) {
      const { cacheNano, reuseNano, routeNano, promptNano } = entry.savings ?? NO_SAVINGS;
      const kind: SumKind = entry.isShadow === true ? SHADOW : entry.cache;
      const place = [Math.floor(entry.atMs / HOUR_MS), entry.model, entry.route ?? '', entry.target ?? ''];
      const besides = entry.besides ?? [];
      const ownNano = besides.reduce((nano, charge) => nano - charge.costNano, entry.costNano);
      const tokens = [entry.inputTokens, entry.cachedTokens, entry.outputTokens, Math.max(0, ownNano)];
      const saved = [cacheNano, routeNano, promptNano, Number(isReuse(entry.reuse)), reuseNano];
      sums.add([...place, countedStatus(entry.status, entry.code), kind], 1, ...tokens, ...saved);
      for (const { target, inputTokens, cachedTokens, outputTokens, costNano } of besides) {
        const beside = [...place.slice(0, 3), target, countedStatus(entry.status, entry.code), `${BESIDE}${entry.cache}` satisfies SumKind];
        sums.add(beside, 1, inputTokens, cachedTokens, outputTokens, costNano, 0, 0, 0, 0, 0);
      }
      if (kind === SHADOW) continue;
      for (const target of passedBy(entry)) passed.add([Math.floor(entry.atMs / HOUR_MS), target], 1);
      if (entry.status >= 400) continue;
      latencies.add([...place, 'total', LOG_LATENCIES.bucketOf(entry.totalMs)], 1);
      if (entry.firstTokenMs !== null) latencies.add([...place, 'first', LOG_LATENCIES.bucketOf(entry.firstTokenMs)], 1);
    }
    this.#increase('sums', sums, ADDED);
    this.#increase('latencies', latencies, ['count']);
    this.#increase('passed', passed, ['requests']);
  }

  /** Of whole hours, at most `limit` groups, those with the most requests first. */
  lines(by: LogGroup, fromMs: number, toMs: number, limit: number): LogLine[] {
    const hours = [Math.floor(fromMs / HOUR_MS), Math.ceil(toMs / HOUR_MS)] as const;
    return this.#sql
      .exec<Omit<{ [K in keyof LogLine]: LogLine[K] }, 'total' | 'firstToken' | 'feedback'>>(
        `SELECT ${by} AS "group", sum(CASE WHEN ${OF_CALLERS} THEN requests ELSE 0 END) AS requests,
           sum(CASE WHEN ${OF_CALLERS} AND status >= 400 THEN requests ELSE 0 END) AS errors,
           sum(CASE WHEN cache = 'hit' THEN requests ELSE 0 END) AS cacheHits, sum(CASE WHEN cache <> '${SHADOW}' THEN input ELSE 0 END) AS inputTokens,
           sum(CASE WHEN cache <> '${SHADOW}' THEN cached ELSE 0 END) AS cachedTokens,
           sum(CASE WHEN cache <> '${SHADOW}' THEN output ELSE 0 END) AS outputTokens, sum(CASE WHEN cache <> '${SHADOW}' THEN cost ELSE 0 END) AS costNano,
           sum(reused) AS reused, sum(reuse_saved) AS reuseNano,
           sum(CASE WHEN cache LIKE '${BESIDE}%' THEN requests ELSE 0 END) AS besides, sum(CASE WHEN cache LIKE '${BESIDE}%' THEN cost ELSE 0 END) AS besidesNano,
           sum(CASE WHEN cache = '${SHADOW}' THEN requests ELSE 0 END) AS shadows, sum(CASE WHEN cache = '${SHADOW}' THEN cost ELSE 0 END) AS shadowNano
         FROM sums WHERE hour >= ? AND hour < ? GROUP BY ${by} ORDER BY requests DESC, ${by} LIMIT ?`,
        ...hours,
        limit,
      )
      .toArray()
      .map((line) => ({
        ...line,
        total: this.#buckets(by, line.group, 'total', hours),
        firstToken: this.#buckets(by, line.group, 'first', hours),
        feedback: this.#feedback(by, line.group, fromMs, toMs),
      }));
  }

  /** Of whole hours: requests that were answered, by what was done to make them cheaper. */
  costs(fromMs: number, toMs: number): LogCosts[] {
    const rows = this.#sql.exec<{
      routed: number;
      cache: string;
      requests: number;
      cost: number;
      byCache: number;
      byRoute: number;
      byPrompt: number;
      reused: number;
      byReuse: number;
    }>(
      `SELECT route <> '' AS routed, replace(cache, '${BESIDE}', '') AS cache, sum(CASE WHEN ${OF_CALLERS} THEN requests ELSE 0 END) AS requests, sum(cost) AS cost, sum(cache_saved) AS byCache,
         sum(route_saved) AS byRoute, sum(prompt_saved) AS byPrompt, sum(reused) AS reused, sum(reuse_saved) AS byReuse
       FROM sums WHERE hour >= ? AND hour < ? AND status < 400 AND cache <> '${SHADOW}' GROUP BY 1, 2 ORDER BY 1, 2`,
      Math.floor(fromMs / HOUR_MS),
      Math.ceil(toMs / HOUR_MS),
    );
    return rows.toArray().map(({ routed, cache, requests, cost, byCache, byRoute, byPrompt, reused, byReuse }) => ({
      isRouted: routed === 1,
      cache: cache as LogEntry['cache'],
      requests,
      reused,
      costNano: cost,
      savings: { cacheNano: byCache, reuseNano: byReuse, routeNano: byRoute, promptNano: byPrompt },
    }));
  }

  /** Hour by hour, what asked for a model or was served by it, what a route answered in any version, or what a target was asked for. [SL5] */
  hours(by: LogGroup, name: string, fromMs: number, withinMs: number): LogHour[] {
    const named = by === 'model' ? OF_MODEL.replace('?', '?2') : `(${by} = ?2 OR substr(${by}, 1, length(?2) + 1) = ?2 || '@')`;
    const ofGroup = `hour >= ?1 AND ${named}`;
    const passed = `UNION ALL SELECT hour, requests, 0, 0 FROM passed WHERE ${ofGroup}`;
    return this.#sql
      .exec<{ [K in keyof LogHour]: LogHour[K] }>(
        `SELECT hour, sum(valid) AS valid, sum(answered) AS answered, sum(fast) AS within FROM (
           SELECT hour, CASE WHEN status < 400 OR status >= 500 THEN requests ELSE 0 END AS valid,
             CASE WHEN status < 400 THEN requests ELSE 0 END AS answered, 0 AS fast FROM sums WHERE ${ofGroup} AND ${OF_CALLERS}
           UNION ALL SELECT hour, 0, 0, count FROM latencies WHERE ${ofGroup} AND kind = 'total' AND bucket <= ?3
           ${by === 'target' ? passed : ''})
         GROUP BY hour ORDER BY hour`,
        Math.floor(fromMs / HOUR_MS),
        name,
        LOG_LATENCIES.bucketOf(withinMs),
      )
      .toArray();
  }

  forget(beforeMs: number): void {
    for (const table of TABLES) this.#sql.exec(`DELETE FROM ${table} WHERE hour < ?`, Math.floor(beforeMs / HOUR_MS));
  }

  erase(): void {
    for (const table of TABLES) this.#sql.exec(`DELETE FROM ${table}`);
  }

  #increase(table: (typeof TABLES)[number], { rows }: SummedRows, added: readonly string[]): void {
    const increased = added.map((column) => `${column} = ${column} + excluded.${column}`).join(', ');
    for (const row of rows.values())
      this.#sql.exec(`INSERT INTO ${table} VALUES (${row.map(() => '?').join(', ')}) ON CONFLICT DO UPDATE SET ${increased}`, ...row);
  }

  #buckets(by: LogGroup, group: string, kind: 'total' | 'first', hours: readonly [number, number]): LatencyCounts {
    const rows = this.#sql.exec<{ bucket: number; count: number }>(
      `SELECT bucket, sum(count) AS count FROM latencies WHERE hour >= ? AND hour < ? AND ${by} = ? AND kind = ? GROUP BY bucket`,
      ...hours,
      group,
      kind,
    );
    return Object.fromEntries(rows.toArray().map(({ bucket, count }) => [bucket, count]));
  }

  #feedback(by: LogGroup, group: string, fromMs: number, toMs: number): LogLine['feedback'] {
    const rows = this.#sql.exec<{ name: string; count: number; mean: number }>(
      `SELECT name, count(*) AS count, avg(score) AS mean FROM feedback JOIN entries USING (seq)
       WHERE entries.at_ms >= ? AND entries.at_ms < ? AND entries.${by} = ? GROUP BY name ORDER BY name`,
      fromMs,
      toMs,
      group,
    );
    return Object.fromEntries(rows.toArray().map(({ name, count, mean }) => [name, { count, mean }]));
  }
}

type Columns = (string | number)[];

/** Rows of a table: those of the same place become one, with the sums of what they add. */
class SummedRows {
  readonly rows = new Map<string, Columns>();

  add(place: Columns, ...added: readonly number[]): void {
    const key = JSON.stringify(place);
    const sums = this.rows.get(key)?.slice(place.length) ?? [];
    this.rows.set(key, [...place, ...added.map((amount, at) => amount + Number(sums[at] ?? 0))]);
  }
}
