import type { BodyOf, Endpoint, HeadersOf, ParamsOf, QueryOf, ReplyOf, UsedOf } from '../../../src/contract/api/endpoint.ts';
import type { ErrorCode, Refusal } from '../../../src/contract/api/errors.ts';
import type { Meter } from '../../../src/contract/api/meter.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { AdminPrincipal, AgentPrincipal, Principal, TenantPrincipal } from '../../../src/contract/api/principal.ts';
import type { Authority } from '../../../src/contract/tenancy/write-lease.ts';
import type { LabelledUse } from '../../../src/gateway/tenancy/budget.ts';
import type { CorePath, PathOf } from '../../../src/contract/subjects.ts';
import type { Control } from '../compose-control.ts';
import type { Embedding } from '../compose-embeddings.ts';
import type { Planning } from '../compose-planning.ts';
import type { Retrieving } from '../compose-retrieval.ts';
import type { Upstreams } from '../compose-upstreams.ts';
import type { Gateway } from '../compose.ts';
import type { AppContext, Draft, Exchange, Timing } from './exchange.ts';
import type { Serving } from './serving.ts';
import type { VectorWriter } from './vector-writer.ts';

type PrincipalOf<E extends Endpoint> = E['access']['kind'] extends 'tenant'
  ? TenantPrincipal
  : E['access']['kind'] extends 'admin'
    ? AdminPrincipal
    : E['access']['kind'] extends 'tenant-or-admin'
      ? Principal
      : E['access']['kind'] extends 'agent'
        ? AgentPrincipal
        : undefined;

/** Quantities of the meters that an endpoint declares: any other does not compile, nor does a use case that reserves another. */
export type QuantitiesOf<E extends Endpoint> = { readonly [M in Meter]?: M extends E['meters'][number] ? number : never };

/** What a handler may use, by the subject of its path. */
type PartsOf<E extends Endpoint> = E['path'] extends CorePath
  ? Gateway
  : E['path'] extends PathOf<'embeddings'>
    ? Embedding
    : E['path'] extends PathOf<'control'>
      ? Control
      : E['path'] extends PathOf<'upstreams'>
        ? Upstreams
        : E['path'] extends PathOf<'planning'>
          ? Planning
          : Retrieving;

/** A request that has been authenticated, admitted and validated: what a handler sees. */
export interface Call<E extends Endpoint> {
  readonly gateway: PartsOf<E>;
  readonly principal: PrincipalOf<E>;
  /** Asked again before each durable step, and before each portion of a stream. */
  readonly authority: E['access']['kind'] extends 'public' | 'agent' ? undefined : Authority;
  readonly params: ParamsOf<E>;
  readonly query: QueryOf<E>;
  readonly body: BodyOf<E>;
  /** The request headers that the endpoint declares. */
  readonly options: HeadersOf<E>;
  readonly headers: Headers;
  readonly request: Request;
  readonly requestId: string;
  readonly timing: Timing;
  /** A validated `Idempotency-Key`, on endpoints that honour one. */
  readonly idempotencyKey: string | undefined;
  /** How the vectors of the answer are written. */
  readonly vectors: VectorWriter;
  /** Keeps work running after the answer has been sent. */
  waitUntil(work: Promise<unknown>): void;
  /** Takes quota for what the call is about to consume, before it does. */
  readonly reserve: (quantities: QuantitiesOf<E>) => Promise<Outcome<void>>;
  /** Lets another route answer the request. */
  readonly handOver: HandOver;
}

/** Events as they come; null: there are none, now and later. */
type EventStream = ReadableStream<Uint8Array> | null;

/** An answer that another server has written, whole or as it comes. */
export interface CompletionReply {
  readonly contentType: string;
  readonly body: BodyInit;
}

/** What a route hands over to another. */
export interface Taken {
  /** What the other's handler may use. */
  readonly serving: Serving;
  /** As it was read: a value of JSON, which the other's schema has to take. */
  readonly body: unknown;
}

/** A route that answers what another hands over. */
export interface TakingRoute {
  readonly take: (context: AppContext, exchange: Exchange, taken: Taken) => Promise<Draft>;
}

/** Lets another route answer: it admits, meters and validates as if it had been called. Throws what it refuses. */
export type HandOver = (to: TakingRoute, taken: Taken) => Promise<Draft>;

/** What a handler answers. `used` names every meter the endpoint declares: an unmetered consumption does not compile. */
export type Answer<E extends Endpoint> = Done<E> | Refused<E> | HandedOver;

/** Another route has answered, and has counted and charged the request: this one does not. */
export interface HandedOver {
  readonly handedOver: Draft;
}

/** Settles a call with what its stream used, besides `used`; answers what the call cost, in nano-dollars. */
type SettleLater<E extends Endpoint> = (used: QuantitiesOf<E>, besides?: readonly LabelledUse[]) => number;

export interface Refused<E extends Endpoint> {
  readonly ok: false;
  readonly error: Refusal;
  /** Takes what the refused call cost, in nano-dollars. */
  readonly onSettled?: (costNano: number) => void;
  /** What was consumed nonetheless, by a call that is done in slices. */
  readonly used?: QuantitiesOf<E>;
  /** That consumed it. */
  readonly model?: string;
  readonly besides?: readonly LabelledUse[];
}

export interface Done<E extends Endpoint> {
  readonly ok: true;
  readonly reply: E['reply'] extends { kind: 'bytes' | 'ndjson' }
    ? BodyInit
    : E['reply'] extends { kind: 'events' }
      ? EventStream
      : E['reply'] extends { kind: 'completion' }
        ? CompletionReply
        : ReplyOf<E>;
  readonly used: UsedOf<E>;
  readonly model?: string;
  /** What was used for other models, where the answer is whole. */
  readonly besides?: readonly LabelledUse[];
  /**
   * Given where the answer is a stream: takes what settles the call, and calls it once, when the stream has ended however it ends. Then resolves to
   * the code of what broke the stream off; undefined: it is whole, or its caller has left.
   */
  readonly settlesLater?: (settle: SettleLater<E>) => Promise<ErrorCode | undefined>;
  /** Takes what the call cost, in nano-dollars, where it is not settled later. */
  readonly onSettled?: (costNano: number) => void;
  /** Names what the call has done, so that a repetition of the same, which does nothing more, is billed once. */
  readonly usageId?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What follows the JSON of the reply (`JSON_BYTES_HEADER`). */
  readonly bytesBehind?: readonly Uint8Array[];
}
