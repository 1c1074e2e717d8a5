import { readFile } from 'node:fs/promises';

import { POOL_LIMITS } from '../../src/contract/pools/pool-limits.ts';

/** A secret in a file, which its operator may replace at any time. */
export class SecretFile {
  readonly #path: string;
  #text: Promise<string> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  read(): Promise<string> {
    this.#text ??= readFile(this.#path, 'utf8').then((text) => text.trim());
    this.#text.catch(() => (this.#text = undefined));
    return this.#text;
  }

  /** It is read again when it is next needed. */
  forget(): void {
    this.#text = undefined;
  }
}

/** The API of a cluster could not be reached, or did not answer as it should: what became of the call is not known. */
export class ClusterAway extends Error {
  override readonly name = 'ClusterAway';
}

export interface ClusterReply {
  readonly status: number;
  readonly body: unknown;
  /** What it answered instead of JSON. */
  readonly text?: string;
}

interface ClusterClientParts {
  /** Without a slash at its end. */
  readonly url: string;
  /** Undefined: it asks for none. */
  readonly token: SecretFile | undefined;
  readonly headers: (token: string) => Readonly<Record<string, string>>;
}

/** Calls the API of a cluster. Throws `ClusterAway` when there is no answer, or one that says nothing of the call. */
export class ClusterClient {
  readonly #parts: ClusterClientParts;

  constructor(parts: ClusterClientParts) {
    this.#parts = parts;
  }

  async call(method: string, path: string, json?: object): Promise<ClusterReply> {
    const response = await this.send(method, path, { json, signal: AbortSignal.timeout(POOL_LIMITS.clusterCallMsMax) });
    const text = await textOf(response);
    const body = parsed(text);
    return { status: response.status, body, ...(body === undefined ? { text } : {}) };
  }

  /** The body of the answer has not been read. */
  async send(method: string, path: string, call: { readonly json?: object | undefined; readonly signal: AbortSignal }): Promise<Response> {
    const { url, token, headers } = this.#parts;
    const response = await fetch(`${url}${path}`, {
      method,
      redirect: 'error',
      signal: call.signal,
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        ...(token === undefined ? {} : headers(await token.read())),
      },
      ...(call.json === undefined ? {} : { body: JSON.stringify(call.json) }),
    }).catch((error: unknown) => {
      throw new ClusterAway(`${method} ${url}${path}: ${reasonOf(error)}`, { cause: error });
    });
    // A token that has run out was replaced in its file, or will be.
    if (response.status === 401 || response.status === 403) token?.forget();
    if (response.status === 401 || response.status === 429 || response.status === 503) {
      await response.body?.cancel();
      throw new ClusterAway(`${method} ${url}${path} answered ${response.status}`);
    }
    return response;
  }
}

/** `fetch` keeps what happened in the cause of its error. */
const reasonOf = (error: unknown): string => String(error instanceof Error && error.cause instanceof Error ? error.cause : error);

async function textOf({ body }: Response): Promise<string> {
  if (body === null) return '';
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > POOL_LIMITS.clusterReplyBytesMax) {
        throw new ClusterAway(`the answer is larger than clusterReplyBytesMax (${POOL_LIMITS.clusterReplyBytesMax} bytes)`);
      }
      text += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    throw error instanceof ClusterAway ? error : new ClusterAway(`an answer was cut off: ${reasonOf(error)}`, { cause: error });
  }
  return text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // A proxy in between answers other things.
    return undefined;
  }
}
