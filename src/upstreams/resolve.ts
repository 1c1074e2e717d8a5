import { closestTo } from '../contract/api/closest-word.ts';
import { withSuggestion } from '../contract/api/errors.ts';
import { shownName } from '../contract/api/field-path.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { refuse, refuseResource } from '../contract/api/outcome.ts';
import { err, ok } from '../kernel/result.ts';
import type { Surface } from './protocol/exchange.ts';
import { serves } from './protocol/exchange.ts';
import type { Plan, Target } from './target.ts';
import { targetName } from './target.ts';

/** The upstreams that a caller sees: the tenant's own, and those of the platform. */
export interface VisibleTargets {
  readonly own: readonly Target[];
  readonly platform: readonly Target[];
}

/** Whether a target is what a request names: `model`, or `upstream/model`. */
const isNamed = (target: Target, name: string): boolean => target.model.name === name || targetName(target) === name;

/**
 * Where a request that names a model may be served: by the tenant's own upstreams, and if none of those can, by the platform's. A tenant's
 * upstream hides the platform's of the same name. [U38]
 */
export function resolve({ own, platform }: VisibleTargets, name: string, surface: Surface): Outcome<Plan> {
  const hidden = new Set(own.map(({ upstream }) => upstream));
  const visible = [own, platform.filter(({ upstream }) => !hidden.has(upstream))];
  const named = visible.map((targets) => targets.filter((target) => isNamed(target, name)));
  const groups = named.map((targets) => targets.filter((target) => serves(target, surface))).filter((targets) => targets.length > 0);
  if (groups.length > 0) return ok({ groups, reason: 'model' });
  if (named.some((targets) => targets.length > 0)) return refuse('invalid_value', `does not serve ${surface}`, 'model');
  const message = `no upstream that the key may use has a model ${JSON.stringify(shownName(name))}: see GET /v1/models`;
  const meant = closestTo(
    name,
    visible.flat().flatMap((target) => [target.model.name, targetName(target)]),
  );
  return err(withSuggestion(refuseResource('model_not_found', { kind: 'model', name }, message, 'model').error, meant));
}
