import { mmrProducts } from '../../../ann/shard/mmr.ts';
import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { refuse } from '../../../contract/api/outcome.ts';
import { refuseBeyond } from '../../../contract/limits/limit-refusal.ts';
import type { Formula } from '../../../contract/vectors/plans/formula.ts';
import { partsOf } from '../../../contract/vectors/plans/formula.ts';
import type { Leg, LegGroup } from '../../../contract/vectors/plans/legs.ts';
import { groupsOf } from '../../../contract/vectors/plans/legs.ts';
import { legsOfIndex } from '../../../contract/vectors/plans/legs-of-index.ts';
import type { PlanBody } from '../../../contract/vectors/plans/plans.ts';
import type { Stage, StageOf } from '../../../contract/vectors/plans/stages.ts';
import { VECTOR_LIMITS } from '../../../contract/vectors/vector-limits.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import { embeddingFor } from '../../../index/index-manifest.ts';
import { ok } from '../../../kernel/result.ts';
import { checkFieldPoint } from '../field-points.ts';
import { checkVectors } from '../vector-space.ts';
import { checkReply } from '../vectors.ts';
import { fieldOf, fieldsOfKind, vectorDimensions } from './known-fields.ts';
import type { AskedText } from './stages/relevance.ts';

/** A plan that fits the index. */
export interface CheckedPlan {
  readonly body: PlanBody;
  readonly group: LegGroup;
  /** Its legs and those within them. */
  readonly legs: readonly PlacedLeg[];
  /** The text that it searches by, if there is one. */
  readonly text: AskedText | undefined;
  /** Each leg that searches by itself is one. */
  readonly searches: number;
}

interface PlacedLeg {
  readonly leg: Leg;
  readonly at: FieldPath;
}

/** Refuses what does not fit the index, naming its path. [TX265] */
export function checkPlan(manifest: IndexManifest, body: PlanBody): Outcome<CheckedPlan> {
  const group = groupOf(manifest, body);
  if (!group.ok) return group;
  const legs = legsWithin(group.value, ['legs']);
  const text = textOf(body, legs);
  const refused =
    firstRefusal(legs, ({ leg, at }) => checkLeg(manifest, leg, at)) ??
    firstRefusal([...body.stages.entries()], ([i, stage]) => checkStage(manifest, body, stage, ['stages', i], text, group.value)) ??
    firstRefusal([checkReply(manifest, body.include_values, body.top_k, 'top_k'), checkHighlight(manifest, body, legs)], (one) => one);
  return refused ?? ok({ body, group: group.value, legs, text, searches: legs.filter(({ leg }) => leg.kind !== 'plan').length });
}

/** What its legs near vectors of the index search around, but for stored ones. */
export const pointsOf = ({ body, legs }: CheckedPlan) =>
  legs.flatMap(({ leg, at }) =>
    leg.kind !== 'vector' || leg.field !== '' || leg.id !== undefined
      ? []
      : // The legs of a plan that has a text alone are not the caller's.
        [
          {
            values: leg.vector,
            text: leg.text,
            paths: { values: [...at, 'vector'], text: body.legs === undefined ? ['text'] : [...at, 'text'] },
          },
        ],
  );

/** The first refusal of some checks. */
function firstRefusal<T>(items: readonly T[], check: (item: T) => Outcome<unknown>): Outcome<never> | undefined {
  for (const item of items) {
    const checked = check(item);
    if (!checked.ok) return checked;
  }
  return undefined;
}

/** The legs of a plan: those that it names, or those that the index has for a text. [TX264] */
function groupOf(manifest: IndexManifest, { legs, text, fusion }: PlanBody): Outcome<LegGroup> {
  if (legs !== undefined || text === undefined) return ok({ legs: legs ?? [], fusion });
  const own = legsOfIndex(embeddingFor(manifest, 'queries') !== null, manifest.fields ?? {}, text);
  if (own.length > 0) return ok({ legs: own, fusion });
  const what = 'the index has neither a model nor a text field nor another field with a model: name `legs`';
  return refuse('invalid_value', what, 'text');
}

function legsWithin({ legs }: LegGroup, at: FieldPath): PlacedLeg[] {
  return legs.flatMap((leg, i) => {
    const place = [...at, i];
    return [{ leg, at: place }, ...groupsOf(leg).flatMap(({ group, at: below }) => legsWithin(group, [...place, ...below]))];
  });
}

function textOf(body: PlanBody, legs: readonly PlacedLeg[]): AskedText | undefined {
  if (body.text !== undefined) return { text: body.text, at: ['text'] };
  for (const { leg, at } of legs) {
    if ('text' in leg && leg.text !== undefined) return { text: leg.text, at: [...at, 'text'] };
  }
  return undefined;
}

function checkLeg(manifest: IndexManifest, leg: Leg, at: FieldPath): Outcome<unknown> {
  if (leg.kind === 'text') {
    if (leg.fields !== undefined) {
      return firstRefusal(Object.keys(leg.fields), (name) => fieldOf(manifest, 'text', name, [...at, 'fields', name])) ?? ok(null);
    }
    return fieldsOfKind(manifest, 'text').length > 0 ? ok(null) : refuse('invalid_value', 'the index has no text field', [...at, 'kind']);
  }
  if (leg.kind === 'vector' && leg.field !== '') return checkFieldPoint(manifest, leg, at);
  if (leg.kind === 'vector') return checkVectors(manifest, [...at, 'kind']);
  if (leg.kind !== 'sparse') return ok(null);
  const field = fieldOf(manifest, 'sparse', leg.field, [...at, 'field']);
  if (!field.ok || leg.text === undefined || field.value.model !== null) return field;
  return refuse('invalid_value', `the field "${leg.field}" has no model: give \`indices\` and \`values\``, [...at, 'text']);
}

function checkStage(
  manifest: IndexManifest,
  body: PlanBody,
  stage: Stage,
  at: FieldPath,
  text: AskedText | undefined,
  group: LegGroup,
): Outcome<unknown> {
  switch (stage.kind) {
    case 'max_sim':
      return checkMaxSim(manifest, stage, at);
    case 'rerank':
      if (stage.text !== undefined || text !== undefined) return ok(null);
      return refuse('invalid_value', 'is missing: no leg of the plan has a text to rank by', [...at, 'text']);
    case 'formula':
      return checkFormula(stage.score, group.legs.length, [...at, 'score']);
    case 'mmr':
      return checkMmr(manifest, stage, body.offset + body.top_k, at);
    case 'group':
    case 'order_by':
      return ok(null);
  }
}

function checkMaxSim(manifest: IndexManifest, { field, vectors, text }: StageOf<'max_sim'>, at: FieldPath): Outcome<unknown> {
  const found = fieldOf(manifest, 'multi_vector', field, [...at, 'field']);
  if (!found.ok) return found;
  const { dimensions, model } = found.value;
  const misfit = vectors?.findIndex(({ length }) => length !== dimensions) ?? -1;
  if (misfit >= 0) {
    const what = `has ${vectors?.[misfit]?.length} numbers; the field "${field}" has ${dimensions} dimensions`;
    return refuse('dimension_mismatch', what, [...at, 'vectors', misfit]);
  }
  if (text === undefined || model !== null) return ok(null);
  return refuse('invalid_value', `the field "${field}" has no model: give \`vectors\``, [...at, 'text']);
}

function checkFormula(formula: Formula, legs: number, at: FieldPath): Outcome<unknown> {
  if (formula.kind === 'score' && formula.leg !== undefined && formula.leg >= legs) {
    return refuse('invalid_value', `is ${formula.leg}; the plan has ${legs} legs, which count from 0`, [...at, 'leg']);
  }
  const below = (i: number): FieldPath => ('of' in formula && Array.isArray(formula.of) ? [...at, 'of', i] : [...at, 'of']);
  return firstRefusal([...partsOf(formula).entries()], ([i, part]) => checkFormula(part, legs, below(i))) ?? ok(null);
}

function checkMmr(manifest: IndexManifest, { field, depth }: StageOf<'mmr'>, pageEnd: number, at: FieldPath): Outcome<unknown> {
  const vectors = field === '' ? checkVectors(manifest, [...at, 'kind']) : fieldOf(manifest, 'vector', field, [...at, 'field']);
  if (!vectors.ok) return vectors;
  const dimensions = vectorDimensions(manifest, field);
  const count = Math.min(depth, pageEnd);
  const products = mmrProducts(depth, count, dimensions);
  if (products <= VECTOR_LIMITS.mmrProductsMaxCount) return ok(null);
  const what = `choosing ${count} of ${depth} candidates of ${dimensions} dimensions takes ${products} multiplications`;
  return refuseBeyond({ path: [...at, 'depth'], limit: 'mmrProductsMaxCount', value: products, what });
}

function checkHighlight(manifest: IndexManifest, { highlight }: PlanBody, legs: readonly PlacedLeg[]): Outcome<unknown> {
  if (highlight === undefined) return ok(null);
  if (!legs.some(({ leg }) => leg.kind === 'text')) return refuse('invalid_value', 'goes with a text leg only', 'highlight');
  const named = [...(highlight.fields ?? []).entries()];
  return firstRefusal(named, ([i, name]) => fieldOf(manifest, 'text', name, ['highlight', 'fields', i])) ?? ok(null);
}
