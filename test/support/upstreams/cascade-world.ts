import type { TenantPrincipal } from '../../../src/contract/api/principal.ts';
import type { CascadeChoice } from '../../../src/contract/routes/route-rules.ts';
import type { Hook } from '../../../src/contract/guardrails/guardrails.ts';
import { refusal } from '../../../src/contract/api/errors.ts';
import { AddedUse } from '../../../src/gateway/completions/added-use.ts';
import type { Completed, CompletionCall } from '../../../src/gateway/completions/completion-call.ts';
import { Completions } from '../../../src/gateway/completions/completion.ts';
import type { CompletionEnd } from '../../../src/gateway/completions/answer-pieces.ts';
import { GuardedCompletions } from '../../../src/gateway/completions/guarded-completion.ts';
import type { GuardCalls } from '../../../src/gateway/guardrails/guardrails.ts';
import { ModelRouter } from '../../../src/gateway/routes/model-router.ts';
import { RouteDirectory } from '../../../src/gateway/routes/route-directory.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import type { Result } from '../../../src/kernel/result.ts';
import { err, ok } from '../../../src/kernel/result.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import type { CascadeReport } from '../../../src/upstreams/cascade/cascade-tally.ts';
import { CascadeTally } from '../../../src/upstreams/cascade/cascade-tally.ts';
import type { CalibrationCurve } from '../../../src/upstreams/cascade/isotonic.ts';
import { cascadeKey } from '../../../src/upstreams/cascade/cascade-decision.ts';
import { NO_CHECKS } from '../../../src/upstreams/reuse/reuse-evidence.ts';
import type { Undispatched } from '../../../src/upstreams/dispatch.ts';
import { compileHooks } from '../../../src/upstreams/guardrails/compiled-hook.ts';
import { GuardSession } from '../../../src/upstreams/guardrails/guard-session.ts';
import { noTurn } from './unpaced-work.ts';
import type { GuardrailPolicy } from '../../../src/upstreams/guardrails/guardrail-policy.ts';
import type { UpstreamQuantities } from '../../../src/upstreams/money/settlement.ts';
import { CanaryTally } from '../../../src/upstreams/routes/canary-tally.ts';
import { BalancedDispatcher } from '../../../src/upstreams/serving/balanced-dispatcher.ts';
import { CancelSource } from '../../../src/upstreams/serving/cancel-source.ts';
import type { Target, TargetModel } from '../../../src/upstreams/target.ts';
import { sha256 } from '../worlds/memory-cache-world.ts';
import { idsOf } from '../fakes/tenancy.ts';
import { targetOf } from './target.ts';
import { byteCounts } from './token-counts.ts';

const { organisationId, tenantId, projectId, id: keyId } = idsOf(1);
const PRINCIPAL: TenantPrincipal = { kind: 'tenant', organisationId, tenantId, projectId, keyId, owner: 'team', scopes: ['inference'] };

/** What a model of the world answers. */
export interface Said {
  readonly text?: string;
  /** Of each of its tokens; absent: it reports none. */
  readonly logprob?: number;
  /** It has no answer. */
  readonly status?: number;
  /** Its answer breaks off. */
  readonly breaks?: boolean;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

interface WorldTerms {
  readonly choice?: Partial<CascadeChoice>;
  readonly curve?: CalibrationCurve;
  readonly student?: Partial<TargetModel>;
  readonly accepts?: (schema: object, text: string) => Promise<boolean>;
  readonly hooks?: readonly Hook[];
  /** Quota that can be reserved, in nano-dollars. */
  readonly nanoMax?: number;
}

type Served = Result<Completed, Undispatched>;

/** What a call has come to, and all that it was charged, by model. */
export interface Outcome {
  readonly served: Served;
  readonly text: string;
  readonly end: CompletionEnd | undefined;
  readonly charged: Readonly<Record<string, number>>;
  readonly reservedNano: number;
}

const model = (name: string, nanoOfToken: number, more: Partial<TargetModel> = {}): Target =>
  targetOf({
    upstreamId: name,
    upstream: name,
    model: {
      name: 'm',
      upstreamName: `${name}-m`,
      serves: ['chat', 'completions', 'responses'],
      prices: { inputNano: nanoOfToken * 1_000_000, outputNano: nanoOfToken * 1_000_000, requestNano: 0 },
      ...more,
    },
  });

/** Calls of a route whose default is a cascade, over upstreams that answer as `say` says. */
export class CascadeWorld {
  readonly asked: { readonly upstream: string; readonly body: Record<string, unknown> }[] = [];
  readonly shadows: Promise<{ readonly served: Served; readonly nano: number; readonly reservedNano: number }>[] = [];
  readonly ends: boolean[] = [];
  /** What hooks have asked models of upstreams. */
  readonly added = new AddedUse();
  readonly choice: CascadeChoice;
  nowMs = 1_000_000;
  say: (upstream: string, body: Record<string, unknown>) => Said = () => ({ text: 'yes', logprob: -0.1 });
  readonly #tally = new CascadeTally();
  readonly #completions: Completions;
  readonly #terms: WorldTerms;
  #requests = 0;

  constructor(terms: WorldTerms = {}) {
    this.#terms = terms;
    this.choice = {
      kind: 'cascade',
      student: [[{ target: 'small/m' }]],
      teacher: [[{ target: 'large/m' }]],
      confidence: { kind: 'token-probability' },
      threshold: 0.8,
      escalated_share_max: 1,
      shadow_share: 0,
      ...terms.choice,
    };
    const clock = { nowMs: () => this.nowMs };
    const targets = [model('small', 1, terms.student), model('large', 10), model('judge', 2)];
    const route = {
      name: 'desk',
      version: 3,
      rules: { rules: [], default: this.choice, guardrails: [...(terms.hooks ?? [])] },
      canary: null,
    };
    const curves = terms.curve === undefined ? {} : { curves: { [cascadeKey(this.choice)]: terms.curve } };
    const tally = new CanaryTally();
    tally.count = ({ failed }) => void this.ends.push(failed);
    const directory = new RouteDirectory({
      routes: () => ({ directory: () => Promise.resolve([{ ...route, ...curves }]), report: () => Promise.resolve() }),
      tally,
      // What is counted stays for the test to take.
      cascades: new CascadeTally(),
      clock,
      background: () => undefined,
    });
    this.#completions = new Completions({
      tokens: byteCounts,
      cache: { open: () => Promise.reject(new Error('nothing is cached')) },
      embedder: { check: unasked, embed: unasked },
      sha256,
      wakeUps: new DirectWakeUps(),
      guard: new GuardedCompletions({ open: (policy) => Promise.resolve(guardOf(policy)) }),
      judge: { accepts: terms.accepts ?? (() => Promise.reject(new Error('no guardrails'))) },
      targets: () => Promise.resolve(ok({ own: targets, platform: [] })),
      router: new ModelRouter({
        directory,
        tally,
        cascades: this.#tally,
        evidence: { of: () => NO_CHECKS, note: () => undefined },
        clock,
        breaker: () => 'closed',
        budgetLeft: () => undefined,
      }),
      dispatcher: new BalancedDispatcher({
        clock,
        timer: {
          after: (ms, run) => {
            // Time passes at once.
            const timer = setImmediate(() => {
              this.nowMs += ms;
              run();
            });
            return () => clearImmediate(timer);
          },
        },
        rng: { bytes: (count) => new Uint8Array(count) },
      }),
      transport: { open: (target, { body }) => Promise.resolve(this.#open(target, JSON.parse(body) as Record<string, unknown>)) },
      clock,
    });
  }

  async call(
    more: object = {},
    cancellation: CompletionCall['cancellation'] = { isCancelled: false, onCancel: () => () => undefined },
  ): Promise<Outcome> {
    this.#requests += 1;
    const taken = { own: 0, shadow: 0 };
    const reserver = (nanoMax: number, by: keyof typeof taken) => {
      return ({ upstream_nano: nano = 0 }: Partial<UpstreamQuantities>) => {
        if (taken[by] + nano > nanoMax) return Promise.resolve(err(refusal('insufficient_quota', 'the budget is spent')));
        taken[by] += nano;
        return Promise.resolve(ok(undefined));
      };
    };
    const served = await this.#completions.complete({
      surface: 'chat',
      body: { model: 'desk', messages: [{ role: 'user', content: 'is it so?' }], ...more },
      headers: {},
      principal: PRINCIPAL,
      requestId: `req_${this.#requests}`,
      origin: { headers: {}, header: () => undefined, place: {} },
      cancellation,
      reserve: reserver(this.#terms.nanoMax ?? Infinity, 'own'),
      cacheTerms: undefined,
      onGuarded: () => undefined,
      added: this.added,
      shadow: (serve, onSettled) => {
        this.shadows.push(
          serve(reserver(Infinity, 'shadow'), new CancelSource()).then((shadow) => {
            const nano = shadow.ok && shadow.value.answer.kind === 'whole' ? shadow.value.settle(shadow.value.answer.end).nano : 0;
            if (shadow.ok) onSettled(nano);
            return { served: shadow, nano, reservedNano: taken.shadow };
          }),
        );
      },
    });
    const { text, end } = served.ok ? await readOf(served.value) : { text: '', end: undefined };
    return { served, text, end, charged: served.ok && end !== undefined ? chargedBy(served.value, end) : {}, reservedNano: taken.own };
  }

  /** What was counted since this was last asked. */
  counted(): CascadeReport['counts'] | undefined {
    return this.#tally.take(PRINCIPAL.tenantId)[0]?.counts;
  }

  #open({ upstream }: Target, body: Record<string, unknown>) {
    this.asked.push({ upstream, body });
    const said = this.say(upstream, body);
    const streams = body['stream'] === true;
    const text = said.status === undefined ? (streams ? streamOf(said) : wholeOf(said)) : '{"error":{"message":"no"}}';
    const pieces: (Uint8Array | { kind: 'fault'; fault: 'broken' })[] = text.split(/(?<=\n\n)/).map((piece) => utf8(piece));
    if (said.breaks === true) pieces.splice(-2, 2, { kind: 'fault', fault: 'broken' });
    return {
      kind: 'opened' as const,
      status: said.status ?? 200,
      contentType: streams ? 'text/event-stream' : 'application/json',
      body: { read: () => Promise.resolve(pieces.shift()), cancel: () => undefined },
    };
  }
}

/** As RPC does it: all that a session is asked is answered later. */
export function guardOf(policy: GuardrailPolicy): GuardCalls {
  const hooks = compileHooks({ policy, hosts: { allowed: [], local: [] } });
  const session = new GuardSession({
    hooks: hooks.ok ? hooks.value : [],
    ask: async () => undefined,
    clock: { nowMs: () => 0 },
    turn: noTurn,
  });
  return {
    requestText: (...rest) => session.requestText(...rest),
    stop: () => undefined,
    answer: (...rest) => session.answer(...rest),
    shown: async (...rest) => session.shown(...rest),
    push: async (...rest) => session.push(...rest),
    end: () => session.end(),
    close: () => undefined,
  };
}
const unasked = (): Promise<never> => Promise.reject(new Error('no answer is reused'));

const usageOf = ({ inputTokens = 3, outputTokens = 2 }: Said) => ({ prompt_tokens: inputTokens, completion_tokens: outputTokens });

const logprobsOf = ({ logprob }: Said) =>
  logprob === undefined
    ? {}
    : {
        logprobs: {
          content: [
            { token: 'x', logprob },
            { token: 'y', logprob },
          ],
        },
      };

const wholeOf = (said: Said): string =>
  JSON.stringify({
    id: 'c',
    choices: [{ index: 0, message: { role: 'assistant', content: said.text }, ...logprobsOf(said), finish_reason: 'stop' }],
    usage: usageOf(said),
  });

const streamOf = (said: Said): string =>
  [
    { id: 'c', choices: [{ index: 0, delta: { content: said.text }, ...logprobsOf(said), finish_reason: null }] },
    { id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { id: 'c', choices: [], usage: usageOf(said) },
  ]
    .map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
    .concat('data: [DONE]\n\n')
    .join('');

async function readOf({ answer }: Completed): Promise<{ readonly text: string; readonly end: CompletionEnd }> {
  if (answer.kind === 'whole') return { text: answer.text, end: answer.end };
  const pieces: Uint8Array[] = [];
  for (let piece = await answer.stream.next(); piece !== undefined; piece = await answer.stream.next()) pieces.push(piece);
  return { text: Buffer.concat(pieces).toString('utf8'), end: await answer.ended };
}

function chargedBy({ target, settle, besides = [] }: Completed, end: CompletionEnd): Record<string, number> {
  const charged: Record<string, number> = {};
  for (const { target: of, settlement } of [{ target, settlement: settle(end) }, ...besides])
    charged[of.upstream] = (charged[of.upstream] ?? 0) + settlement.nano;
  return charged;
}
