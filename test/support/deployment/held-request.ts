import { once } from 'node:events';
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';

import type { ApiClient } from './api-client.ts';

/** A request whose body is sent except for its last byte: the gateway has admitted it and waits for the rest. */
export class HeldRequest {
  readonly #request: ClientRequest;
  readonly #last: Uint8Array;
  readonly #answer: Promise<{ readonly status: number; readonly text: string }>;
  isAnswered = false;

  private constructor(client: ApiClient, method: string, path: string, type: string, body: Uint8Array) {
    this.#request = request(`${client.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${client.apiKey}`, 'content-type': type, 'content-length': body.length },
    });
    this.#request.on('error', () => undefined);
    this.#answer = this.#read();
    this.#answer.catch(() => undefined);
    this.#request.write(body.subarray(0, -1));
    this.#last = body.subarray(-1);
  }

  static async open(client: ApiClient, method: string, path: string, body: unknown): Promise<HeldRequest> {
    if (!(body instanceof FormData)) {
      return new HeldRequest(client, method, path, 'application/json', new TextEncoder().encode(JSON.stringify(body)));
    }
    const form = new Response(body);
    return new HeldRequest(client, method, path, form.headers.get('content-type') ?? '', new Uint8Array(await form.arrayBuffer()));
  }

  /** Sends the last byte; resolves to the answer, as JSON. */
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of every shape; a wrong path reads undefined and fails the expectation
  async finish(): Promise<{ readonly status: number; readonly body: any }> {
    this.#request.end(this.#last);
    const { status, text } = await this.#answer;
    return { status, body: text === '' ? undefined : JSON.parse(text) };
  }

  async #read(): Promise<{ status: number; text: string }> {
    const [response] = (await once(this.#request, 'response')) as [IncomingMessage];
    this.isAnswered = true;
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode ?? 0, text };
  }
}
