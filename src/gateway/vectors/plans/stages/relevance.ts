import { ANY_FRESH } from '../../../../cache/cache-directives.ts';
import type { Refusal } from '../../../../contract/api/errors.ts';
import { refusalAt } from '../../../../contract/api/errors.ts';
import type { FieldPath } from '../../../../contract/api/field-path.ts';
import type { Outcome } from '../../../../contract/api/outcome.ts';
import { PLAN_LIMITS } from '../../../../contract/vectors/plans/plan-limits.ts';
import type { StageOf } from '../../../../contract/vectors/plans/stages.ts';
import type { Clock } from '../../../../kernel/clock.ts';
import { err, ok } from '../../../../kernel/result.ts';
import type { Timer } from '../../../../kernel/timer.ts';
import { inTime } from '../../../../kernel/timer.ts';
import type { Reranker } from '../../../embeddings/rerank.ts';
import type { EmbeddingCaller } from '../../vector-space.ts';
import { NO_TOKENS } from '../../vector-space.ts';
import type { CandidateRows } from '../candidate-rows.ts';
import type { Ranking } from '../ranking.ts';
import { pickedFrom, rankedBy } from '../ranking.ts';
import type { Staged } from './run-stages.ts';

interface RelevanceParts {
  readonly caller: EmbeddingCaller;
  readonly reranker: Pick<Reranker, 'rerank'>;
  readonly rows: CandidateRows;
  /** What a stage ranks by that has no text of its own, and where that stands; undefined: there is none. */
  readonly asked: AskedText | undefined;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly deadlineMs: number;
}

export interface AskedText {
  readonly text: string;
  readonly at: FieldPath;
}

/** Ranks candidates by what a model says of their texts and the query, in slices, as far as time allows. [TX272] */
export class Relevance {
  readonly #parts: RelevanceParts;

  constructor(parts: RelevanceParts) {
    this.#parts = parts;
  }

  /** Candidates without a text, and those that there was no time for, are unscored. Refuses as `Reranker.rerank` does. */
  async rank(head: Ranking, stage: StageOf<'rerank'>, at: FieldPath): Promise<Outcome<Staged>> {
    const { rows, clock, deadlineMs } = this.#parts;
    const stored = await rows.texts(head.ids);
    if (!stored.ok) return stored;
    const withText = [...head.ids.keys()].flatMap((i) => {
      const text = stored.value.get(head.ids[i]!) ?? null;
      return text === null || text === '' ? [] : [{ i, text }];
    });
    const { rerankSliceCount } = PLAN_LIMITS;
    const scores = new Map<number, number>();
    let [used, sliceMs] = [NO_TOKENS, 0];
    let next = 0;
    while (next < withText.length) {
      const startedMs = clock.nowMs();
      // Another slice takes about as long as the one before.
      if (startedMs + sliceMs >= deadlineMs) break;
      const slice = withText.slice(next, next + rerankSliceCount);
      const ranking = await this.#rank(
        slice.map(({ text }) => text),
        stage,
        at,
      );
      if (ranking === undefined) break;
      if (!ranking.ok) return ranking;
      for (const { index, score } of ranking.value.results) scores.set(slice[index]!.i, score);
      const { tokens, cachedTokens } = ranking.value;
      used = { tokens: used.tokens + tokens, cachedTokens: used.cachedTokens + cachedTokens };
      sliceMs = clock.nowMs() - startedMs;
      next += slice.length;
    }
    const scored = [...scores.keys()];
    const ranked = rankedBy(
      pickedFrom(head, scored).ids,
      scored.map((i) => scores.get(i)!),
    );
    const unscored = pickedFrom(
      head,
      [...head.ids.keys()].filter((i) => !scores.has(i)),
    );
    return ok({ head: ranked, unscored, isCut: next < withText.length, used: { ...used, cut: [] } });
  }

  /** Undefined: the deadline came first. */
  async #rank(documents: readonly string[], { model, text }: StageOf<'rerank'>, at: FieldPath) {
    const { caller, reranker, asked, clock, timer, deadlineMs } = this.#parts;
    const query = text === undefined ? asked : { text, at: [...at, 'text'] };
    const ranked = reranker.rerank({ ...caller, model, query: query?.text ?? '', documents, isTruncating: true, directives: ANY_FRESH });
    const ranking = await inTime(ranked, deadlineMs - clock.nowMs(), timer);
    if (ranking === undefined || ranking.ok) return ranking;
    return ranking.error.code === 'deadline_exceeded' ? undefined : err(named(ranking.error, at, query?.at ?? at));
  }
}

/** A refusal of the reranker, by the fields of the plan. */
function named(error: Refusal, at: FieldPath, query: FieldPath): Refusal {
  const [field] = error.path ?? [];
  if (field === undefined) return error;
  if (field === 'query') return refusalAt(error, query);
  return refusalAt(error, field === 'model' ? [...at, 'model'] : at);
}
