import type { AttemptRecord } from './dispatch.ts';
import type { Plan, Target } from './target.ts';

/** A token of structured fields (RFC 8941, 3.3.4): what needs no quotes. */
const TOKEN = /^[A-Za-z*][\w!#$%&'*+.^`|~:/-]*$/;

const itemOf = (text: string): string =>
  TOKEN.test(text) ? text : `"${text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, String.raw`\$&`)}"`;

/** What served a call, as the header `x-sluice-route` says it: `upstream/model; attempts=1; reason=model`. [U39] */
export function routeText(served: { readonly target: Target; readonly plan: Plan; readonly attempts: readonly AttemptRecord[] }): string {
  const { target, plan, attempts } = served;
  const { upstream, model } = target;
  const isFallback = !(plan.groups[0] ?? []).includes(target);
  return `${itemOf(`${upstream}/${model.name}`)}; attempts=${attempts.length}; reason=${itemOf(isFallback ? 'fallback' : plan.reason)}`;
}
