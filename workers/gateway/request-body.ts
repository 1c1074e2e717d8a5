import { NDJSON } from '../../src/contract/bulk.ts';
import type { Body } from '../../src/contract/endpoint.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import { parse } from '../../src/contract/parse.ts';
import { parseExactJson } from '../../src/kernel/exact-json.ts';
import { ok } from '../../src/kernel/result.ts';
import { eachOnce } from './each-once.ts';

const MEDIA_TYPE = { json: 'application/json', multipart: 'multipart/form-data', ndjson: NDJSON } as const;

/**
 * Reads and validates a request body.
 *
 * Refuses with `unsupported_media_type`, `payload_too_large` (before the bytes are held, when their number is declared),
 * `malformed_json`, `invalid_value` when the body ends before its end, or what the schema says.
 */
export async function readBody(request: Request, body: Body): Promise<Outcome<unknown>> {
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
  const bytes = await readAtMost(request, bytesMax);
  if (!bytes.ok) return bytes;
  const value = body.kind === 'json' ? parseJson(bytes.value, body.exactIntegers ?? false) : await parseForm(bytes.value, contentType);
  return value.ok ? parse(body.schema, value.value) : value;
}

const tooLarge = (size: string, bytesMax: number) => refuse('payload_too_large', `the body has ${size}; this route takes ${bytesMax}`);

/** The whole body. Refused as soon as it proves longer than `bytesMax`: a chunked body declares no length. */
async function readAtMost(request: Request, bytesMax: number): Promise<Outcome<Uint8Array<ArrayBuffer>>> {
  try {
    if (request.headers.has('content-length')) return ok(new Uint8Array(await request.arrayBuffer()));
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) return tooLarge(`more than ${bytesMax} bytes`, bytesMax);
      chunks.push(chunk);
    }
    return ok(new Uint8Array(await new Blob(chunks).arrayBuffer()));
  } catch {
    return refuse('invalid_value', 'the body ended early, or its chunks are malformed');
  }
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
