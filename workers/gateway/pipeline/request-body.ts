import { NDJSON } from '../../../src/contract/api/endpoint.ts';
import type { Body, JsonBody } from '../../../src/contract/api/endpoint.ts';
import { JSON_BYTES_HEADER } from '../../../src/contract/api/endpoint.ts';
import type { RowFields } from '../../../src/contract/api/framed-body.ts';
import { framedBody } from '../../../src/contract/api/framed-body.ts';
import { parseJsonBytes } from '../../../src/contract/api/json-text.ts';
import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { parse } from '../../../src/contract/api/parse.ts';
import { ok } from '../../../src/kernel/result.ts';
import { framePrefixOf, VECTOR_FRAME_TYPE } from '../../../src/kernel/vector-frame.ts';
import type { BodyIntake } from './body-intake.ts';
import { tooLarge } from './body-intake.ts';
import type { ContentCoding } from './content-coding.ts';
import { codingOf } from './content-coding.ts';
import { readStreamed } from './streamed-body.ts';

const BYTES = 'application/octet-stream';
const MEDIA_TYPE = { json: 'application/json', multipart: 'multipart/form-data', ndjson: NDJSON } as const;

/**
 * Reads and validates a request body, in memory that `intake` holds. Refuses with `unsupported_media_type`, `payload_too_large` (before the
 * bytes are held, when their number is declared), `malformed_json`, `invalid_value` when the body ends before its end, `request_timeout`
 * when it comes too slowly, `overloaded` when other requests hold the memory it needs, or as the schema does.
 *
 * The same bound holds for the bytes that are sent and for what they become once they are decompressed.
 */
export async function readBody(request: Request, body: Body, intake: BodyIntake): Promise<Outcome<unknown>> {
  if (body.kind === 'none') return ok(undefined);
  const bytesMax = body.kind === 'ndjson' ? Number.POSITIVE_INFINITY : (body.bytesMax ?? API_LIMITS.jsonBodyBytesMax);
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > bytesMax) return tooLarge(`${declared} bytes`, bytesMax);
  const coding = checkHeaders(request.headers, body);
  if (!coding.ok) return coding;
  // The others are read by their handlers, as they come.
  if (body.kind !== 'json') return ok(undefined);

  if (body.text !== undefined && isOf(request.headers, body.text.type)) return readText(body, body.text.field, intake, coding.value);
  if (body.rows !== undefined && isOf(request.headers, VECTOR_FRAME_TYPE)) {
    return readFramed(body, body.rows, intake, bytesMax, coding.value);
  }
  if (body.streamed !== undefined) {
    return readStreamed(intake.chunks(coding.value), intake, body.streamed, bytesMax, body.exactIntegers ?? false);
  }
  if (body.hasBytesBehind === true) {
    return readWithBytesBehind(body, intake, bytesMax, coding.value, request.headers.get(JSON_BYTES_HEADER));
  }
  return readWhole(body, intake, bytesMax, coding.value);
}

/** A value that has been read already, as the schema of a body takes it. */
export const bodyOf = (value: unknown, body: Body): Outcome<unknown> => (body.kind === 'json' ? parse(body.schema, value) : ok(undefined));

const isOf = (headers: Headers, type: string): boolean => (headers.get('content-type') ?? '').toLowerCase().startsWith(type);

/** Text that is the only field of the body. */
async function readText(
  { schema, bytesMax }: JsonBody,
  field: string,
  intake: BodyIntake,
  coding: ContentCoding,
): Promise<Outcome<unknown>> {
  const bytes = await intake.whole(bytesMax ?? API_LIMITS.jsonBodyBytesMax, API_LIMITS.jsonBodyMemoryFactor, coding);
  if (!bytes.ok) return bytes;
  try {
    return parse(schema, { [field]: new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes.value) });
  } catch {
    return refuse('invalid_value', 'is not UTF-8: save the file as such, or convert it, such as by `iconv -f UTF-16 -t UTF-8`', field);
  }
}

/** Vectors as bytes, which take no more memory than they are; the head is parsed as other JSON is. */
async function readFramed(
  { schema }: JsonBody,
  rows: RowFields,
  intake: BodyIntake,
  bytesMax: number,
  coding: ContentCoding,
): Promise<Outcome<unknown>> {
  const bytes = await intake.whole(bytesMax, 1, coding);
  if (!bytes.ok) return bytes;
  const prefix = framePrefixOf(bytes.value);
  const headBytes = typeof prefix === 'string' ? 0 : Math.min(prefix.headBytes, bytes.value.byteLength);
  if (headBytes > API_LIMITS.jsonBodyBytesMax) return tooLarge(`a head of ${headBytes} bytes`, API_LIMITS.jsonBodyBytesMax);
  const room = await intake.claim((API_LIMITS.jsonBodyMemoryFactor - 1) * headBytes);
  if (!room.ok) return room;
  const value = framedBody(bytes.value, rows);
  return value.ok ? parse(schema, value.value) : value;
}

async function readWhole(body: JsonBody, intake: BodyIntake, bytesMax: number, coding: ContentCoding): Promise<Outcome<unknown>> {
  const bytes = await intake.whole(bytesMax, API_LIMITS.jsonBodyMemoryFactor, coding);
  if (!bytes.ok) return bytes;
  const value = parseJsonBytes(bytes.value, body.exactIntegers);
  return value.ok ? parse(body.schema, value.value) : value;
}

/** JSON of as many bytes as a header says, or of all, and what follows it. */
async function readWithBytesBehind(
  body: JsonBody,
  intake: BodyIntake,
  bytesMax: number,
  coding: ContentCoding,
  stated: string | null,
): Promise<Outcome<unknown>> {
  const bytes = await intake.whole(bytesMax, 1, coding);
  if (!bytes.ok) return bytes;
  const all = bytes.value.byteLength;
  const jsonBytes = stated === null ? all : Number(stated);
  if (!Number.isSafeInteger(jsonBytes) || jsonBytes < 0 || jsonBytes > all)
    return refuse(
      'invalid_value',
      `is ${JSON.stringify(stated?.slice(0, 64))}; the body has ${all} bytes, of which so many are JSON`,
      JSON_BYTES_HEADER,
    );
  const room = await intake.claim((API_LIMITS.jsonBodyMemoryFactor - 1) * jsonBytes);
  if (!room.ok) return room;
  const json = parseJsonBytes(bytes.value.subarray(0, jsonBytes), body.exactIntegers);
  if (!json.ok) return json;
  const value = parse(body.schema, json.value);
  return value.ok ? ok({ ...(value.value as object), bytesBehind: bytes.value.subarray(jsonBytes) }) : value;
}

const FORM = /^(?:application\/x-www-form-urlencoded|multipart\/form-data)/i;
const FORM_ADVICE =
  ', which is a form: in Python, requests.post(url, json=body) sends JSON, and data=body does not; with curl add -H "content-type: application/json"';

/** How the body is compressed, if it is of the media type that is taken. */
function checkHeaders(headers: Headers, body: Exclude<Body, { kind: 'none' }>): Outcome<ContentCoding> {
  const { kind } = body;
  const coding = codingOf(headers);
  if (!coding.ok) return coding;
  if (kind === 'bytes') {
    // What is stored as it comes would later be read as what it is not.
    return coding.value === 'identity' ? coding : refuse('unsupported_media_type', 'this route takes none', 'content-encoding');
  }
  const contentType = headers.get('content-type');
  // [G101] Such as tritonclient, which names none.
  if (contentType === null && kind !== 'multipart') return coding;
  // Clients that know no type of lines send them as bytes.
  const asBytes = kind === 'ndjson' || 'hasBytesBehind' in body ? [BYTES] : [];
  const types = [
    MEDIA_TYPE[kind],
    ...asBytes,
    ...('framed' in body || 'rows' in body ? [VECTOR_FRAME_TYPE] : []),
    ...('text' in body ? [body.text.type] : []),
  ];
  if (contentType !== null && types.some((type) => contentType.toLowerCase().startsWith(type))) return coding;
  return wrongType(types, contentType ?? '', kind);
}

function wrongType(types: readonly string[], sent: string, kind: Body['kind']) {
  const advice = kind !== 'multipart' && FORM.test(sent) ? FORM_ADVICE : '';
  return refuse('unsupported_media_type', `content-type must be ${types.join(' or ')}, not "${sent.slice(0, 64)}"${advice}`);
}
