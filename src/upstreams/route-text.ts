import type { AttemptRecord } from './dispatch.ts';
import type { Plan, Target } from './target.ts';

/** A token of structured fields (RFC 8941, 3.3.4): what needs no quotes. */
const TOKEN = /^[A-Za-z*][\w!#$%&'*+.^`|~:/-]*$/;

const itemOf = (text: string): string =>
  TOKEN.test(text) ? text : `"${text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, String.raw`\$&`)}"`;

/** What served a call, as the header `x-sluice-route` says it: `upstream/model; attempts=1; reason=model`. [U39] */
export function routeText(served: {
  readonly target: Target;
  readonly plan: Plan;
  readonly attempts: readonly AttemptRecord[];
  readonly cascade?: { readonly why: string; readonly confidence: number; readonly threshold: number };
}): string {
  const { target, plan, attempts, cascade } = served;
  const { upstream, model } = target;
  // An answer of the cache, for which nothing was asked, may be of a cascade's teacher.
  const isFallback = cascade === undefined && attempts.length > 0 && !(plan.groups[0] ?? []).includes(target);
  return `${itemOf(`${upstream}/${model.name}`)}; attempts=${attempts.length}; reason=${itemOf(isFallback ? 'fallback' : plan.reason)}${cascade === undefined ? '' : cascadeText(cascade)}`;
}

/** A decimal of structured fields has at most three digits behind its point. What is no number is left out. */
function cascadeText({
  why,
  confidence,
  threshold,
}: {
  readonly why: string;
  readonly confidence: number;
  readonly threshold: number;
}): string {
  const numbers = Object.entries({ confidence, threshold }).filter(([, value]) => Number.isFinite(value));
  return [`; cascade=${why}`, ...numbers.map(([name, value]) => `; ${name}=${value.toFixed(3)}`)].join('');
}
