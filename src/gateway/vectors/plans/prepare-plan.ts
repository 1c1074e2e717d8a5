import type { FieldQuery } from '../../../ann/row-fields.ts';
import { ANY_FRESH } from '../../../cache/cache-directives.ts';
import { refusalAt } from '../../../contract/api/errors.ts';
import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import { isTruncating } from '../../../contract/embeddings/truncation.ts';
import type { SparseLeg, TextLeg, VectorLeg } from '../../../contract/vectors/plans/legs.ts';
import type { StageOf } from '../../../contract/vectors/plans/stages.ts';
import { sparseVector } from '../../../inference/served/sparse-rows.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import { must } from '../../../kernel/assert.ts';
import { err, ok } from '../../../kernel/result.ts';
import type { AnyEmbedder } from '../../embeddings/any-embedder.ts';
import type { FieldPoints } from '../field-points.ts';
import type { EmbeddedPoints, EmbeddingCaller, VectorSpace } from '../vector-space.ts';
import { bothEmbedded, NOTHING_EMBEDDED } from '../vector-space.ts';
import { consistencyOf } from '../vectors.ts';
import type { CheckedPlan } from './check-plan.ts';
import { fieldsOfKind } from './known-fields.ts';
import type { FieldQueries } from './leg-search.ts';
import { bm25For } from './tuned-legs.ts';

/** What the searches and stages of a plan take that its body does not have as such. */
export interface PreparedPlan {
  readonly points: ReadonlyMap<VectorLeg, Float32Array<ArrayBuffer>>;
  readonly queries: FieldQueries;
  /** Row-major. */
  readonly tokenVectors: ReadonlyMap<StageOf<'max_sim'>, Float32Array>;
  readonly used: EmbeddedPoints;
}

interface PreparerParts {
  readonly space: VectorSpace;
  readonly embedder: Pick<AnyEmbedder, 'embedInputs'>;
  readonly fieldPoints: FieldPoints;
}

/** Makes vectors of the texts of one plan. */
export class PlanPreparer {
  readonly #parts: PreparerParts;
  readonly #caller: EmbeddingCaller;
  readonly #manifest: IndexManifest;

  constructor(parts: PreparerParts, caller: EmbeddingCaller, manifest: IndexManifest) {
    this.#parts = parts;
    this.#caller = caller;
    this.#manifest = manifest;
  }

  /** Refuses as `VectorSpace.place` and the embedder do, naming the field of the plan. */
  async prepare(plan: CheckedPlan): Promise<Outcome<PreparedPlan>> {
    const points = await this.#points(plan);
    if (!points.ok) return points;
    const queries = await this.#queries(plan);
    if (!queries.ok) return queries;
    const tokenVectors = await this.#tokenVectors(plan);
    if (!tokenVectors.ok) return tokenVectors;
    const used = [points, queries, tokenVectors].reduce((sum, { value }) => bothEmbedded(sum, value.used), NOTHING_EMBEDDED);
    return ok({ points: points.value.made, queries: queries.value.made, tokenVectors: tokenVectors.value.made, used });
  }

  /** Of all legs near first vectors together. */
  async #points({ body, legs }: CheckedPlan) {
    const given = legs.flatMap(({ leg, at }) => (leg.kind === 'vector' && leg.field === '' && leg.id === undefined ? [{ leg, at }] : []));
    const points = given.map(({ leg: { vector, text }, at }) => ({
      values: vector,
      text,
      isTruncating: isTruncating(body.truncate),
      paths: { values: [...at, 'vector'], text: [...at, 'text'] },
    }));
    const { dimensions } = this.#manifest;
    const placed = await this.#parts.space.place(this.#caller, this.#manifest, body.model, points, 'queries');
    if (!placed.ok) return placed;
    const { values, ...used } = placed.value;
    return ok({ made: new Map(given.map(({ leg }, row) => [leg, values.slice(row * dimensions, (row + 1) * dimensions)])), used });
  }

  async #queries({ body, legs }: CheckedPlan): Promise<Outcome<{ made: FieldQueries; used: EmbeddedPoints }>> {
    const made = new Map<TextLeg | SparseLeg | VectorLeg, FieldQuery>();
    let used = NOTHING_EMBEDDED;
    const { namespace } = body;
    const { k1, b } = bm25For(this.#manifest, body);
    const terms = {
      manifest: this.#manifest,
      namespace,
      consistency: consistencyOf(body.consistency),
      isTruncating: isTruncating(body.truncate),
    };
    for (const { leg, at } of legs) {
      if (leg.kind === 'text') {
        const query = must(leg.query ?? leg.text, 'the schema asks for one of the two');
        made.set(leg, { kind: 'text', query, fields: weighedFields(this.#manifest, leg), k1, b });
      }
      if (leg.kind === 'vector' && leg.field !== '') {
        const near = await this.#parts.fieldPoints.query(this.#caller, terms, leg, at);
        if (!near.ok) return near;
        made.set(leg, near.value.query);
        used = bothEmbedded(used, near.value.used);
      }
      if (leg.kind !== 'sparse') continue;
      const vector = await this.#sparse(leg, at);
      if (!vector.ok) return vector;
      made.set(leg, { kind: 'sparse', field: leg.field, ...vector.value.vector });
      used = bothEmbedded(used, vector.value.used);
    }
    return ok({ made, used });
  }

  async #sparse({ field, indices = [], values = [], text }: SparseLeg, at: FieldPath) {
    if (text === undefined) {
      const pairs = indices
        .map((index, i) => ({ index, value: must(values[i], 'every index has a value') }))
        .sort((a, b) => a.index - b.index);
      const vector = { indices: pairs.map(({ index }) => index), values: pairs.map(({ value }) => value) };
      return ok({ vector, used: NOTHING_EMBEDDED });
    }
    const known = fieldsOfKind(this.#manifest, 'sparse').find(([name]) => name === field);
    const row = await this.#encoded(text, known?.[1].model, 'sparse', [...at, 'text']);
    if (!row.ok) return row;
    const made = sparseVector(row.value.row);
    return ok({ vector: { indices: made.indices, values: [...made.values] }, used: row.value.used });
  }

  async #tokenVectors({ body: { stages } }: CheckedPlan) {
    const made = new Map<StageOf<'max_sim'>, Float32Array>();
    let used = NOTHING_EMBEDDED;
    for (const [i, stage] of stages.entries()) {
      if (stage.kind !== 'max_sim') continue;
      if (stage.text === undefined) {
        made.set(stage, joinedRows(stage.vectors ?? []));
        continue;
      }
      const known = fieldsOfKind(this.#manifest, 'multi_vector').find(([name]) => name === stage.field);
      const row = await this.#encoded(stage.text, known?.[1].model, 'tokens', ['stages', i, 'text']);
      if (!row.ok) return row;
      made.set(stage, row.value.row);
      used = bothEmbedded(used, row.value.used);
    }
    return ok({ made, used });
  }

  /** A text in the form in which a field is searched. */
  async #encoded(text: string, model: string | null | undefined, output: 'sparse' | 'tokens', at: FieldPath) {
    const named = must(model ?? undefined, 'texts were checked to have a model');
    const request = { ...this.#caller, model: named, inputs: [{ kind: 'text' as const, text }], output, directives: ANY_FRESH };
    const embedded = await this.#parts.embedder.embedInputs(request, 'query');
    if (!embedded.ok) return embedded.error.path === undefined ? embedded : err(refusalAt(embedded.error, at));
    const { rows, tokens, cachedTokens } = embedded.value;
    return ok({ row: must(rows[0], 'each input has a row'), used: { tokens, cachedTokens, cut: [] } });
  }
}

/** The fields of a text leg: what it names counts beside what the index says of each. */
function weighedFields(manifest: IndexManifest, { fields }: TextLeg) {
  return fieldsOfKind(manifest, 'text').flatMap(([name, { weight }]) => {
    const own = fields === undefined ? 1 : Object.hasOwn(fields, name) ? fields[name] : undefined;
    return own === undefined ? [] : [{ name, weight: weight * own }];
  });
}

function joinedRows(rows: readonly Float32Array[]): Float32Array {
  const [first] = rows;
  const joined = new Float32Array(rows.length * (first?.length ?? 0));
  for (const [i, row] of rows.entries()) joined.set(row, i * row.length);
  return joined;
}
