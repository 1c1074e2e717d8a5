import type { ErrorCode, Refusal } from '../../contract/api/errors.ts';
import { refusal } from '../../contract/api/errors.ts';
import type { ErrorFamily, UpstreamAnswer } from '../../contract/api/upstream-answer.ts';
import type { Target } from '../target.ts';
import { targetName } from '../target.ts';
import type { Opened } from '../transport.ts';
import { HIDDEN } from '../log/redaction.ts';
import { ownerIn, PLATFORM } from '../upstream-record.ts';
import type { StatusMeaning } from '../upstream-status.ts';
import { meaningOf } from '../upstream-status.ts';
import type { JsonObject } from './json.ts';
import { isObject, parsedObject, textAt } from './json.ts';
import { shownMessage } from './shown-message.ts';
import type { WithoutSecret } from './shown-message.ts';

/** What an upstream says of an error, of whichever protocol it is, in a body or in an event; fit for callers. */
export interface SaidError {
  readonly message?: string;
  readonly type?: string;
  readonly code?: string;
  readonly param?: string;
}

/** An answer that serves nothing: its head, and what of its body is text. */
export interface ErrorAnswer extends Pick<Opened, 'status' | 'retryAfterMs' | 'shouldRetry' | 'rateHeaders' | 'withoutSecret'> {
  readonly body: string;
}

/** Types and codes are words; the paths of fields have brackets, too. */
const WORD = /^[\w.:/-]{1,128}$/;
const PATH = /^[\w.:/$[\]'"-]{1,256}$/;

/** Reads `error` of a body or event, or what stands in its place: a text, or the whole. [U191] */
export function saidError(value: JsonObject, withoutSecret?: WithoutSecret): SaidError {
  const { error } = value;
  const from = isObject(error) ? error : value;
  const message = textAt(from, 'message') ?? textAt(value, 'message') ?? textAt(value, 'error') ?? textAt(value, 'detail');
  const word = (name: string, form: RegExp): Partial<SaidError> => {
    const text = textAt(from, name);
    return text === undefined || !form.test(text) || shownMessage(text, withoutSecret) !== text ? {} : { [name]: text };
  };
  return {
    ...(message === undefined ? {} : { message: shownMessage(message, withoutSecret) }),
    // An event of the type `error` is one, and not the error of that type.
    ...(textAt(from, 'type') === 'error' ? {} : word('type', WORD)),
    ...word('code', WORD),
    ...word('param', PATH),
  };
}

const CODES: Readonly<Record<Exclude<StatusMeaning, 'answer'>, ErrorCode>> = {
  rejected: 'upstream_rejected',
  busy: 'upstream_busy',
  failed: 'upstream_failed',
  absent: 'upstream_failed',
  misconfigured: 'upstream_misconfigured',
};

/** Which API's words an upstream uses. */
export const familyOf = ({ protocol }: Pick<Target, 'protocol'>): ErrorFamily => (protocol === 'anthropic' ? 'anthropic' : 'openai');

/**
 * What a call is refused with if this answer is what it ends with: the upstream's status, type, code, field and message. A status that is about the
 * upstream's secret, address or account is not passed on; nor is a 404 in which no API speaks, such as that of another server. [U37] [U204]
 */
export function refusalBy(target: Target, answer: ErrorAnswer): Refusal {
  const { status, retryAfterMs } = answer;
  const body = parsedObject(answer.body);
  const { message, ...words } = body === undefined ? {} : saidError(body, answer.withoutSecret);
  const meaning = meaningOf(status);
  if (meaning === 'answer' || meaning === 'misconfigured' || (meaning === 'absent' && message === undefined)) {
    const remedy = `check the \`secret\`, \`base_url\` and models of ${target.upstream}`;
    return refusal(CODES.misconfigured, `the upstream ${target.upstream} answered ${status}: ${remedy}`);
  }
  // Of the platform's own accounts no tenant learns more than that they are at their limits.
  const isPlatforms = ownerIn(target.upstreamId) === PLATFORM;
  const upstream: UpstreamAnswer = {
    target: targetName(target),
    family: familyOf(target),
    status,
    ...words,
    isRetryable: answer.shouldRetry ?? mayRetry(meaning, words),
    ...(answer.rateHeaders === undefined || isPlatforms ? {} : { rateHeaders: answer.rateHeaders }),
  };
  const said = isPlatforms ? message?.replaceAll(ACCOUNTS, HIDDEN) : message;
  const reason = refusal(CODES[meaning], said ?? `the upstream ${target.upstream} answered ${status}`);
  return { ...reason, upstream, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** As OpenAI names accounts where it says that one is at its limits. */
const ACCOUNTS = /\b(?:org|proj)[-_]\w{8,}/g;

/** Of an account without money no call is served, however late it is repeated. */
const SPENT = /insufficient|billing|credit/;

const mayRetry = (meaning: StatusMeaning, { type = '', code = '' }: SaidError): boolean =>
  meaning !== 'rejected' && meaning !== 'absent' && !SPENT.test(`${type} ${code}`);

/** Words of errors that come in a stream, behind a status of 200, and what they would have had for a status: the first that is found. */
const IMPLIED: readonly (readonly [words: RegExp, status: number])[] = [
  [/authenti|permission|billing|api_key/, 401],
  [/rate_limit|insufficient_quota|too_many/, 429],
  [/overloaded/, 529],
  [/timeout/, 504],
  [/too_large/, 413],
  [/not_found/, 404],
  [/invalid_request|invalid_value|context_length|content_filter|content_policy|invalid_prompt/, 400],
];

/** The same of an error that a stream ends with: what was sent before cannot be taken back, so that its code is always `upstream_failed`. [U36] */
export function refusalInStream(target: Target, said: SaidError): Refusal {
  const { message, ...words } = said;
  const found = IMPLIED.find(([pattern]) => pattern.test(`${words.type ?? ''} ${words.code ?? ''}`));
  const status = found?.[1] ?? 500;
  const meaning = meaningOf(status);
  const reason = refusal('upstream_failed', message ?? `the upstream ${target.upstream} ended its answer with an error`);
  if (meaning === 'misconfigured') return reason;
  const isRetryable = mayRetry(meaning, words);
  return { ...reason, upstream: { target: targetName(target), family: familyOf(target), status, ...words, isRetryable } };
}
