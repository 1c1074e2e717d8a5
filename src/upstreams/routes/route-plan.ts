import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse, refuseResource } from '../../contract/api/outcome.ts';
import type { CascadeChoice, RouteVersion } from '../../contract/routes/route-rules.ts';
import { ok } from '../../kernel/result.ts';
import { canServe } from '../protocol/exchange.ts';
import type { CascadeTerms, Plan, Target } from '../target.ts';
import { cascadeKey, JUDGED_KINDS, targetNames } from '../cascade/cascade-decision.ts';
import type { Evaluation } from './evaluate-route.ts';
import { evaluateRoute } from './evaluate-route.ts';
import type { RequestFacts } from './request-facts.ts';

/** Why a target that a route names cannot serve a request. */
export type LeftOut = 'unknown' | 'kind' | 'images';

/** What a route does with one request, and all that an explanation of it shows. */
export interface RoutedPlan {
  readonly plan: Plan;
  readonly evaluation: Evaluation;
  /** Targets that the choice names and the plan has not. */
  readonly leftOut: readonly { readonly target: string; readonly why: LeftOut }[];
  /** The route's own limit of output tokens. */
  readonly outputTokensMax?: number;
}

export interface NamedVersion {
  readonly name: string;
  readonly version: number;
  readonly rules: RouteVersion;
}

/** A target by its name `upstream/model`, among those that the caller may use. */
export type FindTarget = (name: string) => Target | undefined;

/** The plan that a version of a route makes for a request. Refuses where the route does, or where none of the chosen targets can serve it. [U91] */
export function planByRoute(route: NamedVersion, facts: RequestFacts, find: FindTarget): Outcome<RoutedPlan> {
  const evaluation = evaluateRoute(route.name, route.rules, facts);
  const { choice } = evaluation;
  if (choice.kind === 'refuse')
    return refuse('route_refused', `the route ${route.name} refuses the request (${evaluation.reason}): ${choice.message}`, 'model');
  const leftOut: { target: string; why: LeftOut }[] = [];
  const fitting = ({ target: name, weight }: NamedTarget): Target[] => {
    const target = find(name);
    const why = target === undefined ? 'unknown' : unfitness(target, facts);
    if (target !== undefined && why === undefined) return [weight === undefined ? target : { ...target, weight }];
    leftOut.push({ target: name, why: why ?? 'unknown' });
    return [];
  };
  const candidates = (named: CascadeChoice['student']): Target[][] =>
    named.map((group) => group.flatMap(fitting)).filter((group) => group.length > 0);
  const isJudged = choice.kind === 'cascade' && JUDGED_KINDS[choice.confidence.kind].includes(facts.kind);
  // What nothing judges is the teacher's alone.
  const students = isJudged ? candidates(choice.student) : [];
  const groups = [...students, ...candidates(choice.kind === 'cascade' ? choice.teacher : choice.groups)];
  if (groups.length === 0) return noTarget(route, evaluation, facts);
  const plan = {
    groups,
    route: { name: route.name, version: route.version },
    reason: evaluation.reason,
    ...(isJudged ? { cascade: termsOf(choice, new Set(students.flat()), find) } : {}),
  };
  return ok({
    plan,
    evaluation,
    leftOut,
    ...(choice.output_tokens_max === undefined ? {} : { outputTokensMax: choice.output_tokens_max }),
  });
}

function termsOf(choice: CascadeChoice, students: ReadonlySet<Target>, find: FindTarget): CascadeTerms {
  const { student, teacher, confidence, threshold, escalated_share_max: escalatedShareMax, shadow_share: shadowShare } = choice;
  const verifier = confidence.kind === 'verifier' ? find(confidence.target) : undefined;
  return {
    key: cascadeKey(choice),
    studentNames: targetNames(student),
    teacherNames: targetNames(teacher),
    students,
    confidence,
    ...(verifier === undefined ? {} : { verifier }),
    threshold,
    escalatedShareMax,
    shadowShare,
  };
}

type NamedTarget = CascadeChoice['student'][number][number];

/** Why a target cannot serve a request; undefined: it can. */
function unfitness({ model }: Target, { kind, has }: RequestFacts): LeftOut | undefined {
  if (!canServe(model, kind)) return 'kind';
  return has.includes('images') && model.imageTokensMax === 0 ? 'images' : undefined;
}

const noTarget = ({ name }: NamedVersion, { reason }: Evaluation, { kind }: RequestFacts) =>
  refuseResource(
    'model_not_found',
    { kind: 'route', name },
    `no target of the route ${name} (${reason}) that may be used serves this kind of request (${kind})`,
    'model',
  );
