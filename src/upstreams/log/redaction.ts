import { REQUEST_LOG_LIMITS } from '../../contract/requests/request-log-limits.ts';

export const HIDDEN = '[redacted]';

/** Fields that hold credentials in the APIs that are passed on, in lower case. */
const SECRET_FIELDS = [
  'authorization',
  'api_key',
  'apikey',
  'api-key',
  'x-api-key',
  'access_token',
  'refresh_token',
  'client_secret',
  'password',
];

/**
 * Credentials by their form: of this and of other providers, tokens of web sessions, and private keys. None follows a letter
 * or digit, unless it is that of an escape: in JSON a line break before a credential reads `\n`.
 */
const SECRET_FORMS = [
  /(?<!\w(?<!\\[nrt]))sk[-_][A-Za-z0-9_-]{16,}/g,
  /(?<!\w(?<!\\[nrt]))Bearer +[A-Za-z0-9._~+/=-]{16,}/gi,
  /(?<!\w(?<!\\[nrt]))(?:AKIA|ASIA)[A-Z0-9]{16}\b/g,
  /(?<!\w(?<!\\[nrt]))gh[pousr]_[A-Za-z0-9]{30,}/g,
  /(?<!\w(?<!\\[nrt]))eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
];

/**
 * A body as it may be kept: values of secret fields and of `fields` are taken out wherever they stand, credentials by their form, images and
 * files by their size; then it is cut. What is no JSON, such as a stream, is redacted line by line by its form alone. [U132]
 */
export function redacted(body: string, fields: readonly string[]): string {
  if (body.length > REQUEST_LOG_LIMITS.requestLogBodyParsedBytesMax) return `[${body.length} characters, more than are looked through]`;
  const hidden = new Set([...SECRET_FIELDS, ...fields.map((field) => field.toLowerCase())]);
  return cut(withoutSecrets(withoutFields(body, hidden)));
}

function withoutFields(body: string, hidden: ReadonlySet<string>): string {
  const whole = parsed(body);
  if (whole !== undefined) return JSON.stringify(shown(whole, hidden));
  // Events of a stream: the data of each is JSON of its own.
  return body
    .split('\n')
    .map((line) => {
      const data = line.startsWith('data:') ? parsed(line.slice('data:'.length)) : undefined;
      return data === undefined ? line : `data: ${JSON.stringify(shown(data, hidden))}`;
    })
    .join('\n');
}

/** Undefined for what is no object or array. */
function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function shown(value: unknown, hidden: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return shownText(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => shown(item, hidden));
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      hidden.has(name.toLowerCase()) ? HIDDEN : isBase64(name, inner) ? `[${inner.length} characters of base64]` : shown(inner, hidden),
    ]),
  );
}

/** Fields in which pictures, files and sound stand as bytes. */
const BYTES_FIELDS: ReadonlySet<string> = new Set(['b64_json', 'partial_image_b64', 'data', 'file_data', 'audio']);
const BASE64 = /^[A-Za-z0-9+/_-]{64}/;

const isBase64 = (name: string, value: unknown): value is string =>
  typeof value === 'string' && BYTES_FIELDS.has(name) && BASE64.test(value);

/** Pictures and files are no text that anyone reads. */
function shownText(text: string): string {
  const data = /^data:([\w/+.-]+);base64,/.exec(text.slice(0, 128));
  return data === null ? text : `[${data[1]}, ${text.length - data[0].length} characters of base64]`;
}

/** A text without credentials, by their form. */
export function withoutSecrets(text: string): string {
  return SECRET_FORMS.reduce((left, form) => left.replace(form, HIDDEN), text);
}

/** At most so many UTF-16 units, which are up to three bytes each; never half of a character. */
function cut(text: string): string {
  const charsMax = Math.floor(REQUEST_LOG_LIMITS.requestLogBodyBytesMax / 3);
  if (text.length <= charsMax) return text;
  const isSplit = /[\uD800-\uDBFF]/.test(text[charsMax - 1] ?? '');
  return `${text.slice(0, isSplit ? charsMax - 1 : charsMax)}…`;
}
