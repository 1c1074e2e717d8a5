import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';

/** A question that was asked, and where its answer is. */
export interface KeptQuestion {
  readonly text: string;
  /** Of unit length, or all zeros. */
  readonly vector: Float32Array;
  /** By which the cache of answers has the answer. */
  readonly digest: string;
  readonly expiresAtMs: number;
}

export interface Neighbour {
  readonly question: KeptQuestion;
  /** The cosine of the two vectors. */
  readonly similarity: number;
}

/** Of a question besides its text and vector. */
const OVERHEAD_BYTES = 256;

const bytesOf = ({ text, vector }: KeptQuestion): number => OVERHEAD_BYTES + 2 * text.length + vector.byteLength;

/**
 * Questions by context: the tenant, where they would be served, and all of the request but the question itself. Questions of two contexts never
 * meet. It holds `reuseQuestionsBytesMax`; the context that was used the longest time ago goes first, and of one its oldest question. [U180]
 */
export class Neighbours {
  readonly #contexts = new Map<string, Map<string, KeptQuestion>>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Replaces the question of the same digest. */
  add(context: string, question: KeptQuestion): void {
    const kept = this.#contexts.get(context) ?? new Map<string, KeptQuestion>();
    this.#contexts.delete(context);
    this.#contexts.set(context, kept);
    this.#drop(kept, question.digest);
    kept.set(question.digest, question);
    this.#bytes += bytesOf(question);
    if (kept.size > COMPLETION_LIMITS.reuseQuestionsMaxCount) this.#dropOldest(kept);
    while (this.#bytes > COMPLETION_LIMITS.reuseQuestionsBytesMax) this.#dropOldest(this.#oldestContext());
  }

  /** Those at least as similar, the most similar first, at most `count`. */
  near(context: string, vector: Float32Array, similarityMin: number, nowMs: number, count: number): Neighbour[] {
    const kept = this.#contexts.get(context);
    if (kept === undefined) return [];
    this.#contexts.delete(context);
    this.#contexts.set(context, kept);
    const near: Neighbour[] = [];
    for (const question of kept.values()) {
      if (question.expiresAtMs <= nowMs) {
        this.#drop(kept, question.digest);
        continue;
      }
      const similarity = cosine(vector, question.vector);
      if (similarity >= similarityMin) near.push({ question, similarity });
    }
    if (kept.size === 0) this.#contexts.delete(context);
    return near.sort((a, b) => b.similarity - a.similarity).slice(0, count);
  }

  #drop(kept: Map<string, KeptQuestion>, digest: string): void {
    const question = kept.get(digest);
    if (question === undefined) return;
    this.#bytes -= bytesOf(question);
    kept.delete(digest);
  }

  #dropOldest(kept: Map<string, KeptQuestion>): void {
    for (const digest of kept.keys()) {
      this.#drop(kept, digest);
      return;
    }
  }

  #oldestContext(): Map<string, KeptQuestion> {
    for (const [context, kept] of this.#contexts) {
      if (kept.size > 0) return kept;
      this.#contexts.delete(context);
    }
    return new Map();
  }
}

/** Of unit vectors; 0 where their lengths differ, as of two versions of a model. */
function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return 0;
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
