import { ROUTE_LIMITS } from '../../contract/routes/route-limits.ts';
import type { UpstreamOwner } from '../upstream-record.ts';
import type { CascadeCounts } from './cascade-counts.ts';
import { addCounts, NO_COUNTS } from './cascade-counts.ts';
import { EscalationCap } from './escalation-cap.ts';
import { dropOldest } from '../../kernel/drop-oldest.ts';

/** A cascade of a route: its models, and their kind of confidence. */
export interface CascadeName {
  readonly key: string;
  readonly student: readonly string[];
  readonly teacher: readonly string[];
  readonly confidence: string;
}

/** What an isolate has counted of a cascade since it last reported. */
export interface CascadeReport extends CascadeName {
  readonly route: string;
  readonly counts: CascadeCounts;
}

/** What an isolate counts of cascades: what it has to report, lost with the isolate, and how many requests each has escalated. [U174] */
export class CascadeTally {
  readonly #byOwner = new Map<UpstreamOwner, Map<string, CascadeReport>>();
  /** The least recently used is dropped first. */
  readonly #caps = new Map<string, EscalationCap>();

  count(owner: UpstreamOwner, route: string, { key, student, teacher, confidence }: CascadeName, more: Partial<CascadeCounts>): void {
    const of = this.#byOwner.get(owner) ?? new Map<string, CascadeReport>();
    this.#byOwner.set(owner, of);
    const before = of.get(`${route} ${key}`)?.counts ?? NO_COUNTS;
    of.set(`${route} ${key}`, { route, key, student, teacher, confidence, counts: addCounts(before, { ...NO_COUNTS, ...more }) });
  }

  /** What was counted of an owner's routes since this was last asked. */
  take(owner: UpstreamOwner): readonly CascadeReport[] {
    const reports = [...(this.#byOwner.get(owner)?.values() ?? [])];
    this.#byOwner.delete(owner);
    return reports;
  }

  /** A cap that was dropped starts empty: it allows no escalation until it has counted answers that were kept. */
  capOf(owner: UpstreamOwner, route: string, key: string): EscalationCap {
    const name = `${owner} ${route} ${key}`;
    const cap = this.#caps.get(name) ?? new EscalationCap(ROUTE_LIMITS.cascadeWindowMs);
    this.#caps.delete(name);
    this.#caps.set(name, cap);
    dropOldest(this.#caps, ROUTE_LIMITS.routeOwnersKnownMaxCount * ROUTE_LIMITS.routeCascadesMaxCount);
    return cap;
  }
}
