import { ANY_FRESH } from '../../../../cache/cache-directives.ts';
import type { Refusal } from '../../../../contract/api/errors.ts';
import { refusalAt } from '../../../../contract/api/errors.ts';
import type { FieldPath } from '../../../../contract/api/field-path.ts';
import type { Outcome } from '../../../../contract/api/outcome.ts';
import { PLAN_LIMITS } from '../../../../contract/vectors/plans/plan-limits.ts';
import type { StageOf } from '../../../../contract/vectors/plans/stages.ts';
import type { Clock } from '../../../../kernel/clock.ts';
import { must } from '../../../../kernel/assert.ts';
import { err, ok } from '../../../../kernel/result.ts';
import type { Reranker } from '../../../embeddings/rerank.ts';
import type { EmbeddingCaller } from '../../vector-space.ts';
import { bothUsed, NO_TOKENS } from '../../vector-space.ts';
import type { CandidateRows } from '../candidate-rows.ts';
import type { Due } from '../due.ts';
import { isLate } from '../due.ts';
import type { Ranking } from '../ranking.ts';
import { idsOf, ranked } from '../ranking.ts';
import type { Staged } from './staged.ts';

interface RelevanceParts {
  readonly caller: EmbeddingCaller;
  readonly reranker: Pick<Reranker, 'rerank'>;
  readonly rows: CandidateRows;
  /** What a stage ranks by that has no text of its own, and where that stands; undefined: there is none. */
  readonly asked: AskedText | undefined;
  readonly clock: Clock;
  readonly due: Due;
}

export interface AskedText {
  readonly text: string;
  readonly at: FieldPath;
}

/** Ranks candidates by what a model says of their texts and the query, in slices, as far as time allows. */
export class Relevance {
  readonly #parts: RelevanceParts;

  constructor(parts: RelevanceParts) {
    this.#parts = parts;
  }

  /** Candidates without a text, and those that there was no time for, are unscored. Refuses as `Reranker.rerank` does. */
  async rank(head: Ranking, stage: StageOf<'rerank'>, at: FieldPath): Promise<Outcome<Staged>> {
    const { rows, clock, due } = this.#parts;
    const stored = await rows.texts(idsOf(head));
    if (!stored.ok) return stored;
    const withText = head.flatMap(({ id }) => {
      const text = stored.value.get(id) ?? '';
      return text === '' ? [] : [{ id, text }];
    });
    const scores = new Map<string, number>();
    let [used, sliceMs, next] = [NO_TOKENS, 0, 0];
    while (next < withText.length) {
      const startedMs = clock.nowMs();
      // Another slice takes about as long as the one before.
      if (due.leftMs <= sliceMs) break;
      const slice = withText.slice(next, next + PLAN_LIMITS.rerankSliceCount);
      const texts = slice.map(({ text }) => text);
      const ranking = await this.#rank(texts, stage, at);
      if (isLate(ranking)) break;
      if (!ranking.ok) return ranking;
      for (const { index, score } of ranking.value.results) scores.set(must(slice[index], 'a result is of a text').id, score);
      used = bothUsed(used, ranking.value);
      sliceMs = clock.nowMs() - startedMs;
      next += slice.length;
    }
    const unscored = head.filter(({ id }) => !scores.has(id));
    const ranking = ranked([...scores].map(([id, score]) => ({ id, score })));
    return ok({ ranking, unscored, isCut: next < withText.length, used });
  }

  async #rank(documents: readonly string[], { model, text }: StageOf<'rerank'>, at: FieldPath) {
    const { caller, reranker, asked, due } = this.#parts;
    const query = text === undefined ? asked : { text, at: [...at, 'text'] };
    const ranking = await due.within('a ranking', () =>
      reranker.rerank({ ...caller, model, query: query?.text ?? '', documents, isTruncating: true, directives: ANY_FRESH }),
    );
    return ranking.ok ? ranking : err(named(ranking.error, at, query?.at ?? at));
  }
}

/** A refusal of the reranker, by the fields of the plan. */
function named(error: Refusal, at: FieldPath, query: FieldPath): Refusal {
  const [field] = error.path ?? [];
  if (field === undefined) return error;
  if (field === 'query') return refusalAt(error, query);
  return refusalAt(error, field === 'model' ? [...at, 'model'] : at);
}
