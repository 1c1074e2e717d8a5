import type { QuotaRule } from '../../../src/contract/tenancy/quota-rule.ts';
import type { Decision, PathAsk } from '../../../src/tenancy/quota/decision.ts';
import type { LevelId, QuotaLevel } from '../../../src/tenancy/quota/quota-level.ts';
import { defaultRules, levelKindOf, newLevel, withRules } from '../../../src/tenancy/quota/quota-level.ts';
import { reserve, settle } from '../../../src/tenancy/quota/reservation.ts';
import type { Path, Taken } from '../../../src/tenancy/quota/take.ts';
import { take } from '../../../src/tenancy/quota/take.ts';
import type { Amounts } from '../../../src/tenancy/quota/amounts.ts';

/** A quota rule with defaults. */
export const rule = (
  resource: QuotaRule['resource'],
  window: QuotaRule['window'],
  limit: number,
  more: Partial<QuotaRule> = {},
): QuotaRule => ({
  resource,
  window,
  limit,
  kind: 'hard',
  burst: null,
  accelerator: null,
  ...more,
});

/** The quota object's behaviour over maps: fast enough for simulations. */
export class MemoryQuota {
  readonly levels = new Map<LevelId, QuotaLevel>();
  readonly reservations = new Map<string, { readonly path: readonly LevelId[]; readonly decision: Decision }>();
  readonly #sequences = new Map<string, number>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  level(id: LevelId): QuotaLevel {
    return this.levels.get(id) ?? newLevel(defaultRules(levelKindOf(id)!));
  }

  setRules(id: LevelId, rules: readonly QuotaRule[]): void {
    this.levels.set(id, withRules(this.level(id), rules, this.#nowMs()));
  }

  take(holder: string, sequence: number, asks: readonly PathAsk[]): { decisions: Decision[]; isNew: boolean } {
    const last = this.#sequences.get(holder);
    const isNew = last !== undefined && sequence > last;
    if (last === undefined || sequence > last) this.#sequences.set(holder, sequence);
    const decisions = asks.map(({ path, ask }) =>
      this.#apply(path, (before) => take(before, isNew ? ask : { ...ask, returned: [] }, this.#nowMs())),
    );
    return { decisions, isNew };
  }

  reserve(id: string, path: readonly LevelId[], units: Amounts): Decision {
    const known = this.reservations.get(id);
    if (known !== undefined) return known.decision;
    const decision = this.#apply(path, (before) => reserve(before, units, () => 0, this.#nowMs()));
    if (decision.kind === 'granted') this.reservations.set(id, { path, decision });
    return decision;
  }

  settle(id: string, used: Amounts): void {
    const known = this.reservations.get(id);
    this.reservations.delete(id);
    if (known?.decision.kind !== 'granted') return;
    this.#save(settle(this.#path(known.path), known.decision.slice, used, this.#nowMs()));
  }

  #apply(ids: readonly LevelId[], change: (path: Path) => Taken): Decision {
    const { path, decision } = change(this.#path(ids));
    this.#save(path);
    return decision;
  }

  #path = (ids: readonly LevelId[]): Path => ids.map((id) => ({ id, kind: levelKindOf(id)!, level: this.level(id) })) as unknown as Path;

  #save(path: Path): void {
    for (const { id, level } of path) this.levels.set(id, level);
  }
}
