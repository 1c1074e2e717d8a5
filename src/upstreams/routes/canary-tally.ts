import { addTally, CANARY_LATENCIES, NO_TALLY } from '../canary/canary.ts';
import type { ArmTally } from '../canary/canary.ts';
import type { CanaryReport, ServingRoute } from './route-record.ts';
import type { UpstreamOwner } from '../upstream-record.ts';

/** How a request that a route served ended. Refusals of the caller's own fault are no outcome of the route. */
export interface RouteOutcome {
  readonly owner: UpstreamOwner;
  readonly route: ServingRoute;
  readonly isCanary: boolean;
  readonly failed: boolean;
  /** Until the first piece of its answer. */
  readonly elapsedMs: number;
}

/** What an isolate counts of routes that have a canary, until it is reported: lost with the isolate, at most a second of it. [U97] */
export class CanaryTally {
  readonly #byOwner = new Map<UpstreamOwner, Map<string, CanaryReport>>();

  count({ owner, route, isCanary, failed, elapsedMs }: RouteOutcome): void {
    const { name, version: stableVersion, canary } = route;
    if (canary === null) return;
    const of = this.#byOwner.get(owner) ?? new Map<string, CanaryReport>();
    this.#byOwner.set(owner, of);
    const key = `${name} ${stableVersion} ${canary.version}`;
    const before = of.get(key) ?? { route: name, canaryVersion: canary.version, stableVersion, canary: NO_TALLY, stable: NO_TALLY };
    const arm = isCanary ? 'canary' : 'stable';
    of.set(key, { ...before, [arm]: addTally(before[arm], one(failed, elapsedMs)) });
  }

  /** What was counted of an owner's routes since this was last asked. */
  take(owner: UpstreamOwner): readonly CanaryReport[] {
    const reports = [...(this.#byOwner.get(owner)?.values() ?? [])];
    this.#byOwner.delete(owner);
    return reports;
  }
}

function one(failed: boolean, elapsedMs: number): ArmTally {
  const bucket = CANARY_LATENCIES.bucketOf(elapsedMs);
  return { requests: 1, failures: Number(failed), latencies: NO_TALLY.latencies.map((_, at) => Number(!failed && at === bucket)) };
}
