import { once } from 'node:events';
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';

import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import type { ApiClient } from './api-client.ts';

/** The end of the body, of which a byte is sent now and then: a sender that is silent for `bodyIdleMs` is refused. */
const TAIL_BYTES = 32;
const BYTE_EVERY_MS = API_LIMITS.bodyIdleMs / 5;

/** A request whose body is sent except for its end: the gateway has admitted it and waits for the rest. */
export class HeldRequest {
  readonly #request: ClientRequest;
  readonly #isSent: Promise<void>;
  readonly #answer: Promise<{ readonly status: number; readonly text: string }>;
  readonly #dripping: NodeJS.Timeout;
  #tail: Uint8Array;
  isAnswered = false;

  private constructor(client: ApiClient, method: string, path: string, type: string, body: Uint8Array) {
    this.#request = request(`${client.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${client.apiKey}`, 'content-type': type, 'content-length': body.length },
    });
    this.#request.on('error', () => undefined);
    this.#answer = this.#read();
    this.#answer.catch(() => undefined);
    this.#isSent = new Promise((resolve) => void this.#request.write(body.subarray(0, -TAIL_BYTES), () => resolve()));
    this.#tail = body.subarray(-TAIL_BYTES);
    this.#dripping = setInterval(() => this.#drip(), BYTE_EVERY_MS).unref();
  }

  /** Resolves once it has left this process: the server gets it before anything that is sent later. */
  static async open(client: ApiClient, method: string, path: string, body: unknown): Promise<HeldRequest> {
    // Spaces after JSON belong to it, and the tail of a form is its last boundary.
    const content = new Response(body instanceof FormData ? body : JSON.stringify(body) + ' '.repeat(TAIL_BYTES));
    const type = body instanceof FormData ? (content.headers.get('content-type') ?? '') : 'application/json';
    const held = new HeldRequest(client, method, path, type, new Uint8Array(await content.arrayBuffer()));
    await held.#isSent;
    return held;
  }

  /** Sends the rest; resolves to the answer, as JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape; a wrong path reads undefined and fails the expectation
  async finish(): Promise<{ readonly status: number; readonly body: any }> {
    clearInterval(this.#dripping);
    this.#request.end(this.#tail);
    const { status, text } = await this.#answer;
    return { status, body: text === '' ? undefined : JSON.parse(text) };
  }

  /** Keeps one byte back. */
  #drip(): void {
    if (this.#tail.length === 1 || this.isAnswered) return;
    this.#request.write(this.#tail.subarray(0, 1));
    this.#tail = this.#tail.subarray(1);
  }

  async #read(): Promise<{ status: number; text: string }> {
    const [response] = (await once(this.#request, 'response')) as [IncomingMessage];
    this.isAnswered = true;
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode ?? 0, text };
  }
}
