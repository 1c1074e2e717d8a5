import type { AnswerReuse } from '../../contract/routes/route-rules.ts';
import { keyHash } from '../../kernel/fast-hash.ts';
import { wilsonUpper } from '../../kernel/wilson.ts';
import type { NamedVersion } from '../routes/route-plan.ts';
import type { UpstreamOwner } from '../upstream-record.ts';
import { PLATFORM } from '../upstream-record.ts';

/** How answers that were made for other questions compare with what the model answers. Sums, so that those of isolates can be added. */
export interface ReuseCounts {
  readonly checked: number;
  /** Of them: the model answered otherwise. */
  readonly differed: number;
}

/** What is measured, of one tenant: a version of a route that reuses answers. */
export interface ReuseSubject {
  /** The same for the same rules alone: a route that was made anew begins without evidence. */
  readonly key: string;
  /** As `name@version`. */
  readonly route: string;
  readonly kind: AnswerReuse['kind'];
  readonly falseHitMax: number;
}

export interface MeasuredReuse extends ReuseSubject {
  readonly counts: ReuseCounts;
}

/**
 * `learning`: too little is known, and every answer that could be reused is checked. `reusing`: the bound permits it; a share is checked. `off`:
 * enough is known, and too much of it was false: nothing is reused, and a share is checked, so that reuse can begin again.
 */
export type ReuseState = 'learning' | 'reusing' | 'off';

export const NO_CHECKS: ReuseCounts = { checked: 0, differed: 0 };

export const addChecks = (a: ReuseCounts, b: ReuseCounts): ReuseCounts => ({
  checked: a.checked + b.checked,
  differed: a.differed + b.differed,
});

export const reuseSubject = (owner: UpstreamOwner, { name, version, rules }: NamedVersion, reuse: AnswerReuse): ReuseSubject => ({
  key: `${owner === PLATFORM ? PLATFORM : 'own'}/${name}@${version}/${keyHash(JSON.stringify(rules)).toString(36)}`,
  route: `${name}@${version}`,
  kind: reuse.kind,
  falseHitMax: reuse.false_hit_max,
});

/** The most that the share of false answers may be: the upper end of its 95 % interval; 1 without evidence. [U126] */
export const falseHitBound = ({ checked, differed }: ReuseCounts): number => wilsonUpper(differed, checked);

export function reuseState(counts: ReuseCounts, falseHitMax: number): ReuseState {
  if (falseHitBound(counts) <= falseHitMax) return 'reusing';
  // With as many checks and none that differed, the bound would permit it.
  return wilsonUpper(0, counts.checked) <= falseHitMax ? 'off' : 'learning';
}

/** Checks that stay of those that none differs in for the bound to reach a limit: so many times as many, and half of them. */
const KEPT_TIMES = 8;
const WILSON_Z = 1.96;

/** Older checks count for half once there are many: a model or users that change end reuse soon. [U126] */
export function fadedChecks(counts: ReuseCounts, falseHitMax: number): ReuseCounts {
  const needed = (WILSON_Z * WILSON_Z * (1 - falseHitMax)) / falseHitMax;
  return counts.checked <= KEPT_TIMES * needed ? counts : { checked: counts.checked / 2, differed: counts.differed / 2 };
}

/** As answers of the API have it. */
export const reuseEvidenceReply = (counts: ReuseCounts, falseHitMax: number) => ({
  checked: Math.round(counts.checked),
  differed: Math.round(counts.differed),
  false_hit_bound: falseHitBound(counts),
  state: reuseState(counts, falseHitMax),
});
