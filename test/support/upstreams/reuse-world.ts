import { ANY_FRESH } from '../../../src/cache/cache-directives.ts';
import { refusal } from '../../../src/contract/api/errors.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import type { AnswerReuse, RouteVersion } from '../../../src/contract/routes/route-rules.ts';
import type { AnswerTerms } from '../../../src/gateway/caches/answer-cache.ts';
import { PurgeViews } from '../../../src/gateway/caches/purge-views.ts';
import { AddedUse } from '../../../src/gateway/completions/added-use.ts';
import { CompletionCache } from '../../../src/gateway/completions/completion-cache.ts';
import type { Completed, CompletionCall, ReuseReport } from '../../../src/gateway/completions/completion-call.ts';
import { Completions } from '../../../src/gateway/completions/completion.ts';
import { GuardedCompletions } from '../../../src/gateway/completions/guarded-completion.ts';
import { ModelRouter } from '../../../src/gateway/routes/model-router.ts';
import { ReuseEvidence } from '../../../src/gateway/routes/reuse-evidence.ts';
import { RouteDirectory } from '../../../src/gateway/routes/route-directory.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { err, ok } from '../../../src/kernel/result.ts';
import type { WakeUps } from '../../../src/kernel/wake-ups.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { CascadeTally } from '../../../src/upstreams/cascade/cascade-tally.ts';
import type { ModelCharge, UpstreamQuantities } from '../../../src/upstreams/money/settlement.ts';
import type { Surface } from '../../../src/upstreams/protocol/surfaces.ts';
import type { MeasuredReuse } from '../../../src/upstreams/reuse/reuse-evidence.ts';
import { CanaryTally } from '../../../src/upstreams/routes/canary-tally.ts';
import { RouteRegistry } from '../../../src/upstreams/routes/route-registry.ts';
import { BalancedDispatcher } from '../../../src/upstreams/serving/balanced-dispatcher.ts';
import { CancelSource } from '../../../src/upstreams/serving/cancel-source.ts';
import type { Target } from '../../../src/upstreams/target.ts';
import type { Cancellation } from '../../../src/upstreams/transport.ts';
import { NodeSql } from '../fakes/node-sql.ts';
import { MemoryCacheWorld, principal, sha256 } from '../worlds/memory-cache-world.ts';
import { guardOf } from './cascade-world.ts';
import { targetOf } from './target.ts';
import { byteCounts } from './token-counts.ts';

export interface Asked {
  readonly tenant?: string;
  readonly surface?: Surface;
  readonly body?: object;
  readonly terms?: Partial<AnswerTerms>;
  readonly prompt?: string;
  readonly acceptsCandidate?: boolean;
  readonly requestId?: string;
  readonly cancellation?: Cancellation;
  readonly deadlineMs?: number;
}

/** What a call has come to. */
export interface Got {
  readonly text: string;
  readonly isHit: boolean;
  readonly outcome: ReuseReport['outcome'];
  readonly candidate: ReuseReport['candidate'];
  readonly savedNano: number | undefined;
  /** What finding another answer has cost. */
  readonly spentNano: number | undefined;
  /** What each model was charged. */
  readonly charged: Readonly<Record<string, number>>;
  readonly embeddingTokens: number;
}

const model = (name: string, nanoOfToken: number, serves: Target['model']['serves']): Target =>
  targetOf({
    upstreamId: name,
    upstream: name,
    model: {
      name: 'm',
      upstreamName: name,
      serves,
      prices: { inputNano: nanoOfToken * 1_000_000, outputNano: nanoOfToken * 1_000_000, requestNano: 0 },
    },
  });

const TARGETS = [
  model('large', 10, ['chat', 'completions', 'embeddings']),
  model('judge', 2, ['chat']),
  model('vectors', 1, ['embeddings']),
];

/** Calls of a route that reuses answers, in isolates that share nothing but what their tenants' objects keep. */
export class ReuseWorld {
  readonly cacheWorld = new MemoryCacheWorld();
  /** What each model was asked, by its upstream. */
  readonly asked: { readonly upstream: string; readonly body: Record<string, unknown> }[] = [];
  /** What the model answers to a question. */
  says: (question: string) => string = () => 'In Bern.';
  /** Tools that the model calls besides. */
  calls: readonly object[] | undefined;
  /** What the verifier answers. */
  judges: (prompt: string) => string = () => 'yes';
  /** What happens before a model is asked. */
  before: (upstream: string) => Promise<unknown> = () => Promise.resolve();
  /** Of the vector of a question. */
  meaning: (question: string) => readonly number[] = () => [1, 0];
  /** Quota that each call can reserve, in nano-dollars. */
  nanoMax = Infinity;
  version = 1;
  /** How calls wait for each other. */
  wakeUps: WakeUps = new DirectWakeUps();
  guardrails: RouteVersion['guardrails'] = [];
  isObjectUp = true;
  readonly #work: Promise<unknown>[] = [];
  readonly #registries = new Map<string, RouteRegistry>();
  #policy: AnswerReuse;
  #requests = 0;

  constructor(policy: AnswerReuse) {
    this.#policy = policy;
  }

  set policy(policy: AnswerReuse) {
    this.#policy = policy;
  }

  /** What a tenant's object has of checks. */
  measured(tenant = 'tn_one'): readonly MeasuredReuse[] {
    return this.#registryOf(tenant).reuses([]);
  }

  /** Has another isolate report checks. */
  report(checked: MeasuredReuse, tenant = 'tn_one'): void {
    this.#registryOf(tenant).reuses([checked]);
  }

  /** Until nothing goes on beside calls. */
  async settled(): Promise<void> {
    while (this.#work.length > 0) await this.#work.shift();
  }

  isolate(): (question: string, asked?: Asked) => Promise<Got> {
    const { clock, logs } = this.cacheWorld;
    const background = (work: Promise<unknown>): void => void this.#work.push(work);
    const reached = <T>(value: () => T): Promise<T> => (this.isObjectUp ? Promise.resolve(value()) : Promise.reject(new Error('away')));
    const evidence = new ReuseEvidence({
      routes: (tenant) => ({ reuses: (checked) => reached(() => this.#registryOf(tenant).reuses(checked)) }),
      clock,
      sleep: () => Promise.resolve(),
      background,
    });
    const rules = () => ({
      rules: [],
      default: { kind: 'targets' as const, groups: [[{ target: 'large/m' }]] },
      answer_reuse: this.#policy,
      guardrails: this.guardrails ?? [],
    });
    const directory = new RouteDirectory({
      routes: () => ({
        directory: () => Promise.resolve([{ name: 'desk', version: this.version, rules: rules(), canary: null }]),
        report: () => Promise.resolve(),
      }),
      tally: new CanaryTally(),
      cascades: new CascadeTally(),
      clock,
      background,
    });
    const { wakeUps } = this;
    const completions = new Completions({
      tokens: byteCounts,
      cache: new CompletionCache({ purges: new PurgeViews({ logs, clock, wakeUps }), clock, wakeUps, sha256 }),
      sha256,
      wakeUps,
      embedder: {
        check: () => Promise.reject(new Error('nothing is stored')),
        embed: (_, name, text) =>
          Promise.resolve(
            name === 'gone'
              ? refuse('model_not_found', 'it serves no more')
              : ok({ vector: Float32Array.from(this.meaning(text)), tokens: text.split(' ').length, contract: name }),
          ),
      },
      guard: new GuardedCompletions({ open: (policy) => Promise.resolve(guardOf(policy)) }),
      judge: { accepts: () => Promise.reject(new Error('nothing is judged')) },
      targets: () => Promise.resolve(ok({ own: TARGETS, platform: [] })),
      router: new ModelRouter({
        directory,
        tally: new CanaryTally(),
        cascades: new CascadeTally(),
        evidence,
        clock,
        breaker: () => 'closed',
        budgetLeft: () => undefined,
      }),
      dispatcher: new BalancedDispatcher({ clock, timer: { after: () => () => undefined }, rng: { bytes: (n) => new Uint8Array(n) } }),
      transport: {
        open: async (target, { body }) => {
          await this.before(target.upstream);
          return this.#open(target, JSON.parse(body) as Record<string, unknown>);
        },
      },
      clock,
    });
    return (question, asked = {}) => this.#ask(completions, question, asked);
  }

  async #ask(completions: Completions, question: string, asked: Asked): Promise<Got> {
    const added = new AddedUse();
    let leftNano = this.nanoMax;
    const reserve = ({ upstream_nano: nano = 0 }: Partial<UpstreamQuantities>) => {
      leftNano -= nano;
      return Promise.resolve(leftNano < 0 ? err(refusal('insufficient_quota', 'the budget is spent')) : ok(undefined));
    };
    const served = await completions.complete({
      surface: asked.surface ?? 'chat',
      body: { model: 'desk', messages: [{ role: 'user', content: question }], ...asked.body },
      headers: {},
      prompt: asked.prompt,
      principal: principal(asked.tenant ?? 'tn_one'),
      requestId: asked.requestId ?? `req_${(this.#requests += 1)}`,
      ...callerOf(asked),
      reserve,
      cacheTerms: { ttlMs: 60_000, directives: ANY_FRESH, tags: [], ...asked.terms },
      acceptsCandidate: asked.acceptsCandidate ?? false,
      onGuarded: () => undefined,
      added,
      shadow: (serve, onSettled) => this.#shadow(serve, onSettled),
    });
    if (!served.ok)
      return {
        ...REFUSED,
        text: served.error.refusal.code,
        charged: chargedBy(served.error.besides ?? []),
        embeddingTokens: added.used().embedding_tokens,
      };
    const { answer, target, settle, besides = [], cache, reuse, savedNano } = served.value;
    const text = await textOf(answer);
    const settlement = settle(answer.kind === 'whole' ? answer.end : await answer.ended);
    const charged = chargedBy([...(settlement.nano > 0 ? [{ target, settlement }] : []), ...besides]);
    const isHit = cache !== undefined && cache.forwarded === undefined;
    return {
      text,
      isHit,
      outcome: reuse?.outcome,
      candidate: reuse?.candidate,
      savedNano,
      spentNano: reuse?.spentNano,
      charged,
      embeddingTokens: added.used().embedding_tokens,
    };
  }

  #shadow(...[serve, onSettled]: Parameters<CompletionCall['shadow']>): void {
    const shadowed = async (): Promise<void> => {
      const served = await serve(() => Promise.resolve(ok(undefined)), new CancelSource());
      if (served.ok && served.value.answer.kind === 'whole') onSettled(served.value.settle(served.value.answer.end).nano);
    };
    this.#work.push(shadowed());
  }

  #registryOf(tenant: string): RouteRegistry {
    const known = this.#registries.get(tenant) ?? new RouteRegistry(new NodeSql(), this.cacheWorld.clock);
    this.#registries.set(tenant, known);
    return known;
  }

  #open({ upstream }: Target, body: Record<string, unknown>) {
    this.asked.push({ upstream, body });
    const said = questionIn(body);
    const streams = body['stream'] === true;
    const text = upstream === 'judge' ? this.judges(JSON.stringify(body['messages'])) : this.says(said);
    // What is generated after a prompt has its own field.
    const saidAs = (holder: 'message' | 'delta') =>
      'prompt' in body ? { text } : { [holder]: { role: 'assistant', content: text, tool_calls: this.calls } };
    const answer =
      upstream === 'vectors' ? vectorAnswer(this.meaning(said)) : streams ? streamOf(saidAs('delta')) : wholeOf(saidAs('message'));
    const pieces = answer.split(/(?<=\n\n)/).map((piece) => utf8(piece));
    return {
      kind: 'opened' as const,
      status: 200,
      contentType: streams ? 'text/event-stream' : 'application/json',
      body: { read: () => Promise.resolve(pieces.shift()), cancel: () => undefined },
    };
  }
}

async function textOf(answer: Completed['answer']): Promise<string> {
  if (answer.kind === 'whole') return answer.text;
  let text = '';
  for (let piece = await answer.stream.next(); piece !== undefined; piece = await answer.stream.next()) text += decoder.decode(piece);
  return text;
}

const callerOf = ({ deadlineMs, cancellation = new CancelSource() }: Asked): Pick<CompletionCall, 'origin' | 'cancellation'> => ({
  origin: { headers: {}, header: (name) => (name === 'x-sluice-deadline-ms' ? deadlineMs?.toString() : undefined), place: {} },
  cancellation,
});

const REFUSED = { isHit: false, outcome: undefined, candidate: undefined, spentNano: undefined, savedNano: undefined } as const;

const decoder = new TextDecoder();

/** The last words of a request, whatever its API. */
function questionIn(body: Record<string, unknown>): string {
  const texts = JSON.stringify(body).matchAll(/"(?:content|text|input|prompt)":"((?:[^"\\]|\\.)*)"/g);
  return [...texts].at(-1)?.[1] ?? '';
}

const USAGE = { prompt_tokens: 3, completion_tokens: 2 };

const wholeOf = (said: object): string =>
  JSON.stringify({ id: 'c', choices: [{ index: 0, ...said, finish_reason: 'stop' }], usage: USAGE });

const streamOf = (said: object): string =>
  [
    { id: 'c', choices: [{ index: 0, ...said, finish_reason: null }] },
    { id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { id: 'c', choices: [], usage: USAGE },
  ]
    .map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
    .concat('data: [DONE]\n\n')
    .join('');

const vectorAnswer = (embedding: readonly number[]): string =>
  JSON.stringify({ data: [{ index: 0, embedding }], usage: { prompt_tokens: 4 } });

function chargedBy(charges: readonly ModelCharge[]): Record<string, number> {
  const charged: Record<string, number> = {};
  for (const { target, settlement } of charges) charged[target.upstream] = (charged[target.upstream] ?? 0) + settlement.nano;
  return charged;
}
