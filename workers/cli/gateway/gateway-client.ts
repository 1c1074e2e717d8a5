import { Failure } from '../command.ts';
import type { Profile } from './profile.ts';

/** What refusals of the API have in common; its message says what is wrong and what to do. */
interface ErrorBody {
  readonly error?: { readonly message?: string; readonly code?: string };
  readonly request_id?: string;
}

/** A refusal of the gateway, in its own words. */
export class Refused extends Failure {
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** Calls a gateway's API as the owner of a key. Throws `Refused` for what the gateway refuses, `Failure` when none answers. */
export class GatewayClient {
  readonly #url: string;
  readonly #key: string;

  constructor({ url }: Pick<Profile, 'url'>, key: string) {
    this.#url = url.replace(/\/+$/, '');
    this.#key = key;
  }

  get authorization(): string {
    return `Bearer ${this.#key}`;
  }

  urlOf(path: string): URL {
    return new URL(`${this.#url}${path}`);
  }

  async call<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
    const headers = { authorization: this.authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const response = await fetch(this.urlOf(path), {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      throw unreachable(this.#url, error);
    });
    const text = await response.text();
    if (!response.ok) throw refused(response.status, text);
    return JSON.parse(text) as T;
  }
}

export function unreachable(url: string, error: unknown): Failure {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return new Failure(`no gateway answers at ${url}: ${cause instanceof Error ? cause.message : String(cause)}`);
}

export function refused(status: number, text: string): Refused {
  try {
    const { error, request_id: requestId } = JSON.parse(text) as ErrorBody;
    return new Refused(`${error?.message ?? text} (${error?.code ?? status}, request ${requestId ?? 'unknown'})`, error?.code);
  } catch {
    return new Refused(`the gateway answered ${status}: ${text.slice(0, 200)}`);
  }
}

/** A query string of what is given. */
export function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}
