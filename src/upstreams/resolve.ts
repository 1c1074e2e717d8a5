import { closestTo } from '../contract/api/closest-word.ts';
import { withSuggestion } from '../contract/api/errors.ts';
import { shownName } from '../contract/api/field-path.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { refuse, refuseResource } from '../contract/api/outcome.ts';
import { err, ok } from '../kernel/result.ts';
import { isMedia } from './media/media-kinds.ts';
import type { Surface } from './protocol/surfaces.ts';
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
  const others = isMedia(surface) ? servingNames(visible.flat(), surface) : '';
  if (named.some((targets) => targets.length > 0)) return refuse('invalid_value', `does not serve ${surface}${others}`, 'model');
  const message = `no upstream that the key may use has a model ${JSON.stringify(shownName(name))}${others}: see GET /v1/models`;
  const meant = closestTo(
    name,
    visible.flat().flatMap((target) => [target.model.name, targetName(target)]),
  );
  return err(withSuggestion(refuseResource('model_not_found', { kind: 'model', name }, message, 'model').error, meant));
}

const NAMES_SHOWN = 8;

/** Models that make images or sound are few, and none is the deployment's own: a caller learns which there are. [U268] */
function servingNames(targets: readonly Target[], surface: Surface): string {
  const names = [...new Set(targets.filter((target) => serves(target, surface)).map(({ model }) => model.name))];
  if (names.length === 0) return '; none serves such calls';
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : '';
  return `; such calls are served by ${names.slice(0, NAMES_SHOWN).join(', ')}${more}`;
}
