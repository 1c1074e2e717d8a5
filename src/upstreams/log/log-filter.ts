import type { SqlValue } from '../../kernel/sql/sql-storage.ts';

/** Which requests are sought: those that match everything that is stated. */
export interface LogFilter {
  readonly id?: string;
  readonly keyId?: string;
  /** Of the caller, where it may see its own requests only. */
  readonly ownerKeyId?: string;
  /** As `name`, of all its versions, or `name@version`. */
  readonly route?: string;
  /** What was asked for or served, with or without the name of the upstream. */
  readonly model?: string;
  /** What served, as `upstream` or `upstream/model`. */
  readonly target?: string;
  /** Such as 429; or the hundreds, such as 4. */
  readonly status?: number;
  readonly costNanoMin?: number;
  readonly costNanoMax?: number;
  /** Included. */
  readonly fromMs?: number;
  /** Not included. */
  readonly toMs?: number;
  readonly cache?: string;
  readonly reuse?: string;
  readonly hasFeedback?: boolean;
}

/** Whether a row is of the model or route that is bound: it was asked for by this name, or served under it. Names of upstreams have no slash. [M98] */
export const OF_MODEL = `? IN (model, target, substr(target, instr(target, '/') + 1))`;

interface Conditions {
  readonly where: string;
  readonly bindings: readonly SqlValue[];
}

type Condition = readonly [sql: string, ...values: SqlValue[]];

/** What each part of a filter asks of a row of `entries`. */
const CONDITIONS: { readonly [K in keyof LogFilter]-?: (value: NonNullable<LogFilter[K]>) => Condition } = {
  id: (id) => ['id = ?', id],
  keyId: (key) => ['key = ?', key],
  ownerKeyId: (key) => ['key = ?', key],
  route: (route) => (route.includes('@') ? ['route = ?', route] : startsWith('route', `${route}@`)),
  model: (model) => [OF_MODEL, model],
  target: (target) => (target.includes('/') ? ['target = ?', target] : startsWith('target', `${target}/`)),
  status: (status) => (status < 10 ? ['status / 100 = ?', status] : ['status = ?', status]),
  costNanoMin: (nano) => ['cost >= ?', nano],
  costNanoMax: (nano) => ['cost <= ?', nano],
  fromMs: (ms) => ['at_ms >= ?', ms],
  toMs: (ms) => ['at_ms < ?', ms],
  cache: (cache) => ['cache = ?', cache],
  reuse: (reuse) => ['reuse = ?', reuse],
  hasFeedback: (has) => [`${has ? '' : 'NOT '}EXISTS (SELECT 1 FROM feedback WHERE feedback.seq = entries.seq)`],
};

/** The filter as SQL over the columns of `entries`. */
export function conditionsOf(filter: LogFilter): Conditions {
  const conditions = Object.entries(filter)
    .filter(([, value]) => value !== undefined)
    .map(([part, value]) => (CONDITIONS[part as keyof LogFilter] as (value: unknown) => Condition)(value));
  if (conditions.length === 0) return { where: 'true', bindings: [] };
  return { where: conditions.map(([sql]) => sql).join(' AND '), bindings: conditions.flatMap(([, ...values]) => values) };
}

/** Without LIKE, whose wildcards a name may contain. */
const startsWith = (column: string, prefix: string): Condition => [`substr(${column}, 1, ?) = ?`, prefix.length, prefix];
