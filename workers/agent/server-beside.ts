import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { pipeline } from 'node:stream/promises';

import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import type { ReplicaService } from './replica-service.ts';
import { replicaFailure, sendAnswer } from './replica-service.ts';

/** A server of models that the operator runs beside the agent, such as vLLM. */
export interface ServerBeside {
  /** Below it are the paths of OpenAI's API; without a slash at its end. */
  readonly url: string;
  /** What it accepts; absent: it asks for none. */
  readonly key?: string;
}

/**
 * `SLUICE_AGENT_SERVER`, such as `http://127.0.0.1:8000/v1`, and `SLUICE_AGENT_SERVER_KEY`; undefined without the former. Throws for what is no URL
 * of a server.
 */
export function serverBesideIn(environment: Readonly<Record<string, string | undefined>>): ServerBeside | undefined {
  const text = environment['SLUICE_AGENT_SERVER'] || undefined;
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if ((url?.protocol !== 'http:' && url?.protocol !== 'https:') || url.search !== '' || url.hash !== '' || url.username !== '')
    throw new Error(`SLUICE_AGENT_SERVER must be the base URL of a server, such as http://127.0.0.1:8000/v1, not "${text}"`);
  const key = environment['SLUICE_AGENT_SERVER_KEY'] || undefined;
  return { url: text.replace(/\/+$/, ''), ...(key === undefined ? {} : { key }) };
}

/** What the gateway calls of upstreams; the rest of a server, such as how it is administered, is not reached. */
const PASSED_ON: ReadonlySet<string> = new Set([
  'POST /v1/chat/completions',
  'POST /v1/completions',
  'POST /v1/responses',
  'POST /v1/messages',
  'POST /v1/embeddings',
  'POST /v1/rerank',
  'POST /v1/moderations',
  'GET /v1/models',
]);

const REQUEST_HEADERS = ['content-type', 'content-length', 'accept', 'anthropic-version', 'anthropic-beta'];
const ANSWER_HEADERS = ['content-type', 'content-length', 'retry-after', 'retry-after-ms'];

/** Passes calls on to a server beside the agent, and its answers back as they come. A caller that goes away ends its call there. [P83] */
export class PassingService implements ReplicaService {
  readonly startsSlowly = true;
  readonly #server: ServerBeside;
  readonly #model: string;

  /** `model`: what the server has to list. */
  constructor(server: ServerBeside, model: string) {
    this.#server = server;
    this.#model = model;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = `${request.method} ${request.url}`;
    if (!PASSED_ON.has(call)) {
      sendAnswer(response, replicaFailure(404, 'route_not_found', `a replica answers no ${call}`));
      return;
    }
    const answer = await this.#send(request, response).catch((error: unknown) => messageOf(error));
    if (typeof answer === 'string') {
      sendAnswer(response, replicaFailure(502, 'upstream_unavailable', `the server of the replica did not answer: ${answer}`));
      return;
    }
    response.writeHead(answer.statusCode ?? 502, picked(answer.headers, ANSWER_HEADERS));
    // The head of a stream goes before its first event.
    response.flushHeaders();
    // One that breaks off is broken off here too, and one whose caller has gone is not read on.
    await pipeline(answer, response).catch(() => response.destroy());
  }

  async fault(): Promise<string | undefined> {
    const { url } = this.#server;
    try {
      const answer = await fetch(`${url}/models`, {
        headers: this.#proof(),
        redirect: 'manual',
        signal: AbortSignal.timeout(POOL_LIMITS.replicaProbeTimeoutMs),
      });
      if (!answer.ok) {
        await answer.body?.cancel();
        return `${url}/models answered ${answer.status}`;
      }
      const { data } = (await answer.json()) as { readonly data?: readonly { readonly id?: unknown }[] };
      const names = (data ?? []).map(({ id }) => String(id));
      return names.includes(this.#model) ? undefined : `the server has no model ${this.#model}; it lists ${names.join(', ') || 'none'}`;
    } catch (error) {
      return `${url}/models: ${messageOf(error)}`;
    }
  }

  /** Its answer, once the head is there. */
  #send(request: IncomingMessage, response: ServerResponse): Promise<IncomingMessage> {
    const url = new URL(`${this.#server.url}${(request.url ?? '').slice('/v1'.length)}`);
    const headers = { ...picked(request.headers, REQUEST_HEADERS), ...this.#proof() };
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const call = send(url, { method: request.method ?? 'POST', headers }, resolve);
      // A connection may fail again after its answer has begun, which ends that answer and must not end the agent.
      call.on('error', reject);
      response.once('close', () => call.destroy());
      pipeline(request, call).catch(reject);
    });
  }

  #proof(): Record<string, string> {
    const { key } = this.#server;
    return key === undefined ? {} : { authorization: `Bearer ${key}`, 'x-api-key': key };
  }
}

const picked = (headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );

/** `fetch` keeps what happened in the cause of its error. */
const messageOf = (error: unknown): string => String(error instanceof Error && error.cause instanceof Error ? error.cause : error);
