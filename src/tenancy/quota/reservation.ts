import type { Resource } from '../../contract/tenancy/quota-terms.ts';
import type { Amounts, CounterKey } from './amounts.ts';
import { keysOf, minus } from './amounts.ts';
import type { QuotaNews, Refused } from './decision.ts';
import type { LevelId } from './quota-level.ts';
import { credited, isHeld, opened, placeOf } from './quota-level.ts';
import type { Slice } from './window.ts';
import { rolled } from './window.ts';
import type { Path, PathLevel, Taken } from './take.ts';
import { take } from './take.ts';

/** How much exists of what is counted while it exists, at an organisation or tenant; undefined while it has not been counted. */
export type HeldUnits = (id: LevelId, resource: Resource) => number | undefined;

/**
 * Takes units for work that names itself: a segment of a job, a write that adds vectors. All of it at all levels, or nothing. What is
 * taken stays taken until it is settled, or for good.
 */
export function reserve(path: Path, units: Amounts, held: HeldUnits, nowMs: number): Taken {
  const [existing, consumed] = parted(units);
  const full = heldRefusal(path, existing, held);
  if (full !== undefined) return { path, decision: full, alerts: [] };
  const taken = take(path, { need: consumed, draw: consumed, want: consumed, returned: [] }, nowMs);
  if (taken.decision.kind === 'refused') return taken;
  const { slice } = taken.decision;
  return {
    ...taken,
    decision: { ...taken.decision, slice: { ...slice, units: { ...slice.units, ...existing } } },
    alerts: [...taken.alerts, ...heldAlerts(path, existing, held)],
  };
}

/** Gives back what was taken and not used, in the windows that are still open. */
export function settle(path: Path, { units, startsMs }: Slice, used: Amounts, nowMs: number): Path {
  const rest = minus(parted(units)[1], used);
  const now = rolled(path[0].level.startsMs, nowMs);
  return path.map((step) => ({
    ...step,
    level: credited(opened(step.level, now, nowMs), { units: rest, startsMs }),
  })) as unknown as Path;
}

/** What exists, and what is consumed. */
function parted(units: Amounts): [existing: Amounts, consumed: Amounts] {
  const of = (wanted: boolean): Amounts =>
    Object.fromEntries(keysOf(units).flatMap((key) => (isHeld(key) === wanted ? [[key, units[key]]] : [])));
  return [of(true), of(false)];
}

function heldRefusal(path: Path, existing: Amounts, held: HeldUnits): Refused | undefined {
  for (const { id, kind, rule, needed } of heldRules(path, existing)) {
    const now = held(id, rule.resource);
    if (rule.kind === 'soft' || (now !== undefined && now + needed <= rule.limit)) continue;
    return { kind: 'refused', level: kind, rule, needed, retryAfterMs: null, tightest: [] };
  }
  return undefined;
}

function heldAlerts(path: Path, existing: Amounts, held: HeldUnits): QuotaNews[] {
  return heldRules(path, existing).flatMap(({ id, rule, needed }) => {
    const before = held(id, rule.resource) ?? 0;
    if (rule.kind === 'hard' || before > rule.limit || before + needed <= rule.limit) return [];
    return [{ id: `soft:${id}:${placeOf(rule)}:${rule.limit}`, levelId: id, rule, granted: before + needed, windowStartMs: 0 }];
  });
}

const heldRules = (path: Path, existing: Amounts) =>
  path.flatMap(({ id, kind, level }: PathLevel) =>
    level.rules.flatMap((rule) => {
      const needed = existing[rule.resource as CounterKey] ?? 0;
      return rule.window === 'held' && needed > 0 ? [{ id, kind, rule, needed }] : [];
    }),
  );
