import { ROUTE_LIMITS } from '../../contract/routes/route-limits.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import { refuseBeyond } from '../../contract/limits/limit-refusal.ts';
import { KINDS } from '../../contract/routes/route-conditions.ts';
import type { Condition } from '../../contract/routes/route-conditions.ts';
import type { CascadeChoice, Choice, RouteVersion } from '../../contract/routes/route-rules.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import { utf8 } from '../../kernel/bytes.ts';
import { must } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import { JUDGED_KINDS, targetNames } from '../cascade/cascade-decision.ts';
import type { Served } from '../target.ts';
import { canServe } from '../protocol/exchange.ts';
import { implies, isImpossible } from './implied-conditions.ts';
import type { FindTarget } from './route-plan.ts';

const ALL_KINDS: readonly Served[] = KINDS;

/**
 * Refuses a version that cannot mean what it says: with a target that is unknown or serves none of the kinds of request that reach it, or with a
 * rule that no request reaches. A choice names targets only, never routes, so that routes cannot go in a circle. [U92]
 */
export function checkRoute(version: RouteVersion, find: FindTarget): Outcome<null> {
  const { rules } = version;
  const bytes = utf8(JSON.stringify(version)).length;
  if (bytes > ROUTE_LIMITS.routeVersionBytesMax)
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
  return checkReuse(version.answer_reuse, find);
}

/** An embedding model without a slash is the deployment's, and checked where it runs. [U182] */
function checkReuse(reuse: RouteVersion['answer_reuse'], find: FindTarget): Outcome<null> {
  if (reuse === undefined || reuse.kind === 'reworded') return ok(null);
  const { model, verifier } = reuse;
  return firstRefusal([
    () => (model.includes('/') ? checkTarget(model, ['embeddings'], ['answer_reuse', 'model'], find) : ok(null)),
    () => (verifier === undefined ? ok(null) : checkTarget(verifier, ['chat', 'rerank'], ['answer_reuse', 'verifier'], find)),
  ]);
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

/** The cascades of a version, wherever they stand. */
export const cascadesOf = (version: RouteVersion): CascadeChoice[] =>
  choicesOf(version)
    .flatMap(({ choice }) => (choice.kind === 'split' ? choice.parts.map(({ use }) => use) : [choice]))
    .filter((choice) => choice.kind === 'cascade');

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
  if (choice.kind === 'cascade') return checkCascade(choice, kinds, path, find);
  return checkGroups(choice.groups, kinds, [...path, 'groups'], find);
}

const checkGroups = (groups: CascadeChoice['student'], kinds: readonly Served[], path: FieldPath, find: FindTarget): Outcome<null> =>
  firstRefusal(
    groups.flatMap((group, i) =>
      group.map(
        ({ target }, j) =>
          () =>
            checkTarget(target, kinds, [...path, i, j, 'target'], find),
      ),
    ),
  );

/** Of a cascade besides: that the confidence exists for what comes here, and that student and teacher differ. [U175] */
function checkCascade(
  { student, teacher, confidence }: CascadeChoice,
  kinds: readonly Served[],
  path: FieldPath,
  find: FindTarget,
): Outcome<null> {
  const judged = kinds.filter((kind) => JUDGED_KINDS[confidence.kind].includes(kind));
  if (judged.length === 0)
    return refuse('invalid_value', `${confidence.kind} says nothing of answers to ${kinds.join(', ')}`, [...path, 'confidence', 'kind']);
  const targets = firstRefusal([
    () => checkGroups(student, judged, [...path, 'student'], find),
    () => checkGroups(teacher, judged, [...path, 'teacher'], find),
    () =>
      confidence.kind === 'verifier'
        ? checkTarget(confidence.target, ['chat', 'rerank'], [...path, 'confidence', 'target'], find)
        : ok(null),
  ]);
  if (!targets.ok) return targets;
  const students = targetNames(student);
  const both = targetNames(teacher).find((name) => students.includes(name));
  if (both !== undefined) return refuse('invalid_value', `names ${both} as its own teacher`, [...path, 'student']);
  const silent = confidence.kind === 'token-probability' ? students.find((name) => find(name)?.protocol === 'anthropic') : undefined;
  if (silent === undefined) return ok(null);
  return refuse('invalid_value', `${silent} reports no probabilities of tokens: use another kind`, [...path, 'confidence', 'kind']);
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
