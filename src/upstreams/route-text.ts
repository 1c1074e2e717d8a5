import type { AttemptRecord } from './dispatch.ts';
import type { CascadeOutcome } from './cascade/cascade-decision.ts';
import type { Plan, Target } from './target.ts';
import { targetName } from './target.ts';

interface ServedCall {
  readonly target: Target;
  readonly plan: Plan;
  readonly attempts: readonly AttemptRecord[];
  readonly cascade?: CascadeOutcome;
}

/** A token of structured fields (RFC 8941, 3.3.4): what needs no quotes. */
const TOKEN = /^[A-Za-z*][\w!#$%&'*+.^`|~:/-]*$/;

const itemOf = (text: string): string =>
  TOKEN.test(text) ? text : `"${text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, String.raw`\$&`)}"`;

/** What served a call, as the header `x-sluice-route` says it: `upstream/model; attempts=1; reason=model`. [U39] */
export function routeText({ target, plan, attempts, cascade }: ServedCall): string {
  // An answer of the cache, for which nothing was asked, may be of a cascade's teacher.
  const isFallback = cascade === undefined && attempts.length > 0 && !(plan.groups[0] ?? []).includes(target);
  const reason = itemOf(isFallback ? 'fallback' : plan.reason);
  return `${itemOf(targetName(target))}; attempts=${attempts.length}; reason=${reason}${cascade === undefined ? '' : cascadeText(cascade)}`;
}

/** A decimal of structured fields has at most three digits behind its point. What is no number is left out. */
function cascadeText({ why, confidence, threshold }: CascadeOutcome): string {
  const numbers = Object.entries({ confidence, threshold }).filter(([, value]) => Number.isFinite(value));
  return [`; cascade=${why}`, ...numbers.map(([name, value]) => `; ${name}=${value.toFixed(3)}`)].join('');
}
