import type { RequestFacts } from './request-facts.ts';
import type { NamedVersion } from './route-plan.ts';
import type { ServingRoute } from './route-record.ts';
import { shareOf } from './stable-share.ts';

/** The version of a route that serves a request: a canary takes its share, by the hash of the request's end user or, without one, its id. [U97] */
export function armOf({ name, version, rules, canary }: ServingRoute, facts: RequestFacts): NamedVersion & { readonly isCanary: boolean } {
  if (canary === null || shareOf(facts, { by: 'user', salt: '' }, `${name} canary ${canary.version}`) >= canary.share)
    return { name, version, rules, isCanary: false };
  return { name, version: canary.version, rules: canary.rules, isCanary: true };
}
