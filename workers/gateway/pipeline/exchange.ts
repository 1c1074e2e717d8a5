import type { Context } from 'hono';
import { getPath } from 'hono/utils/url';

import type { ErrorCode } from '../../../src/contract/api/errors.ts';
import type { Caller } from '../../../src/contract/api/principal.ts';
import type { Surface } from '../../../src/contract/api/surface.ts';
import { surfaceOf } from '../../../src/contract/api/surface.ts';
import type { ServingEnv } from '../env.ts';
import { requestIdOf } from './request-id.ts';
import type { Serving } from './serving.ts';

export type AppContext<Env extends ServingEnv = ServingEnv> = Context<{ Bindings: Env }>;

/** One request under way: what its headers, its log line and the metrics say of it. */
export class Exchange {
  readonly request: Request;
  /** What answers it. */
  readonly serving: Serving;
  readonly requestId: string;
  /** Whose clients it is from. */
  readonly surface: Surface;
  readonly timing = new Timing();
  /** The pattern of the route that answers. */
  route = 'unmatched';
  principal: Caller | undefined;
  errorCode: ErrorCode | undefined;
  /** What the call cost, in nano-dollars, once it is settled. */
  costNano: number | undefined;
  /** Of a stream: settles the call when it has ended, and resolves to the code of what broke it off. To be called once. */
  settleStream: (() => Promise<ErrorCode | undefined>) | undefined;

  constructor(request: Request, serving: Serving) {
    this.request = request;
    this.serving = serving;
    this.requestId = requestIdOf(request.headers);
    this.surface = surfaceOf(getPath(request), request.headers);
  }
}

/** Phases of one request, for the `server-timing` header (W3C Server Timing). */
export class Timing {
  readonly #startedMs = performance.now();
  #phases = '';

  /** Measures `work` under `phase`. */
  async of<T>(phase: string, work: Promise<T>): Promise<T> {
    const startedMs = performance.now();
    try {
      return await work;
    } finally {
      this.note(phase, performance.now() - startedMs);
    }
  }

  note(phase: string, ms: number): void {
    this.#phases += `${phase};dur=${ms.toFixed(1)}, `;
  }

  elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  header(): string {
    return `${this.#phases}total;dur=${this.elapsedMs().toFixed(1)}`;
  }
}

/**
 * An answer before it is sent. Everything that adds a header does so here: the runtime's `Response` is made once, with all of them. Names are in
 * lower case.
 */
export interface Draft {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: BodyInit | null;
}

export const sent = ({ status, headers, body }: Draft): Response => new Response(body, { status, headers });

export const redirect = (location: string): Draft => ({ status: 302, headers: { location }, body: null });

/** An answer that something else has made, to be concluded as our own are. */
export const draftOf = ({ status, headers, body }: Response): Draft => ({ status, headers: Object.fromEntries(headers), body });

export const jsonDraft = (status: number, text: string, headers: Record<string, string> = {}): Draft => {
  headers['content-type'] ??= 'application/json';
  return { status, headers, body: text };
};
