import { ANY_FRESH } from '../../../src/cache/cache-directives.ts';
import type { AnswerTerms } from '../../../src/gateway/caches/answer-cache.ts';
import { PurgeViews } from '../../../src/gateway/caches/purge-views.ts';
import type { Served } from '../../../src/gateway/completions/completion-cache.ts';
import { CompletionCache } from '../../../src/gateway/completions/completion-cache.ts';
import type { Completed, CompletionCall } from '../../../src/gateway/completions/completion-call.ts';
import type { CompletionEnd } from '../../../src/gateway/completions/answer-pieces.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { ok } from '../../../src/kernel/result.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import type { Plan } from '../../../src/upstreams/target.ts';
import { deferred } from '../fakes/deferred.ts';
import { targetOf } from '../upstreams/target.ts';
import { MemoryCacheWorld, principal, sha256 } from './memory-cache-world.ts';

export const TARGET = targetOf();
export const PLAN: Plan = { groups: [[TARGET]], reason: 'model' };
export const TERMS = { ttlMs: 1_000, directives: ANY_FRESH, tags: [] };
export const SETTLED = { inputTokens: 3, cachedTokens: 0, outputTokens: 2, nano: 70, usage: 'reported', isCapped: false } as const;

/** A call whose caller stays, and states no deadline. */
export const UNHURRIED = { cancellation: { isCancelled: false, onCancel: () => () => undefined }, origin: { header: () => undefined } };

export interface Asked {
  readonly tenant?: string;
  readonly body?: object;
  readonly headers?: Record<string, string>;
  readonly surface?: 'chat' | 'responses';
  readonly prompt?: string;
  readonly terms?: Partial<AnswerTerms>;
  readonly plan?: Plan;
  /** Before the answer is there. */
  readonly before?: Promise<unknown>;
}

/** An upstream's answer: a text, or the pieces of a stream and how it ends after them. */
export type Given = string | { readonly pieces: readonly string[]; readonly end?: CompletionEnd['end']; readonly endsApart?: boolean };

/** An isolate whose upstream gives each call the next of `answers`, and how many it gave. */
export function isolate(...answers: readonly (Given | Completed)[]) {
  const world = new MemoryCacheWorld();
  const { clock } = world;
  const wakeUps = new DirectWakeUps();
  const cache = new CompletionCache({ purges: new PurgeViews({ logs: world.logs, clock, wakeUps }), clock, wakeUps, sha256 });
  const seen = { served: 0, requests: 0 };
  const begin = (asked: Asked) => {
    const body = { model: 'lab/small', messages: [{ role: 'user', content: 'hello' }], ...asked.body };
    const call = {
      surface: asked.surface ?? 'chat',
      body,
      headers: asked.headers ?? {},
      prompt: asked.prompt,
      principal: principal(asked.tenant ?? 'tn_one'),
      requestId: `req_${(seen.requests += 1)}`,
      ...UNHURRIED,
    } as unknown as CompletionCall;
    const terms = { ttlMs: 60_000, directives: ANY_FRESH, tags: [], ...asked.terms };
    const opened = cache.open({ call, plan: asked.plan ?? PLAN, nowMs: clock.nowMs() }, terms, async () => {
      const given = answers[seen.served++] ?? 'more';
      await asked.before;
      return ok(typeof given === 'object' && 'target' in given ? given : answerOf(given));
    });
    return opened.then((cached) => cached.exact());
  };
  /** Asks, and takes the whole answer. */
  const ask = async (asked: Asked = {}) => taken(await begin(asked));
  return { world, cache, seen, begin, ask };
}

export function answerOf(given: Given): Completed {
  const common = { target: TARGET, plan: PLAN, attempts: [], settle: () => SETTLED };
  const end = { target: TARGET, usage: undefined };
  if (typeof given === 'string') return { ...common, answer: { kind: 'whole', text: given, end: { ...end, end: 'whole' } } };
  const pieces = [...given.pieces];
  const { promise: ended, resolve } = deferred<CompletionEnd>();
  const next = () => {
    const piece = pieces.shift();
    // As of most upstreams: the last piece ends the stream before it is passed on.
    if (pieces.length === 0 && (given.endsApart !== true || piece === undefined)) resolve({ ...end, end: given.end ?? 'whole' });
    return Promise.resolve(piece === undefined ? undefined : utf8(piece));
  };
  return { ...common, answer: { kind: 'stream', stream: { next, cancel: () => resolve({ ...end, end: 'cancelled' }) }, ended } };
}

/** What the caller gets, by pieces, and what it is charged. */
export async function taken(served: Served, piecesMax = Infinity) {
  if (!served.ok) throw new Error(served.error.refusal.message);
  const { answer, settle, savedNano, cache } = served.value;
  const isHit = cache?.forwarded === undefined;
  if (answer.kind === 'whole') return { sent: [answer.text], isHit, nano: settle(answer.end).nano, savedNano };
  const sent: string[] = [];
  while (sent.length < piecesMax) {
    const piece = await answer.stream.next();
    if (piece === undefined) break;
    sent.push(Buffer.from(piece).toString('utf8'));
  }
  if (sent.length === piecesMax) answer.stream.cancel();
  return { sent, isHit, nano: settle(await answer.ended).nano, savedNano };
}
