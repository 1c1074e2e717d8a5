import type { LevelKind } from '../../contract/tenancy/quota-terms.ts';
import type { QuotaRule } from '../../contract/tenancy/quota-rule.ts';
import type { Amounts, CounterKey } from './amounts.ts';
import { keysOf } from './amounts.ts';
import type { Ask, Decision, QuotaNews, Refused, Tightest } from './decision.ts';
import type { LevelId, QuotaLevel } from './quota-level.ts';
import { counterOf, credited, debited, grantedIn, leftUnder, opened, placeOf, rateOf } from './quota-level.ts';
import { fillsInMs } from './token-bucket.ts';
import type { Slice } from './window.ts';
import { rolled, windowEndMs, windowMsMax } from './window.ts';

/** A level on the path from the organisation down to the requester. */
export interface PathLevel {
  readonly id: LevelId;
  readonly kind: LevelKind;
  readonly level: QuotaLevel;
}

/** From the organisation down: it is on every path, and its windows are those of all. */
export type Path = readonly [PathLevel, ...PathLevel[]];

export interface Taken {
  readonly path: Path;
  readonly decision: Decision;
  readonly alerts: readonly QuotaNews[];
}

/** A slice takes at most this share of what is left, so that idle slices cannot strand the end of a budget. */
const SLICE_SHARE = 32;

/**
 * Takes a slice at all levels of a path: credits what is returned, then grants `need` and as much of `want` as is fair, or refuses and
 * grants nothing.
 */
export function take(path: Path, ask: Ask, nowMs: number): Taken {
  const current = onEach(openedAt(path, nowMs), (level) => ask.returned.reduce(credited, level));
  const { startsMs } = current[0].level;
  const refused = refusalOf(current, ask, nowMs);
  if (refused !== undefined) return { path: current, decision: refused, alerts: stopsOf(current, refused) };
  const units = sized(current, ask);
  const after = onEach(current, (level) => debited(level, units));
  const tight = keysOf(units).filter((key) => (units[key] ?? 0) > fairSlice(current, key));
  return { path: after, decision: grant(after, { units, startsMs }, tight, nowMs), alerts: alertsOf(current, after) };
}

/** A path with the windows of this moment open. */
export function openedAt(path: Path, nowMs: number): Path {
  const startsMs = rolled(path[0].level.startsMs, nowMs);
  return onEach(path, (level) => opened(level, startsMs, nowMs));
}

/** `need`, and what is fair of the rest of `want`. */
function sized(path: Path, { need, want }: Ask): Amounts {
  const units: Partial<Record<CounterKey, number>> = {};
  for (const key of keysOf(want)) {
    const count = Math.max(need[key] ?? 0, Math.min(want[key] ?? 0, fairSlice(path, key)));
    if (count > 0) units[key] = count;
  }
  for (const key of keysOf(need)) units[key] ??= need[key] ?? 0;
  return units;
}

const fairSlice = (path: Path, key: CounterKey): number => Math.floor(headroom(path, key) / SLICE_SHARE);

/** Units that all hard rules of a path let pass now. */
export const headroom = (path: Path, key: CounterKey): number =>
  Math.min(
    Number.MAX_SAFE_INTEGER,
    ...hardRules(path).flatMap(({ level, rule }) => (counterOf(rule) === key ? [leftUnder(level, rule)] : [])),
  );

function grant(path: Path, slice: Slice, tight: readonly CounterKey[], nowMs: number): Decision {
  const { startsMs } = slice;
  const limiting = hardRules(path);
  const window = limiting.some(({ rule }) => rule.window === 'second' && rule.burst === null) ? 'second' : 'minute';
  return {
    kind: 'granted',
    slice,
    // A clock that stepped back is before the window it goes on in.
    lifeMs: Math.min(windowEndMs(window, startsMs[window]) - nowMs, windowMsMax(window)),
    window,
    tightest: tightestOf(path, nowMs),
    tight,
    holds: limiting.flatMap(({ rule }) => (rule.window === 'held' ? [rule.resource] : [])),
  };
}

/** The longest wait first: a caller that has spent the month does not need the limit of the minute. */
function refusalOf(path: Path, { need, draw }: Ask, nowMs: number): Refused | undefined {
  let worst: Refused | undefined;
  for (const { kind, level, rule } of hardRules(path)) {
    const key = counterOf(rule);
    const wanted = need[key] ?? 0;
    if (rule.window === 'held' || wanted === 0 || wanted <= leftUnder(level, rule)) continue;
    const needed = draw[key] ?? wanted;
    const retryAfterMs = waitMs(level, rule, needed, wanted, nowMs);
    if (worst !== undefined && (worst.retryAfterMs ?? Infinity) >= (retryAfterMs ?? Infinity)) continue;
    worst = { kind: 'refused', level: kind, rule, needed, retryAfterMs, tightest: tightestOf(path, nowMs) };
  }
  return worst;
}

function waitMs(level: QuotaLevel, rule: QuotaRule, needed: number, wanted: number, nowMs: number): number | null {
  const [rate, bucket] = [rateOf(rule), level.buckets[placeOf(rule)]];
  if (rate !== undefined && bucket !== undefined) return needed > rate.burst ? null : fillsInMs(bucket, rate, wanted);
  if (needed > rule.limit || rule.window === 'held') return null;
  return windowEndMs(rule.window, level.startsMs[rule.window]) - nowMs;
}

function tightestOf(path: Path, nowMs: number): Tightest[] {
  const found: Tightest[] = [];
  for (const resource of ['requests', 'tokens', 'spend_nano'] as const) {
    let tightest: Tightest | undefined;
    for (const { level, rule } of hardRules(path)) {
      if (counterOf(rule) !== resource || rule.window === 'held') continue;
      const remaining = leftUnder(level, rule);
      if (tightest === undefined || remaining < tightest.remaining) tightest = { resource, remaining, ...wholeOf(level, rule, nowMs) };
    }
    if (tightest !== undefined) found.push(tightest);
  }
  return found;
}

/** All that a rule lets pass at once, and until when that is there again. */
function wholeOf(level: QuotaLevel, rule: QuotaRule, nowMs: number): { limit: number; resetMs: number } {
  const [rate, bucket] = [rateOf(rule), level.buckets[placeOf(rule)]];
  if (rate !== undefined && bucket !== undefined) return { limit: rate.burst, resetMs: fillsInMs(bucket, rate, rate.burst) ?? 0 };
  const window = rule.window === 'held' ? 'minute' : rule.window;
  return { limit: rule.limit, resetMs: windowEndMs(window, level.startsMs[window]) - nowMs };
}

/** A budget that refuses is news, once a window. */
function stopsOf(path: Path, { level: kind, rule }: Refused): QuotaNews[] {
  const stopped = path.find((step) => step.kind === kind);
  if (rule.resource !== 'spend_nano' || rule.window === 'held' || stopped === undefined) return [];
  const { id, level } = stopped;
  const windowStartMs = level.startsMs[rule.window];
  const granted = grantedIn(level, counterOf(rule), rule.window);
  return [{ id: `stop:${id}:${placeOf(rule)}:${rule.limit}:${windowStartMs}`, levelId: id, rule, granted, windowStartMs }];
}

function alertsOf(before: Path, after: Path): QuotaNews[] {
  return after.flatMap(({ id, level }, position) =>
    level.rules.flatMap((rule) => {
      const { window } = rule;
      if (rule.kind !== 'soft' || window === 'held') return [];
      const granted = grantedIn(level, counterOf(rule), window);
      const was = grantedIn((before[position] as PathLevel).level, counterOf(rule), window);
      if (was > rule.limit || granted <= rule.limit) return [];
      const windowStartMs = level.startsMs[window];
      return [{ id: `soft:${id}:${placeOf(rule)}:${rule.limit}:${windowStartMs}`, levelId: id, rule, granted, windowStartMs }];
    }),
  );
}

const hardRules = (path: Path) =>
  path.flatMap(({ kind, level }) => level.rules.flatMap((rule) => (rule.kind === 'hard' ? [{ kind, level, rule }] : [])));

const onEach = (path: Path, change: (level: QuotaLevel) => QuotaLevel): Path =>
  path.map((step) => ({ ...step, level: change(step.level) })) as unknown as Path;

/** Every limit of consumption is kept: what the tests and the objects assert after each step. */
export const isWithinLimits = (level: QuotaLevel): boolean =>
  level.rules.every(
    (rule) =>
      rule.kind === 'soft' || rule.window === 'held' || rule.burst !== null || grantedIn(level, counterOf(rule), rule.window) <= rule.limit,
  );

/** A level as it is now, viewed by itself. */
export const levelAt = (level: QuotaLevel, nowMs: number): QuotaLevel => opened(level, rolled(level.startsMs, nowMs), nowMs);
