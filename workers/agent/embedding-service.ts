import type { IncomingMessage, ServerResponse } from 'node:http';

import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';
import type { LineAnswerer } from './answer-line.ts';
import type { Answered as Response } from './request-parts.ts';
import { joined, partsOf } from './request-parts.ts';
import type { ReplicaAnswer, ReplicaService } from './replica-service.ts';
import { replicaFailure, sendAnswer } from './replica-service.ts';

/** Embeds with a model that the agent has loaded: `POST /v1/embeddings`, as OpenAI has it. [P81] */
export class EmbeddingService implements ReplicaService {
  readonly startsSlowly = false;
  readonly #model: string;
  readonly #answerer: LineAnswerer;

  constructor(model: string, answerer: LineAnswerer) {
    this.#model = model;
    this.#answerer = answerer;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    sendAnswer(response, await this.#answer(request));
  }

  /** It embeds a word. */
  async fault(): Promise<string | undefined> {
    const { status, body } = await this.#embed(JSON.stringify({ model: this.#model, input: 'health' }));
    return status === 200 ? undefined : body;
  }

  async #answer(request: IncomingMessage): Promise<ReplicaAnswer> {
    if (request.method !== 'POST' || request.url !== '/v1/embeddings')
      return replicaFailure(404, 'route_not_found', 'there is only /v1/embeddings');
    const body = await readBody(request);
    return body === undefined ? replicaFailure(413, 'payload_too_large', 'the request is too large') : this.#embed(body);
  }

  /** Answers as a line of a batch is answered; many texts by several threads. */
  async #embed(body: string): Promise<ReplicaAnswer> {
    const parts = partsOf(body, this.#answerer.callsMax - 1);
    const whole = parts.length > 1 ? joined(await Promise.all(parts.map((part) => this.#answered(part)))) : undefined;
    // What is wrong with a text is said of its place in the whole.
    const response = whole ?? (await this.#answered(body));
    if (response === undefined) return replicaFailure(500, 'internal_error', 'the model did not answer');
    return { status: response.status_code, body: JSON.stringify(response.body) };
  }

  async #answered(body: string): Promise<Response | undefined> {
    const line = `{"custom_id":"","method":"POST","url":"/v1/embeddings","body":${body}}`;
    const [answer] = await this.#answerer.answer([line], 'replica', 0, 'replica');
    return (JSON.parse(answer?.json ?? '{}') as { response?: Response }).response;
  }
}

/** Undefined where it has more bytes than a line of a batch may. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > POOL_LIMITS.jobLineBytesMax) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
