import { UPSTREAM_LIMITS } from '../../contract/upstreams/upstream-limits.ts';

/** Whether a target could take a call now. `busy`: it has no place, or others wait for it. `paused`: it asked for it. `down`: its breaker is open. */
export type Standing =
  | { readonly kind: 'ready' }
  | { readonly kind: 'busy' }
  | { readonly kind: 'paused'; readonly untilMs: number }
  | { readonly kind: 'down'; readonly untilMs: number };

/** A target of the plan, as a request that looks for one finds it. */
export interface Candidate {
  readonly standing: Standing;
  /** Attempts of this request there. */
  readonly tries: number;
  /** When this request may try again there. */
  readonly notBeforeMs: number;
  /** Whether the target has retries left in its budget. */
  readonly mayRetry: boolean;
  /** It fails more than the others of its group. */
  readonly isOutlier: boolean;
}

/** `attempt`: at one of these positions of a group. `queue`: wait for a place there. `pause`: look again then; `isShared`: others do too. `give_up`: `isPaused`: where a pause is too long. */
export type NextStep =
  | { readonly kind: 'attempt'; readonly group: number; readonly members: readonly number[]; readonly isRetry: boolean }
  | { readonly kind: 'queue'; readonly places: readonly { readonly group: number; readonly member: number }[] }
  | { readonly kind: 'pause'; readonly untilMs: number; readonly isShared: boolean }
  | { readonly kind: 'give_up'; readonly retryAtMs: number | undefined; readonly isPaused: boolean };

/**
 * What a request does next: the first group that can serve it does, by a target that it has not tried where there is one; a group whose
 * pause is short is waited for, and otherwise the next group is asked. It waits for a place only when no group has one. [U50, U51]
 */
export function nextStep(groups: readonly (readonly Candidate[])[], nowMs: number): NextStep {
  const busy: { group: number; member: number }[] = [];
  let wakeMs = Infinity;
  let isShared = false;
  let returnMs = Infinity;
  const tries = groups.reduce((sum, group) => sum + triesOf(group), 0);
  if (tries >= UPSTREAM_LIMITS.upstreamAttemptsMaxCount) return { kind: 'give_up', retryAtMs: undefined, isPaused: false };
  for (const [at, group] of groups.entries()) {
    const groupTries = triesOf(group);
    if (groupTries >= UPSTREAM_LIMITS.upstreamGroupAttemptsMaxCount) continue;
    const isRetry = groupTries > 0;
    const open = [...group.entries()].filter(
      ([, { tries: tried, mayRetry }]) => tried < UPSTREAM_LIMITS.upstreamTargetAttemptsMaxCount && (!isRetry || mayRetry),
    );
    const ready = open.filter(([, { standing, notBeforeMs }]) => standing.kind === 'ready' && notBeforeMs <= nowMs);
    if (ready.length > 0) return { kind: 'attempt', group: at, members: preferred(ready), isRetry };
    const groupWakeMs = Math.min(...open.map(([, candidate]) => wakeOf(candidate, nowMs)));
    wakeMs = Math.min(wakeMs, groupWakeMs);
    for (const [member, { standing, notBeforeMs }] of open) {
      if (standing.kind === 'busy' && notBeforeMs <= nowMs) busy.push({ group: at, member });
      if (standing.kind === 'paused') isShared = true;
      if (standing.kind === 'down') returnMs = Math.min(returnMs, standing.untilMs);
    }
    if (groupWakeMs - nowMs <= UPSTREAM_LIMITS.upstreamFallbackAfterMs) return { kind: 'pause', untilMs: groupWakeMs, isShared };
  }
  if (busy.length > 0) return { kind: 'queue', places: busy };
  if (wakeMs - nowMs <= UPSTREAM_LIMITS.upstreamRetryAfterMaxMs) return { kind: 'pause', untilMs: wakeMs, isShared };
  const retryAtMs = Math.min(wakeMs, returnMs);
  return { kind: 'give_up', retryAtMs: retryAtMs === Infinity ? undefined : retryAtMs, isPaused: wakeMs < Infinity };
}

const triesOf = (group: readonly Candidate[]): number => group.reduce((sum, { tries }) => sum + tries, 0);

/** When a candidate that is not ready may be, by time alone: a breaker is not waited for, and a place is waited for in line. */
function wakeOf({ standing, notBeforeMs }: Candidate, nowMs: number): number {
  if (standing.kind === 'paused') return Math.max(standing.untilMs, notBeforeMs);
  return standing.kind !== 'down' && notBeforeMs > nowMs ? notBeforeMs : Infinity;
}

/** Targets not tried yet before those that were, and of these the ones that are no outliers, if there are any. */
function preferred(ready: readonly (readonly [number, Candidate])[]): number[] {
  const fewest = Math.min(...ready.map(([, { tries }]) => tries));
  const fresh = ready.filter(([, { tries }]) => tries === fewest);
  const steady = fresh.filter(([, { isOutlier }]) => !isOutlier);
  return (steady.length > 0 ? steady : fresh).map(([member]) => member);
}
