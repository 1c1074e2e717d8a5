import { LruCache } from '../../cache/lru-cache.ts';
import { COMPLETION_LIMITS } from '../../contract/completions/completion-limits.ts';
import type { KeptQuestion, Neighbour } from '../../upstreams/reuse/neighbours.ts';
import type { CachedCall, StoredAnswer } from './completion-cache.ts';
import type { Answered } from '../caches/answer-cache.ts';

/** That a verifier has accepted the answer to an earlier question. */
export interface Accepted extends Omit<Neighbour, 'question'> {
  readonly question: Pick<KeptQuestion, 'text' | 'digest'>;
  readonly confidence: number;
}

/** Of an accepted answer besides the text of its question. */
const OVERHEAD_BYTES = 384;

/**
 * Which answers a verifier has accepted for which questions. Each holds for the answer that it read, as long as that may be given: one that was made
 * anew is judged anew. [U184]
 */
export class AcceptedAnswers {
  readonly #accepted = new LruCache<Accepted & { readonly requestId: string }>({
    entriesMax: COMPLETION_LIMITS.reuseAcceptedMaxCount,
    bytesMax: COMPLETION_LIMITS.reuseAcceptedBytesMax,
  });

  /** `asked`: stands for the tenant, the whole request and the rules by which it was judged. */
  add(
    asked: string,
    { question: { text, digest, expiresAtMs }, similarity }: Neighbour,
    confidence: number,
    { requestId }: StoredAnswer,
  ): void {
    const accepted = { question: { text, digest }, similarity, confidence, requestId };
    this.#accepted.set(asked, accepted, OVERHEAD_BYTES + 2 * text.length, expiresAtMs);
  }

  find(asked: string, cached: CachedCall, nowMs: number): (Accepted & { readonly held: Answered<StoredAnswer> }) | undefined {
    const accepted = this.#accepted.get(asked, nowMs);
    const answered = accepted === undefined ? undefined : cached.held(accepted.question.digest);
    return accepted !== undefined && answered?.answer.requestId === accepted.requestId ? { ...accepted, held: answered } : undefined;
  }
}
