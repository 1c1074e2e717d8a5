import { once } from 'node:events';
import { request } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';

import type { ImportProgress } from '../../../src/contract/bulk.ts';
import type { ApiClient } from './api-client.ts';

/** A call whose body and answer both are streams of lines, as an HTTP client that can do that makes it. */
export class BulkStream {
  readonly #request: ClientRequest;
  readonly #response: Promise<IncomingMessage>;
  /** What has been answered so far. */
  readonly news: ImportProgress[] = [];
  text = '';
  #ended: Promise<void> | undefined;

  constructor({ url, apiKey }: ApiClient, path: string, headers: Readonly<Record<string, string>> = {}) {
    this.#request = request(`${url}${path}`, {
      method: 'POST',
      // Not one that an earlier call left, which the server may be closing at this moment.
      agent: false,
      headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/x-ndjson', ...headers },
    });
    this.#response = once(this.#request, 'response').then(([response]) => response as IncomingMessage);
    this.#response.catch(() => undefined);
    this.#request.on('error', () => undefined);
    this.#request.flushHeaders();
  }

  /** Resolves when the connection takes more. */
  async send(text: string): Promise<void> {
    if (this.#request.write(text)) return;
    const either = new AbortController();
    const [drain, close] = ['drain', 'close'].map((event) => once(this.#request, event, { signal: either.signal }));
    await Promise.race([drain, close]).catch(() => undefined);
    either.abort();
  }

  /** Whether the connection still takes anything `ms` from now, without waiting for it. */
  get unsentBytes(): number {
    return this.#request.writableLength;
  }

  end(): void {
    this.#request.end();
  }

  /** As when the client's machine dies. */
  cut(): void {
    this.#request.destroy();
  }

  async status(): Promise<number> {
    return (await this.#response).statusCode ?? 0;
  }

  /** Reads the answer from now on; resolves at its end, or when it breaks off. */
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
      // Broken off: what was told before is there.
    }
  }

  get last(): ImportProgress | undefined {
    return this.news.at(-1);
  }
}
