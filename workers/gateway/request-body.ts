import { NDJSON } from '../../src/contract/bulk.ts';
import type { Body } from '../../src/contract/endpoint.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import { parse } from '../../src/contract/parse.ts';
import { parseExactJson } from '../../src/kernel/exact-json.ts';
import { ok } from '../../src/kernel/result.ts';
import type { BodyIntake } from './body-intake.ts';
import { tooLarge } from './body-intake.ts';
import { eachOnce } from './each-once.ts';

const MEDIA_TYPE = { json: 'application/json', multipart: 'multipart/form-data', ndjson: NDJSON } as const;

/**
 * Reads and validates a request body, in memory that `intake` holds.
 *
 * Refuses with `unsupported_media_type`, `payload_too_large` (before the bytes are held, when their number is declared),
 * `malformed_json`, `invalid_value` when the body ends before its end, `request_timeout` when it comes too slowly, `overloaded` when
 * others keep the memory it needs, or what the schema says.
 */
export async function readBody(request: Request, body: Body, intake: BodyIntake): Promise<Outcome<unknown>> {
  if (body.kind === 'none') return ok(undefined);
  const bytesMax = body.kind === 'ndjson' ? Number.POSITIVE_INFINITY : (body.bytesMax ?? LIMITS.jsonBodyBytesMax);
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > bytesMax) return tooLarge(`${declared} bytes`, bytesMax);
  if (body.kind === 'bytes') return ok(undefined);

  const contentType = request.headers.get('content-type') ?? '';
  if (!contentType.toLowerCase().startsWith(MEDIA_TYPE[body.kind])) {
    return refuse('unsupported_media_type', `content-type must be ${MEDIA_TYPE[body.kind]}, not "${contentType.slice(0, 64)}"`);
  }
  if (body.kind === 'ndjson') return ok(undefined);
  const bytes = await intake.whole(bytesMax, body.kind === 'json' ? LIMITS.jsonBodyMemoryFactor : LIMITS.formBodyMemoryFactor);
  if (!bytes.ok) return bytes;
  const value = body.kind === 'json' ? parseJson(bytes.value, body.exactIntegers ?? false) : await parseForm(bytes.value, contentType);
  return value.ok ? parse(body.schema, value.value) : value;
}

function parseJson(bytes: Uint8Array, isExact: boolean): Outcome<unknown> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
    return ok(isExact ? parseExactJson(text) : JSON.parse(text));
  } catch {
    return refuse('malformed_json', 'the body is not valid UTF-8 encoded JSON');
  }
}

async function parseForm(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<Outcome<unknown>> {
  try {
    const form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData();
    return eachOnce(form);
  } catch {
    return refuse('invalid_value', 'the body is not valid multipart/form-data');
  }
}
