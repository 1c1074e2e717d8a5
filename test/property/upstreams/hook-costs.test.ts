import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import type { Hook } from '../../../src/contract/guardrails/guardrails.ts';
import type { Quantities } from '../../../src/contract/api/meter.ts';
import { AddedUse } from '../../../src/gateway/completions/added-use.ts';
import { Completions } from '../../../src/gateway/completions/completion.ts';
import type { CompletionCall } from '../../../src/gateway/completions/completion-call.ts';
import { GuardedCompletions } from '../../../src/gateway/completions/guarded-completion.ts';
import type { GuardCalls } from '../../../src/gateway/guardrails/guardrails.ts';
import type { Routed } from '../../../src/gateway/routes/model-router.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { ok } from '../../../src/kernel/result.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { costNanoMax, editionAt, requestNanoAt, usd } from '../../../src/tenancy/usage/price-book.ts';
import type { Finding } from '../../../src/upstreams/guardrails/guard.ts';
import { compileHooks } from '../../../src/upstreams/guardrails/compiled-hook.ts';
import { GuardSession } from '../../../src/upstreams/guardrails/guard-session.ts';
import type { Moderate } from '../../../src/upstreams/guardrails/judge-classes.ts';
import { quantitiesOf } from '../../../src/upstreams/money/settlement.ts';
import { BalancedDispatcher } from '../../../src/upstreams/serving/balanced-dispatcher.ts';
import { CancelSource } from '../../../src/upstreams/serving/cancel-source.ts';
import type { Target } from '../../../src/upstreams/target.ts';
import type { Opened, TransportFault, UpstreamTransport } from '../../../src/upstreams/transport.ts';
import { noTurn } from '../../support/upstreams/unpaced-work.ts';
import { targetOf } from '../../support/upstreams/target.ts';
import { principal } from '../../support/worlds/memory-cache-world.ts';
import { VirtualTime } from '../../support/worlds/virtual-time.ts';
import { byteCounts } from '../../support/upstreams/token-counts.ts';

const model = (upstream: string, serves: Target['model']['serves'], nanoOfToken: number): Target =>
  targetOf({
    upstreamId: upstream,
    upstream,
    model: {
      name: 'm',
      upstreamName: upstream,
      serves,
      prices: { inputNano: nanoOfToken * 1_000_000, outputNano: nanoOfToken * 1_000_000, requestNano: 0 },
    },
  });
const LARGE = model('large', ['chat'], 10);
const JUDGE = model('judge', ['moderations'], 3);

const MODERATED_TOKENS = 11;
const CLASSIFIED_TOKENS = 7;
/** In two pieces: the time of a hook may be over between them. */
const MODERATION = JSON.stringify({
  results: [{ category_scores: { violence: 0 } }],
  usage: { prompt_tokens: MODERATED_TOKENS, total_tokens: MODERATED_TOKENS },
}).replace('"usage"', '\n\n"usage"');

const ms = fc.integer({ min: 0, max: 40 });
const plans = fc.record({
  streams: fc.boolean(),
  /** Of the moderation, and of a classifier of the deployment that is asked after it. */
  timeoutsMs: fc.tuple(ms, ms),
  /** Until the head, and until each further piece, of what upstreams answer, in turn. */
  paces: fc.array(fc.tuple(fc.integer({ min: 0, max: 10 }), ms), { minLength: 1, maxLength: 4 }),
  classifierMs: ms,
  rpcMs: fc.integer({ min: 0, max: 5 }),
  quotaMs: fc.integer({ min: 0, max: 15 }),
  /** When the caller leaves; absent: it takes all. */
  leavesMs: fc.option(fc.integer({ min: 0, max: 120 }), { nil: undefined }),
});
type Planned = typeof plans extends fc.Arbitrary<infer P> ? P : never;

const classifier = (name: string, of: string, timeoutMs: number): Hook => ({
  kind: 'classifier',
  name,
  on: 'both',
  model: of,
  thresholds: { violence: 0.5 },
  action: 'block',
  timeout_ms: timeoutMs,
  on_failure: 'pass',
});

/** One call whose hooks ask a model of an upstream and one of the deployment, while all of them take their time. */
class HookedCall {
  readonly time = new VirtualTime();
  readonly added = new AddedUse();
  /** Moderations that began to answer, and those that were read to their end. */
  readonly moderations = { begun: 0, read: 0 };
  classifications = 0;
  readonly #planned: Planned;
  readonly #reserved: Record<string, number> = {};
  #reserving = 0;
  #exchanges = 0;
  #isSettled = false;

  constructor(planned: Planned) {
    this.#planned = planned;
  }

  async run() {
    const { time } = this;
    const nowMs = time.nowMs();
    const cancellation = new CancelSource();
    const { streams, leavesMs } = this.#planned;
    if (leavesMs !== undefined) time.after(leavesMs, () => cancellation.cancel());
    const served = await this.#completions().complete({
      surface: 'chat',
      body: { model: 'desk', messages: [{ role: 'user', content: 'hi' }], ...(streams ? STREAMED : {}) },
      headers: {},
      principal: principal('tn_one'),
      requestId: 'req_1',
      origin: { headers: {}, header: () => undefined, place: {} },
      cancellation,
      reserve: (quantities) => this.#reserve(quantities),
      cacheTerms: undefined,
      added: this.added,
      onGuarded: () => undefined,
      shadow: () => expect.unreachable(),
    });
    if (!served.ok) return { costNano: this.#settle({}, nowMs), servedNano: 0, text: '', isWhole: false };
    const { answer, settle } = served.value;
    const ended = answer.kind === 'whole' ? Promise.resolve(answer.end) : answer.ended;
    const settled = ended.then((end) => {
      const settlement = settle(end);
      return { costNano: this.#settle(quantitiesOf(settlement), nowMs), servedNano: settlement.nano, hasEnded: end.end === 'whole' };
    });
    let text = '';
    if (answer.kind === 'stream') {
      // A caller that goes away takes no more.
      cancellation.onCancel(() => answer.stream.cancel());
      for (let piece = await answer.stream.next(); piece !== undefined; piece = await answer.stream.next())
        text += Buffer.from(piece).toString('utf8');
    }
    const { hasEnded, ...cost } = await settled;
    return { ...cost, text, isWhole: answer.kind === 'stream' && hasEnded && text.includes('[DONE]') };
  }

  /** As the Worker settles: what the call has consumed, and what was added. */
  #settle(own: Quantities, nowMs: number): number {
    expect(this.#reserving, 'reservations under way when the call is settled').toBe(0);
    this.#isSettled = true;
    const total: Record<string, number> = { requests: 1, ...own, embedding_tokens: this.added.used().embedding_tokens };
    for (const { settlement } of this.added.beside())
      for (const [meter, quantity] of Object.entries(quantitiesOf(settlement))) total[meter] = (total[meter] ?? 0) + quantity;
    for (const meter of ['embedding_tokens', 'upstream_nano'])
      expect(this.#reserved[meter] ?? 0, meter).toBeGreaterThanOrEqual(total[meter] ?? 0);
    return costNanoMax(total, editionAt(nowMs));
  }

  async #reserve(quantities: Quantities): ReturnType<CompletionCall['reserve']> {
    expect(this.#isSettled, 'a settled call reserves nothing').toBe(false);
    this.#reserving += 1;
    await this.time.sleep(this.#planned.quotaMs);
    this.#reserving -= 1;
    for (const [meter, quantity] of Object.entries(quantities)) this.#reserved[meter] = (this.#reserved[meter] ?? 0) + quantity;
    return ok(undefined);
  }

  #completions(): Completions {
    const { time } = this;
    const [judgeMs, classifierMs] = this.#planned.timeoutsMs;
    const hooks = [classifier('judge', 'judge/m', judgeMs), classifier('own', 'toxic', classifierMs)];
    const routed = { plan: { groups: [[LARGE]], reason: 'route' }, guardrails: { name: 'desk@1', owner: 'platform', hooks } };
    return new Completions({
      tokens: byteCounts,
      cache: { open: () => expect.unreachable() },
      embedder: { check: () => expect.unreachable(), embed: () => expect.unreachable() },
      sha256: () => expect.unreachable(),
      wakeUps: new DirectWakeUps(),
      judge: { accepts: () => expect.unreachable() },
      targets: () => Promise.resolve(ok({ own: [], platform: [LARGE, JUDGE] })),
      router: { plan: () => Promise.resolve(ok({ ...routed, ended: () => undefined } as unknown as Routed)) },
      guard: new GuardedCompletions({ open: (policy, moderate) => Promise.resolve(this.#guard(policy.hooks, moderate!)) }),
      dispatcher: new BalancedDispatcher({ clock: time, timer: time, rng: { bytes: (count) => new Uint8Array(count) } }),
      transport: { open: (...asked) => this.#open(...asked) },
      clock: time,
    });
  }

  /** As the inference Worker runs them: a hook goes on once its time is over, and all that is said takes its way. */
  #guard(hooks: readonly Hook[], moderate: Moderate): GuardCalls {
    const { time } = this;
    const compiled = compileHooks({ policy: { name: 'desk@1', owner: 'platform', hooks }, hosts: { allowed: [], local: [] } });
    const later = async <T>(value: T | Promise<T>): Promise<T> => {
      const said = await value;
      await time.sleep(this.#planned.rpcMs);
      return said;
    };
    const classify = async (): Promise<Finding> => {
      await time.sleep(this.#planned.classifierMs);
      return { count: 0, tokens: CLASSIFIED_TOKENS };
    };
    const session = new GuardSession({
      hooks: compiled.ok ? compiled.value : [],
      clock: time,
      turn: noTurn,
      ask: async (hook, _, texts) => {
        if (hook.kind !== 'classifier') return expect.unreachable();
        const found = hook.name === 'judge' ? later(moderate(hook, texts)) : classify();
        const inTime = await Promise.race([found, time.sleep(hook.timeout_ms).then(() => undefined)]);
        if (inTime?.tokens !== undefined) this.classifications += 1;
        return inTime;
      },
    });
    return {
      requestText: (...asked) => later(session.requestText(...asked)),
      stop: () => undefined,
      answer: (...asked) => later(session.answer(...asked)),
      shown: async (...asked) => session.shown(...asked),
      push: async (...asked) => session.push(...asked),
      end: () => later(session.end()),
      close: () => undefined,
    };
  }

  async #open({ upstream }: Target, ...[, cancellation]: [unknown, CancelSource | Parameters<UpstreamTransport['open']>[2]]) {
    const { paces } = this.#planned;
    const [headMs, pieceMs] = paces[this.#exchanges++ % paces.length]!;
    const isJudge = upstream === 'judge';
    const text = isJudge ? MODERATION : this.#planned.streams ? STREAM : WHOLE;
    const pieces: (Uint8Array | undefined)[] = text.split(/(?<=\n\n)/).map((piece) => utf8(piece));
    const wait = async <T>(delayMs: number, value: () => T): Promise<T | TransportFault> => {
      const isCancelled = await Promise.race([
        this.time.sleep(delayMs).then(() => cancellation.isCancelled),
        new Promise<true>((resolve) => void cancellation.onCancel(() => resolve(true))),
      ]);
      return isCancelled ? { kind: 'fault', fault: 'cancelled' } : value();
    };
    return wait(headMs, (): Opened => {
      return {
        kind: 'opened',
        status: 200,
        contentType: this.#planned.streams && !isJudge ? 'text/event-stream' : 'application/json',
        body: {
          read: () =>
            wait(pieces.length === 0 ? 0 : pieceMs, () => {
              if (isJudge && pieces.length === 2) this.moderations.begun += 1;
              if (isJudge && pieces.length === 0) this.moderations.read += 1;
              return pieces.shift();
            }),
          cancel: () => undefined,
        },
      };
    });
  }
}

const STREAMED = { stream: true, stream_options: { include_usage: true } };
const USAGE = { prompt_tokens: 3, completion_tokens: 2 };
const WHOLE = JSON.stringify({
  id: 'c',
  choices: [{ index: 0, message: { role: 'assistant', content: 'In Bern.' }, finish_reason: 'stop' }],
  usage: USAGE,
});
const STREAM = [
  { id: 'c', choices: [{ index: 0, delta: { role: 'assistant', content: 'In Bern.' }, finish_reason: 'stop' }] },
  { id: 'c', choices: [], usage: USAGE },
]
  .map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
  .concat('data: [DONE]\n\n')
  .join('');

it('[U185] what hooks cost is settled with the call, whenever they run out of time and callers leave', async () => {
  const seen = { late: 0, whole: 0, left: 0 };
  await fc.assert(
    fc.asyncProperty(plans, async (planned) => {
      const call = new HookedCall(planned);
      const { costNano, servedNano, text, isWhole } = await call.time.run(call.run());
      const { classifications } = call;
      const moderations = { ...call.moderations };
      const truthNano = servedNano + requestNanoAt(0) + moderations.read * MODERATED_TOKENS * 3 + classifications * CLASSIFIED_TOKENS * 20;
      expect(costNano).toBe(truthNano);
      if (isWhole) expect(/"cost_usd":"([\d.]+)"/.exec(text)?.[1]).toBe(usd(costNano));
      // Nothing comes after: no reservation, no charge.
      await call.time.run(call.time.sleep(1_000));
      expect([call.moderations.read, call.classifications]).toEqual([moderations.read, classifications]);
      expect(call.added.nanoAt(0)).toBe(costNano - servedNano - requestNanoAt(0));
      if (planned.leavesMs === undefined && moderations.read < moderations.begun) seen.late += 1;
      if (isWhole) seen.whole += 1;
      if (planned.leavesMs !== undefined) seen.left += 1;
    }),
    { seed: 185, numRuns: 400 },
  );
  expect(seen.late).toBeGreaterThan(5);
  expect(seen.whole).toBeGreaterThan(20);
  expect(seen.left).toBeGreaterThan(50);
});
