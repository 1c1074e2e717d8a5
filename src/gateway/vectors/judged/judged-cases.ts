import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import type { EvaluateBody, JudgedPlan } from '../../../contract/vectors/judged/evaluations.ts';
import { QUERY_TEXT } from '../../../contract/vectors/judged/evaluations.ts';
import { JUDGED_LIMITS } from '../../../contract/vectors/judged/judged-limits.ts';
import { depthOf, measureOf } from '../../../contract/vectors/judged/measure-names.ts';
import type { PlanBody } from '../../../contract/vectors/plans/plans.ts';
import { ok } from '../../../kernel/result.ts';

/** One query as it is searched. */
export interface JudgedCase {
  readonly id: string;
  readonly gains: ReadonlyMap<string, number>;
  readonly plans: readonly PlacedPlan[];
}

interface PlacedPlan {
  readonly body: PlanBody;
  /** Where it stands in the request. */
  readonly at: FieldPath;
}

/**
 * The queries of an evaluation with their plans filled in. Refuses a plan that takes the text of a query without one, and queries that have not
 * as many plans as the first. [TX310] [TX311]
 */
export function casesOf(body: EvaluateBody): Outcome<JudgedCase[]> {
  const depth = rankingDepth(body);
  const cases: JudgedCase[] = [];
  for (const [i, { id = String(i), text, plans, relevant }] of body.queries.entries()) {
    const count = cases[0]?.plans.length ?? (plans ?? body.plans).length;
    const templates = plans ?? body.plans;
    if (templates.length !== count) {
      return refuse('invalid_value', `has ${templates.length} plans; the query before has ${count}`, ['queries', i, 'plans']);
    }
    const filled = templates.map((template) => filledIn(template, text));
    if (filled.some((plan) => plan === undefined)) {
      return refuse('invalid_value', 'is missing: a plan takes the text of the query', ['queries', i, 'text']);
    }
    const placed = filled.flatMap((plan, at) =>
      plan === undefined
        ? []
        : [{ body: pageOf(plan, depth, body.namespace), at: plans === undefined ? ['plans', at] : ['queries', i, 'plans', at] }],
    );
    cases.push({ id, gains: new Map(Object.entries(relevant)), plans: placed });
  }
  return withinAnswer(body, cases, depth);
}

/** How many matches of each ranking are measured. */
function rankingDepth({ depth, measures }: EvaluateBody): number {
  return depth ?? Math.max(JUDGED_LIMITS.evaluationDepthDefaultCount, ...measures.map((name) => depthOf(measureOf(name))));
}

function withinAnswer(body: EvaluateBody, cases: JudgedCase[], depth: number): Outcome<JudgedCase[]> {
  const value = cases.reduce((sum, { plans }) => sum + plans.length, 0) * depth;
  if (!body.include_rankings || value <= JUDGED_LIMITS.evaluationRankedMaxCount) return ok(cases);
  const what = `the rankings of ${cases.length} queries are up to ${value} matches`;
  return refuseBeyond({ path: 'include_rankings', limit: 'evaluationRankedMaxCount', value, what });
}

/** A template with the text of a query; undefined: it takes a text, and there is none. */
function filledIn(template: JudgedPlan, text: string | undefined): JudgedPlan | undefined {
  const plan = template.legs === undefined && template.text === undefined ? { ...template, text: QUERY_TEXT } : template;
  let isLacking = false;
  const filled = replaced(plan, () => {
    isLacking ||= text === undefined;
    return text ?? '';
  });
  return isLacking ? undefined : filled;
}

/** The same value with another text where it has `QUERY_TEXT`. */
function replaced<T>(value: T, textOf: () => string): T {
  const anew = (inner: unknown): unknown => {
    if (inner === QUERY_TEXT) return textOf();
    if (Array.isArray(inner)) return inner.map(anew);
    if (typeof inner !== 'object' || inner === null || ArrayBuffer.isView(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).map(([name, member]) => [name, anew(member)]));
  };
  return anew(value) as T;
}

/** A plan with a page of ids and scores alone. */
const pageOf = (plan: JudgedPlan, topK: number, namespace: string): PlanBody => ({
  ...plan,
  namespace,
  top_k: topK,
  offset: 0,
  facets: [],
  include_values: false,
  include_metadata: false,
  include_text: false,
  include_fields: false,
  explain: false,
});
