import { once } from 'node:events';
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';

import type { ImportProgress } from '../../../src/contract/vectors/bulk.ts';
import type { ApiClient } from './api-client.ts';

/** A call that streams lines in both directions: its body is still being sent while its answer arrives. */
export class BulkStream {
  readonly #request: ClientRequest;
  readonly #response: Promise<IncomingMessage>;
  /** The progress lines received so far. */
  readonly news: ImportProgress[] = [];
  text = '';
  #ended: Promise<void> | undefined;

  constructor({ url, apiKey }: ApiClient, path: string, headers: Readonly<Record<string, string>> = {}) {
    this.#request = request(`${url}${path}`, {
      method: 'POST',
      // A new connection: the server might be closing one that an earlier call left open.
      agent: false,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/x-ndjson', ...headers },
    });
    this.#response = once(this.#request, 'response').then(([response]) => response as IncomingMessage);
    this.#response.catch(() => undefined);
    this.#request.on('error', () => undefined);
    this.#request.flushHeaders();
  }

  /** Sends a piece of the body; resolves when the connection accepts more. */
  async send(piece: string | Uint8Array): Promise<void> {
    if (this.#request.write(piece)) return;
    const either = new AbortController();
    const [drain, close] = ['drain', 'close'].map((event) => once(this.#request, event, { signal: either.signal }));
    await Promise.race([drain, close]).catch(() => undefined);
    either.abort();
  }

  /** Bytes that the connection has accepted and not sent yet. */
  get unsentBytes(): number {
    return this.#request.writableLength;
  }

  end(): void {
    this.#request.end();
  }

  /** Breaks the connection, as when the client's machine dies. */
  cut(): void {
    this.#request.destroy();
  }

  async status(): Promise<number> {
    return (await this.#response).statusCode ?? 0;
  }

  /** Starts reading the answer; resolves when it ends or breaks off. */
  read(): Promise<void> {
    this.#ended ??= this.#read();
    return this.#ended;
  }

  async #read(): Promise<void> {
    try {
      const response = await this.#response;
      for await (const chunk of response) {
        this.text += String(chunk);
        const lines = this.text.split('\n');
        this.text = lines.pop() ?? '';
        this.news.push(...lines.map((line) => JSON.parse(line) as ImportProgress));
      }
    } catch {
      // The connection broke: the lines received before are kept.
    }
  }

  get last(): ImportProgress | undefined {
    return this.news.at(-1);
  }
}
