import type { FieldPath } from '../../../contract/api/field-path.ts';
import type { Outcome } from '../../../contract/api/outcome.ts';
import type { CutText } from '../../../contract/embeddings/truncation.ts';
import { isTruncating } from '../../../contract/embeddings/truncation.ts';
import type { SparseLeg, VectorLeg } from '../../../contract/vectors/plans/legs.ts';
import type { StageOf } from '../../../contract/vectors/plans/stages.ts';
import type { IndexManifest } from '../../../index/index-manifest.ts';
import { must } from '../../../kernel/assert.ts';
import { groupBy } from '../../../kernel/grouped.ts';
import { ok } from '../../../kernel/result.ts';
import type { TextEmbedder } from '../../embeddings/text-embedder.ts';
import type { EncodedField } from '../encode-texts.ts';
import { encodeTexts } from '../encode-texts.ts';
import type { EmbeddedPoints, EmbeddingCaller, TokensUsed, VectorSpace } from '../vector-space.ts';
import { bothUsed, NO_TOKENS } from '../vector-space.ts';
import type { CheckedPlan } from './check-plan.ts';
import { isLate } from './due.ts';
import { fieldsOfKind } from './known-fields.ts';

/** A leg or stage that may be given by a text, which a model reads. */
export type TextAsker = VectorLeg | SparseLeg | StageOf<'max_sim'>;

/** A plan of a request, and where it stands there. */
export interface PlacedPlan {
  readonly plan: CheckedPlan;
  /** Empty: it is all of the request. */
  readonly at: FieldPath;
}

/** Of which kind the field is that one searches. */
const FIELD_KINDS = { vector: 'vector', sparse: 'sparse', max_sim: 'multi_vector' } as const;

interface AskedText {
  readonly asker: TextAsker;
  readonly text: string;
  readonly isTruncating: boolean;
  /** Where it stands in the request. */
  readonly at: FieldPath;
}

/** Texts that one model makes numbers of, in one way. */
interface Group {
  /** Undefined: they become vectors of the index. */
  readonly field: EncodedField | undefined;
  readonly isTruncating: boolean;
  readonly asked: readonly AskedText[];
  readonly made: Promise<Outcome<ReadonlyMap<string, Float32Array<ArrayBuffer>>>>;
  /** How many tokens each has lost. */
  readonly cut: Map<string, number>;
}

interface PlanTextsParts {
  readonly space: VectorSpace;
  readonly embedder: Pick<TextEmbedder, 'embed'>;
}

/**
 * The texts of all plans of a request as numbers: each text of a model once, and all models at the same time. Only
 * the legs and stages that a text is for wait for it. [TX281]
 */
export class PlanTexts {
  readonly #parts: PlanTextsParts;
  readonly #caller: EmbeddingCaller;
  readonly #manifest: IndexManifest;
  readonly #groups = new Map<TextAsker, Group & { readonly name: string; readonly text: string }>();
  #used: TokensUsed = NO_TOKENS;
  #refused: Outcome<never> | undefined;

  /** Begins at once with texts that were checked to have a model. */
  constructor(parts: PlanTextsParts, caller: EmbeddingCaller, manifest: IndexManifest, plans: readonly PlacedPlan[]) {
    this.#parts = parts;
    this.#caller = caller;
    this.#manifest = manifest;
    const asked = plans.flatMap((one) => askedTexts(one));
    for (const [name, some] of groupBy(asked, (one) => groupName(this.#fieldOf(one.asker), one))) {
      const [first] = some;
      const cut = new Map<string, number>();
      const of = { field: first && this.#fieldOf(first.asker), isTruncating: first?.isTruncating === true, asked: some, cut };
      const made = this.#encode(of);
      // What waits for it meets the defect; it may be that nothing does.
      made.catch(() => undefined);
      for (const { asker, text } of some) this.#groups.set(asker, { ...of, made, name, text });
    }
  }

  /** What was encoded up to now. */
  get used(): TokensUsed {
    return this.#used;
  }

  /** The first refusal of a text, by where that stands in the request. */
  get refused(): Outcome<never> | undefined {
    return this.#refused;
  }

  /** Names the texts that come together; undefined: it waits for none. */
  groupOf(asker: TextAsker): string | undefined {
    return this.#groups.get(asker)?.name;
  }

  /** What its text has become: a vector, a row as `sparseRow` writes it, or one row-major of token vectors. Refuses as the embedder does. */
  async of(asker: TextAsker): Promise<Outcome<Float32Array<ArrayBuffer>>> {
    const { made, text } = must(this.#groups.get(asker), 'it is given by a text');
    const all = await made;
    return all.ok ? ok(must(all.value.get(text), 'every text is encoded')) : all;
  }

  /** The texts of a plan that were cut, by their positions among all that its legs and then its stages have for models. */
  cutOf(plan: CheckedPlan): CutText[] {
    return askedTexts({ plan, at: [] }).flatMap(({ asker, text }, index) => {
      const tokens = this.#groups.get(asker)?.cut.get(text);
      return tokens === undefined ? [] : [{ index, tokens }];
    });
  }

  #fieldOf(asker: TextAsker): EncodedField | undefined {
    if (asker.kind === 'vector' && asker.field === '') return undefined;
    const fields: readonly (readonly [string, EncodedField])[] = fieldsOfKind(this.#manifest, FIELD_KINDS[asker.kind]);
    return must(
      fields.find(([name]) => name === asker.field),
      'its field was checked to be there',
    )[1];
  }

  async #encode({ field, isTruncating: isCut, asked, cut }: Omit<Group, 'made'>) {
    const places = new Map(asked.toReversed().map(({ text, at }) => [text, at]));
    const texts = [...new Set(asked.map(({ text }) => text))];
    const made = new Map<string, Float32Array<ArrayBuffer>>();
    const textOf = (row: number): string => must(texts[row], 'a row is of a text');
    const pathOf = (row: number): FieldPath => places.get(textOf(row)) ?? [];
    const take = (row: number, numbers: Float32Array<ArrayBuffer>) => ok(made.set(textOf(row), numbers));
    const encoding = { ...this.#caller, isTruncating: isCut, use: 'queries' as const };
    const rows = texts.map((text, row) => ({ row, text }));
    const encoded = await (field === undefined
      ? this.#placed(texts, isCut, pathOf, take)
      : encodeTexts(this.#parts.embedder, encoding, { field, texts: rows, pathOf }, take));
    if (!encoded.ok) {
      if (!isLate(encoded)) this.#refused ??= encoded;
      return encoded;
    }
    this.#used = bothUsed(this.#used, encoded.value);
    for (const one of encoded.value.cut) cut.set(textOf(one.index), one.tokens);
    return ok(made);
  }

  async #placed(
    texts: readonly string[],
    isCut: boolean,
    pathOf: (row: number) => FieldPath,
    take: (row: number, numbers: Float32Array<ArrayBuffer>) => unknown,
  ): Promise<Outcome<EmbeddedPoints>> {
    const points = texts.map((text, row) => ({ text, isTruncating: isCut, paths: { values: [], text: pathOf(row) } }));
    const placed = await this.#parts.space.place(this.#caller, this.#manifest, undefined, points, 'queries');
    if (!placed.ok) return placed;
    const { dimensions } = this.#manifest;
    for (const row of texts.keys()) take(row, placed.value.values.slice(row * dimensions, (row + 1) * dimensions));
    return placed;
  }
}

/** What models read of a plan. */
function askedTexts({ plan: { legs, body }, at }: PlacedPlan): AskedText[] {
  const isCut = isTruncating(body.truncate);
  const ofLegs = legs.flatMap(({ leg, at: place }) =>
    (leg.kind === 'vector' || leg.kind === 'sparse') && leg.text !== undefined
      ? // The legs of a plan that has a text alone are not the caller's.
        [{ asker: leg, text: leg.text, isTruncating: isCut, at: body.legs === undefined ? [...at, 'text'] : [...at, ...place, 'text'] }]
      : [],
  );
  const ofStages = body.stages.flatMap((stage, i) =>
    stage.kind === 'max_sim' && stage.text !== undefined
      ? [{ asker: stage, text: stage.text, isTruncating: isCut, at: [...at, 'stages', i, 'text'] }]
      : [],
  );
  return [...ofLegs, ...ofStages];
}

/** The same for whatever one model makes in one way. */
const groupName = (field: EncodedField | undefined, { isTruncating: isCut }: AskedText): string =>
  JSON.stringify([field === undefined ? '' : [field.kind, field.model, field.contractHash], isCut]);
