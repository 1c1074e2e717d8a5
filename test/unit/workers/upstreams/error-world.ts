import { expect, vi } from 'vitest';

import type { TenantPrincipal } from '../../../../src/contract/api/principal.ts';
import type { Surface as Api } from '../../../../src/contract/api/surface.ts';
import { AddedUse } from '../../../../src/gateway/completions/added-use.ts';
import { Completions } from '../../../../src/gateway/completions/completion.ts';
import { ok } from '../../../../src/kernel/result.ts';
import { Seeded } from '../../../../src/kernel/seeded.ts';
import { DirectWakeUps } from '../../../../src/kernel/wake-ups.ts';
import type { Undispatched } from '../../../../src/upstreams/dispatch.ts';
import type { Surface } from '../../../../src/upstreams/protocol/surfaces.ts';
import { BalancedDispatcher } from '../../../../src/upstreams/serving/balanced-dispatcher.ts';
import type { Target } from '../../../../src/upstreams/target.ts';
import { HttpTransport } from '../../../../workers/gateway/adapters/upstreams/http-transport.ts';
import { errorDraft } from '../../../../workers/gateway/pipeline/http-error.ts';
import { idsOf } from '../../../support/fakes/tenancy.ts';
import { byteCounts } from '../../../support/upstreams/token-counts.ts';
import { VirtualTime } from '../../../support/worlds/virtual-time.ts';

/** What an upstream answers over HTTP. */
export interface Said {
  readonly status: number;
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface ErrorBody {
  readonly type?: string;
  readonly request_id?: string;
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly code: string;
    readonly param: string | null;
    readonly upstream?: { readonly name: string; readonly status: number };
  };
}

/** What arrives at the caller. */
export interface Arrived {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** An error in the shape of the API; of an answer nothing is read. */
  readonly body: ErrorBody;
  /** Of a stream that began. */
  readonly events: string;
  readonly undispatched: Undispatched | undefined;
}

const { organisationId, tenantId, projectId, id: keyId } = idsOf(1);
const PRINCIPAL: TenantPrincipal = { kind: 'tenant', organisationId, tenantId, projectId, keyId, owner: 'team', scopes: ['inference'] };

/** The API of each kind of call, by which its errors have their shape. */
const API_OF: Readonly<Record<Surface, Api>> = {
  chat: 'sluice',
  completions: 'sluice',
  responses: 'sluice',
  messages: 'anthropic',
  embeddings: 'jina',
  rerank: 'jina',
  moderations: 'sluice',
  images: 'sluice',
  image_edits: 'sluice',
  image_variations: 'sluice',
  speech: 'sluice',
  transcriptions: 'sluice',
  translations: 'sluice',
};

const BODIES: Readonly<Record<Surface, object>> = {
  chat: { messages: [{ role: 'user', content: 'hello' }] },
  completions: { prompt: 'hello' },
  responses: { input: 'hello' },
  messages: { messages: [{ role: 'user', content: 'hello' }], max_tokens: 9 },
  embeddings: { input: ['hello'] },
  rerank: { query: 'hello', documents: ['one'] },
  moderations: { input: 'hello' },
  images: { prompt: 'hello' },
  image_edits: { prompt: 'hello' },
  image_variations: {},
  speech: { input: 'hello', voice: 'alloy' },
  transcriptions: {},
  translations: {},
};

/** An isolate whose upstreams answer as they are scripted: the dispatcher, the transport and the errors of the API are those of the product. */
export class ErrorWorld {
  readonly time = new VirtualTime();
  /** The upstreams that were asked, by their hosts, in order. */
  readonly asked: string[] = [];
  readonly dispatcher: BalancedDispatcher;
  readonly #completions: Completions;

  constructor(targets: { readonly own?: readonly Target[]; readonly platform?: readonly Target[] }, says: (host: string) => Said) {
    const { time } = this;
    const random = new Seeded(1);
    const rng = { bytes: (count: number) => Uint8Array.from({ length: count }, () => Math.floor(random.next() * 256)) };
    this.dispatcher = new BalancedDispatcher({ clock: time, timer: time, rng });
    vi.stubGlobal('fetch', (url: string) => {
      const { hostname } = new URL(url);
      this.asked.push(hostname);
      const { status, body = '', headers } = says(hostname);
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      return Promise.resolve(new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } }));
    });
    this.#completions = new Completions({
      tokens: byteCounts,
      cache: { open: () => expect.unreachable() },
      embedder: { check: () => expect.unreachable(), embed: () => expect.unreachable() },
      sha256: () => expect.unreachable(),
      wakeUps: new DirectWakeUps(),
      targets: () => Promise.resolve(ok({ own: targets.own ?? [], platform: targets.platform ?? [] })),
      router: { plan: () => Promise.resolve(ok(undefined)) },
      dispatcher: this.dispatcher,
      transport: new HttpTransport({ timer: time, clock: time, secretOf: () => Promise.resolve('s3cret-of-the-upstream') }),
      clock: time,
      guard: { complete: () => expect.unreachable() },
      judge: { accepts: () => expect.unreachable() },
    });
  }

  call(surface: Surface, more: object = {}): Promise<Arrived> {
    return this.time.run(this.#call(surface, more));
  }

  async #call(surface: Surface, more: object): Promise<Arrived> {
    const answered = await this.#completions.complete({
      cacheTerms: undefined,
      onGuarded: () => expect.unreachable(),
      shadow: () => expect.unreachable(),
      added: new AddedUse(),
      surface,
      body: { model: 'small', ...BODIES[surface], ...more },
      headers: {},
      principal: PRINCIPAL,
      requestId: 'req_1',
      reserve: () => Promise.resolve(ok(undefined)),
      origin: { headers: {}, header: () => undefined, place: {} },
      cancellation: { isCancelled: false, onCancel: () => () => undefined },
    });
    if (!answered.ok) {
      const { status, headers, body } = errorDraft(answered.error.refusal, 'req_1', API_OF[surface]);
      return { status, headers, body: JSON.parse(await new Response(body).text()) as ErrorBody, events: '', undispatched: answered.error };
    }
    const { answer } = answered.value;
    const base = { status: 200, headers: {}, undispatched: undefined };
    if (answer.kind === 'whole') return { ...base, body: JSON.parse(answer.text) as ErrorBody, events: '' };
    let events = '';
    for (let piece = await answer.stream.next(); piece !== undefined; piece = await answer.stream.next())
      events += new TextDecoder().decode(piece);
    return { ...base, body: {} as ErrorBody, events };
  }
}
