import { LIMITS } from '../../contract/limits.ts';
import type { Outcome } from '../../contract/outcome.ts';
import { refuse, refuseBeyond, refuseResource } from '../../contract/outcome.ts';
import type { Condition } from '../../contract/route-conditions.ts';
import type { Choice, RouteVersion } from '../../contract/route-rules.ts';
import type { FieldPath } from '../../contract/field-path.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { Served } from '../target.ts';
import { implies, isImpossible } from './implied-conditions.ts';
import type { FindTarget } from './route-plan.ts';
import { canServe } from './route-plan.ts';

const ALL_KINDS: readonly Served[] = ['chat', 'completions', 'responses', 'embeddings', 'rerank', 'moderations'];

/**
 * Refuses a version that cannot mean what it says: with a target that is unknown or serves none of the kinds of request that reach it, or with a
 * rule that no request reaches. A choice names targets only, never routes, so that routes cannot go in a circle. [U92]
 */
export function checkRoute(version: RouteVersion, find: FindTarget): Outcome<null> {
  const { rules } = version;
  const bytes = utf8(JSON.stringify(version)).length;
  if (bytes > LIMITS.routeVersionBytesMax)
    return refuseBeyond({ path: 'rules', limit: 'routeVersionBytesMax', value: bytes, what: `have ${bytes} bytes with the default` });
  for (const [at, { when }] of rules.entries()) {
    const path = ['rules', at, 'when'];
    if (isImpossible(when)) return refuse('invalid_value', 'never holds, so the rule never applies', path);
    const before = rules.slice(0, at).findIndex((earlier) => implies(when, earlier.when));
    const earlier = before < 0 ? undefined : must(rules[before], 'it was found');
    if (earlier !== undefined)
      return refuse('invalid_value', `never decides: whatever meets it meets the earlier rule ${earlier.name}`, path);
  }
  for (const { choice, kinds, path } of choicesOf(version)) {
    const checked = checkTargets(choice, kinds, path, find);
    if (!checked.ok) return checked;
  }
  return ok(null);
}

interface Reached {
  readonly choice: Choice;
  /** Kinds of requests that can come here. */
  readonly kinds: readonly Served[];
  readonly path: FieldPath;
}

function choicesOf({ rules, default: otherwise }: RouteVersion): Reached[] {
  return [
    ...rules.map(({ when, use }, at) => ({ choice: use, kinds: kindsOf(when), path: ['rules', at, 'use'] })),
    { choice: otherwise, kinds: ALL_KINDS, path: ['default'] },
  ];
}

const kindsOf = ({ kind, all = [] }: Condition): readonly Served[] =>
  all.reduce<readonly Served[]>((kinds, each) => kinds.filter((known) => kindsOf(each).includes(known)), kind ?? ALL_KINDS);

function checkTargets(choice: Choice, kinds: readonly Served[], path: FieldPath, find: FindTarget): Outcome<null> {
  if (choice.kind === 'split')
    return firstRefusal(
      choice.parts.map(
        ({ use }, at) =>
          () =>
            checkTargets(use, kinds, [...path, 'parts', at, 'use'], find),
      ),
    );
  if (choice.kind === 'refuse') return ok(null);
  return firstRefusal(
    choice.groups.flatMap((group, i) =>
      group.map(
        ({ target }, j) =>
          () =>
            checkTarget(target, kinds, [...path, 'groups', i, j, 'target'], find),
      ),
    ),
  );
}

function checkTarget(name: string, kinds: readonly Served[], path: FieldPath, find: FindTarget): Outcome<null> {
  const target = find(name);
  if (target === undefined)
    return refuseResource(
      'model_not_found',
      { kind: 'model', name },
      'no upstream that you may use has it: a target is upstream/model',
      path,
    );
  if (kinds.some((kind) => canServe(target.model, kind))) return ok(null);
  return refuse('invalid_value', `${name} serves ${target.model.serves.join(', ')}; only ${kinds.join(', ')} can come here`, path);
}

function firstRefusal(checks: readonly (() => Outcome<null>)[]): Outcome<null> {
  for (const check of checks) {
    const checked = check();
    if (!checked.ok) return checked;
  }
  return ok(null);
}
