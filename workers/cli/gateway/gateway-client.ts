import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';

import { devFileOf } from '../../local/paths.ts';
import { UsageError, Failure } from '../command/command.ts';

/** A gateway, and the credentials to call it. */
interface Profile {
  readonly url: string;
  readonly apiKey: string;
  /** Only with a profile that says so, or of the server that runs on this machine. */
  readonly adminKey?: string | undefined;
  /** Whose keys the admin means, unless a command says otherwise. */
  readonly tenant?: string | undefined;
}

const stored = z.object({ url: z.url(), api_key: z.string(), admin_key: z.string().optional(), tenant: z.string().optional() });

type Environment = Readonly<Record<string, string | undefined>>;

/** Where `sluice init` writes: with other tools' settings, or where SLUICE_PROFILE points. */
export const profilePath = (environment: Environment = process.env): string =>
  environment['SLUICE_PROFILE'] ?? join(environment['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'sluice/profile.json');

/** Keys are secrets: the file is readable by its owner alone. */
export async function saveProfile({ url, apiKey, adminKey, tenant }: Profile): Promise<string> {
  const path = profilePath();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const body = { url, api_key: apiKey, admin_key: adminKey, tenant };
  await writeFile(path, `${JSON.stringify(body, null, 2)}\n`, { mode: 0o600 });
  return path;
}

/**
 * The gateway to call: that of SLUICE_URL and SLUICE_API_KEY, of the profile, or the one that `npm start` runs here; the first of
 * these that there is. A single variable overrides its part of what follows.
 */
export async function currentProfile(environment: Environment = process.env): Promise<Profile> {
  const found = (await readProfile(profilePath(environment))) ?? (await readProfile(devFileOf(environment)));
  const url = environment['SLUICE_URL'] ?? found?.url;
  const apiKey = environment['SLUICE_API_KEY'] ?? found?.apiKey;
  if (url === undefined || apiKey === undefined) {
    throw new UsageError('no gateway is known: run `sluice init --url URL --key KEY`, or `npm start` for one on this machine');
  }
  return {
    url,
    apiKey,
    adminKey: environment['SLUICE_ADMIN_KEY'] ?? found?.adminKey,
    tenant: environment['SLUICE_TENANT'] ?? found?.tenant,
  };
}

async function readProfile(path: string): Promise<Profile | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new UsageError(`cannot read ${path}: ${error.message}`);
  });
  if (text === undefined) return undefined;
  try {
    const { url, api_key: apiKey, admin_key: adminKey, tenant } = stored.parse(JSON.parse(text));
    return { url, apiKey, adminKey, tenant };
  } catch {
    throw new UsageError(`${path} is not a profile: write it again with \`sluice init\``);
  }
}

/** What refusals of the API have in common; its message says what is wrong and what to do. */
interface ErrorBody {
  readonly error?: { readonly message?: string; readonly code?: string };
  readonly request_id?: string;
}

/** A refusal of the gateway, in its own words. */
export class Refused extends Failure {
  readonly status: number;
  readonly code: string | undefined;

  constructor(status: number, message: string, code?: string) {
    super(message);
    this.status = status;
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

  async call<T>(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    const content = body === undefined ? {} : { 'content-type': 'application/json' };
    return this.#answer<T>(path, {
      method,
      headers: { ...headers, ...content },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Sends a file with fields beside it, as a form. */
  upload<T>(path: string, fields: Readonly<Record<string, string>>, file: Blob, name: string): Promise<T> {
    const form = new FormData();
    for (const [field, value] of Object.entries(fields)) form.set(field, value);
    form.set('file', file, name);
    return this.#answer<T>(path, { method: 'POST', headers: {}, body: form });
  }

  /** An answer that comes bit by bit. */
  async stream(path: string): Promise<Response> {
    const response = await fetch(this.urlOf(path), { headers: { authorization: this.authorization } }).catch((error: unknown) => {
      throw unreachable(this.#url, error);
    });
    if (!response.ok) throw refused(response.status, await response.text());
    return response;
  }

  async #answer<T>(
    path: string,
    request: { readonly method: string; readonly headers: Readonly<Record<string, string>>; readonly body?: string | FormData },
  ): Promise<T> {
    const headers = { ...request.headers, authorization: this.authorization };
    const response = await fetch(this.urlOf(path), { ...request, headers }).catch((error: unknown) => {
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
    return new Refused(status, `${error?.message ?? text} (${error?.code ?? status}, request ${requestId ?? 'unknown'})`, error?.code);
  } catch {
    return new Refused(status, `the gateway answered ${status}: ${text.slice(0, 200)}`);
  }
}

/** A query string of what is given. */
export function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}
