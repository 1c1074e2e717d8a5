import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import type { Schema } from '@cfworker/json-schema';
import { Validator } from '@cfworker/json-schema';

import type { Body } from './answer.ts';
import { chatFault, messagesFault, responsesFault } from './conversation-rules.ts';

// What OpenAI's and Anthropic's own servers refuse: a double that is strict refuses it, too.

/** Why a request is refused: the status that the server has for it, and what it says. */
export interface Refused {
  readonly status: number;
  readonly message: string;
  readonly param?: string;
}

interface Published {
  readonly operations: Readonly<Record<string, Schema>>;
  readonly $defs: Readonly<Record<string, Schema>>;
}

/** The bodies that the packages document (published-requests.py). */
export const PUBLISHED = JSON.parse(
  gunzipSync(readFileSync(join(import.meta.dirname, 'published-requests.json.gz'))).toString(),
) as Readonly<Record<'openai' | 'anthropic', Published>>;

/** Fields that the packages' types have no longer and the server still takes. */
const STILL_TAKEN: Readonly<Record<'openai' | 'anthropic', readonly string[]>> = {
  openai: [],
  anthropic: ['temperature', 'top_p', 'top_k'],
};

/** Of Anthropic's API: those of its clients up to 1.0 and since. */
const VERSIONS: ReadonlySet<string> = new Set(['2023-06-01', '2026-10-21']);

const RULES: Readonly<Record<string, (body: Body) => string | undefined>> = {
  '/v1/chat/completions': chatFault,
  '/v1/responses': responsesFault,
  '/v1/messages': messagesFault,
};

const validators = new Map<string, Validator>();

function validatorOf(api: 'openai' | 'anthropic', operation: string, schema: Schema): Validator {
  const made = validators.get(operation) ?? new Validator({ ...schema, $defs: PUBLISHED[api].$defs }, '2020-12', false);
  validators.set(operation, made);
  return made;
}

/**
 * What the real server would say against a request; undefined: it answers.
 *
 * @param target the path and the query of the request
 * @param body the JSON, or the fields of the form
 */
export function refusalOf(target: string, headers: IncomingHttpHeaders, body: Body): Refused | undefined {
  const url = new URL(target, 'http://mock');
  const path = url.pathname;
  const api = path.startsWith('/v1/messages') ? 'anthropic' : 'openai';
  const fault = headerFault(api, headers);
  if (fault !== undefined) return fault;
  const isBeta = url.searchParams.get('beta') === 'true' || headers['anthropic-beta'] !== undefined;
  const operation = isBeta && api === 'anthropic' ? `${path}?beta=true` : path;
  const schema = PUBLISHED[api].operations[operation];
  if (schema === undefined) return undefined;
  const known = Object.fromEntries(Object.entries(body).filter(([name]) => !STILL_TAKEN[api].includes(name)));
  const { valid, errors } = validatorOf(api, operation, schema).validate(known);
  if (!valid) {
    const [deepest] = errors.toSorted((a, b) => b.instanceLocation.length - a.instanceLocation.length);
    return { status: 400, message: `${deepest?.instanceLocation}: ${deepest?.error}`, param: deepest?.instanceLocation ?? '' };
  }
  const broken = RULES[path]?.(body);
  return broken === undefined ? undefined : { status: 400, message: broken, param: broken.split(':', 1)[0] ?? '' };
}

function headerFault(api: 'openai' | 'anthropic', headers: IncomingHttpHeaders): Refused | undefined {
  const key = api === 'openai' ? (headers.authorization ?? '').startsWith('Bearer sk-') : String(headers['x-api-key']).startsWith('sk-');
  if (!key) return { status: 401, message: 'there is no API key of this server' };
  const others =
    api === 'openai' ? ['x-api-key', 'anthropic-version', 'anthropic-beta'] : ['authorization', 'openai-organization', 'openai-beta'];
  const other = others.find((name) => headers[name] !== undefined);
  if (other !== undefined) return { status: 400, message: `${other}: is no header of this API` };
  if (api === 'anthropic' && !VERSIONS.has(String(headers['anthropic-version'])))
    return { status: 400, message: 'anthropic-version: header is required' };
  const type = headers['content-type'] ?? '';
  return /^(application\/json|multipart\/form-data; ?boundary=)/.test(type) ? undefined : { status: 415, message: `content-type: ${type}` };
}

/** The fields of a form, with files as objects and lists as the packages write them (`name[]`). */
export async function formFields(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<Body> {
  const form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData();
  const fields: Record<string, unknown> = {};
  for (const [name, value] of form) {
    const plain = typeof value === 'string' ? plainOf(value) : { filename: value.name, type: value.type, bytes: value.size };
    const [list] = name.endsWith('[]') ? [name.slice(0, -2)] : [];
    if (list !== undefined) fields[list] = [...((fields[list] as unknown[] | undefined) ?? []), plain];
    else fields[name] = plain;
  }
  return fields;
}

/** Forms have texts alone: numbers and truth values are written as JSON has them. */
function plainOf(text: string): unknown {
  return /^(-?\d+(\.\d+)?|true|false)$/.test(text) ? JSON.parse(text) : text;
}
