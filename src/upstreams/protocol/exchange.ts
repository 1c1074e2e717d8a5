import { utf8 } from '../../kernel/bytes.ts';
import type { FieldPath } from '../../contract/api/field-path.ts';
import type { Outcome } from '../../contract/api/outcome.ts';
import { refuse } from '../../contract/api/outcome.ts';
import { assert } from '../../kernel/assert.ts';
import { ok } from '../../kernel/result.ts';
import type { Target, TargetModel, UpstreamProtocol } from '../target.ts';
import type { UpstreamRequest } from '../transport.ts';
import { mediaUnits, subtitleUnits } from '../media/media-answers.ts';
import type { CallForm } from '../media/form-body.ts';
import { formBody } from '../media/form-body.ts';
import type { AnswerForm } from '../media/media-kinds.ts';
import { isMedia, MEDIA_KINDS } from '../media/media-kinds.ts';
import { CountableText } from '../money/countable-text.ts';
import type { MediaCounts } from '../money/model-price.ts';
import { attachmentBoundsOf } from '../money/attachment-bounds.ts';
import { isReasoningModel } from '../money/reasoning-models.ts';
import { isSearchTool } from '../money/search-tools.ts';
import { checkPlatformFields, platformBetas, platformFields } from '../money/platform-fields.ts';
import { ownerIn, PLATFORM } from '../upstream-record.ts';
import type { UsageNote } from './answer-stream.ts';
import { AnswerStream } from './answer-stream.ts';
import type { AnswerNotes } from './answer-notes.ts';
import { chatAsMessage, ChatStreamAsMessage } from './chat-answers.ts';
import { chatToMessages } from './chat-to-messages.ts';
import type { JsonObject } from './json.ts';
import { listAt, objectAt, parsedObject, present } from './json.ts';
import { messageAsChat, MessageStreamAsChat } from './message-answers.ts';
import { messagesToChat } from './messages-to-chat.ts';
import { OPENAI_HOST } from './openai-host.ts';
import { chatAsResponse, ChatStreamAsResponse } from './response-answers.ts';
import { responsesToChat } from './responses-to-chat.ts';
import type { Dialect } from './stream-tap.ts';
import { textIn, usageIn } from './stream-tap.ts';
import type { StreamTranslator } from './stream-translator.ts';
import type { WithoutSecret } from './shown-message.ts';
import { withShownError } from './surface-errors.ts';
import { TranslatedTwice } from './stream-translator.ts';
import { probabilitiesAsked, StreamWithoutProbabilities, withoutProbabilities } from './token-probabilities.ts';
import type { Surface } from './surfaces.ts';
import { SURFACES } from './surfaces.ts';
import type { TokenInput } from './token-input.ts';
import { inputFor } from './token-input.ts';
import type { Usage } from './usage.ts';

/** What a caller asks for. */
export interface SurfaceCall {
  readonly surface: Surface;
  /** As it came: what is unknown here is passed on where the upstream speaks the same. */
  readonly body: JsonObject;
  /** Token ids that the caller has sent in place of the texts in `body`; absent: none. */
  readonly tokenInput?: TokenInput;
  /** Of Anthropic's callers, in lower case: `anthropic-version`, `anthropic-beta`. */
  readonly headers: Readonly<Record<string, string>>;
  /** What goes with the fields of the body where they came as a form. */
  readonly form?: CallForm | undefined;
  readonly nowMs: number;
}

/** How the answer to a call comes. */
export const answerFormOf = (surface: Surface, body: JsonObject): AnswerForm =>
  isMedia(surface) ? MEDIA_KINDS[surface].answerForm(body) : body['stream'] === true ? 'events' : 'json';

/** A call as one target is asked it, and how its answer is read. */
export interface Exchange {
  readonly request: UpstreamRequest;
  /** Undefined: the text is no answer of the upstream's protocol. `withoutSecret`: where it says of an error. */
  whole(text: string, notes?: AnswerNotes, withoutSecret?: WithoutSecret): WholeAnswer | undefined;
  /** `note`: what the event with the usage says besides, if the caller has asked for one. `notes`: take what the answer says. */
  stream(note?: UsageNote, notes?: AnswerNotes, withoutSecret?: WithoutSecret): AnswerStream;
  /** The dialect of a stream that may be passed through as it comes; undefined: it has to be translated, or something of it taken out. [U32] */
  readonly passesAs: Exclude<Dialect, 'plain'> | undefined;
}

export interface WholeAnswer {
  readonly text: string;
  readonly usage: Usage | undefined;
  /** What of it has a price of its own; absent: it does not say. */
  readonly units?: MediaCounts | undefined;
  /** What it says, to count its tokens; undefined: the usage is reported. */
  readonly uncounted: CountableText | undefined;
}

/** Whether a model answers calls of a surface. */
export const canServe = (model: TargetModel, surface: Surface): boolean =>
  SURFACES[surface].served.some((one) => model.serves.includes(one));

/** Whether a target can be asked. */
export const serves = ({ model, protocol }: Target, surface: Surface): boolean =>
  canServe(model, surface) && (protocol !== 'anthropic' || surface in FROM_MESSAGES);

/** One call, as the targets of its plan are asked it: what is translated is translated once for all targets that speak the same. [U31] */
export class Exchanges {
  readonly #call: SurfaceCall;
  readonly #bodies = new Map<Dialect, Outcome<JsonObject>>();

  constructor(call: SurfaceCall) {
    this.#call = call;
  }

  /** Whether the call can be said to the target; else why not. [U33] */
  check(target: Target): Outcome<unknown> {
    const spoken = dialectOf(target, this.#call.surface);
    const body = this.#bodyIn(spoken);
    return body.ok && isPlatforms(target) ? this.#platformCheck(spoken, body.value) : body;
  }

  /**
   * `outputTokensMax`: the most that may be answered, which is reserved. [U34] `asksProbabilities`: the answer is to come with those of its tokens,
   * where the upstream has them; the caller gets them only if it has asked for them itself. [U171]
   */
  with(target: Target, outputTokensMax: number | undefined, asksProbabilities = false): Exchange {
    const call = this.#call;
    const own = SURFACES[call.surface].dialect;
    const spoken = dialectOf(target, call.surface);
    const translated = this.#bodyIn(spoken);
    assert(translated.ok, 'a target is asked only what can be said to it');
    const form = answerFormOf(call.surface, call.body);
    const isStream = form === 'events';
    const countsUsage = isStream && (spoken === 'chat' || spoken === 'completions');
    const probabilities = asksProbabilities ? probabilitiesAsked(spoken, translated.value) : {};
    const hidesProbabilities = spoken === own && Object.keys(probabilities).length > 0;
    const body = {
      ...translated.value,
      ...probabilities,
      model: target.model.upstreamName,
      ...inputFor(target, translated.value, call.tokenInput),
      ...limited(target, spoken, translated.value, outputTokensMax),
      ...searchLimits(target, spoken, translated.value),
      ...(countsUsage ? { stream_options: { ...objectAt(call.body, 'stream_options'), include_usage: true } } : {}),
      ...(isPlatforms(target) ? platformFields(kindOf(spoken, call.surface)) : {}),
    };
    const includesUsage = objectAt(call.body, 'stream_options')['include_usage'] === true;
    const hidesUsage = !includesUsage && target.passUsage !== true;
    const terms = { createdS: Math.floor(call.nowMs / 1000), includesUsage };
    const isAsItCame = spoken === own && !hidesProbabilities && !(countsUsage && hidesUsage);
    return {
      passesAs: isAsItCame && spoken !== 'plain' ? spoken : undefined,
      request: requestOf(target, spoken, call, body, form),
      whole: (text, notes, withoutSecret) => {
        if (form === 'text') return plainAnswer(text);
        const parsed = parsedObject(text);
        if (parsed === undefined) return undefined;
        const answer = withShownError(parsed, withoutSecret);
        const usage = usageIn(spoken, answer);
        const uncounted = usage === undefined ? textIn(spoken, answer) : undefined;
        notes?.seeWhole(spoken, answer);
        const said = answer === parsed ? text : JSON.stringify(answer);
        if (hidesProbabilities) return { text: withoutProbabilities(said), usage, uncounted };
        if (spoken === 'media') return { text: said, usage, units: mediaUnits(answer), uncounted };
        return { text: spoken === own ? said : JSON.stringify(wholeAs(own, spoken, answer, call.body, terms)), usage, uncounted };
      },
      stream: (note, notes, withoutSecret) => {
        assert(spoken !== 'plain', 'only what a model generates is streamed');
        return new AnswerStream({
          spoken,
          own,
          hidesUsage,
          ...(note && { note }),
          ...(notes && { notes }),
          withoutSecret,
          translator: hidesProbabilities ? new StreamWithoutProbabilities(includesUsage) : translatorOf(own, spoken, call, terms),
        });
      },
    };
  }

  /** How a target is asked for the tokens of the prompt, by its own tokenizer; undefined: its protocol has no such call. [U233] */
  counting(target: Target): UpstreamRequest | undefined {
    const call = this.#call;
    if (dialectOf(target, call.surface) !== 'messages') return undefined;
    const translated = this.#bodyIn('messages');
    assert(translated.ok, 'a target is asked only what can be said to it');
    const prompt = Object.fromEntries(Object.entries(translated.value).filter(([name]) => !OF_ANSWERS.has(name)));
    const body = JSON.stringify({ ...prompt, model: target.model.upstreamName });
    return { path: '/messages/count_tokens', headers: headersFor(target, 'messages', call), body, streams: false };
  }

  #platformCheck(spoken: Dialect, body: JsonObject): Outcome<unknown> {
    const { surface } = this.#call;
    const checked = checkPlatformFields(kindOf(spoken, surface), body);
    return spoken === SURFACES[surface].dialect ? checked : renamed(checked);
  }

  #bodyIn(spoken: Dialect): Outcome<JsonObject> {
    const known = this.#bodies.get(spoken);
    if (known !== undefined) return known;
    const made = bodyIn(spoken, this.#call);
    this.#bodies.set(spoken, made);
    return made;
  }
}

function requestOf(target: Target, spoken: Dialect, call: SurfaceCall, body: JsonObject, form: AnswerForm): UpstreamRequest {
  return {
    path: isMedia(call.surface) ? MEDIA_KINDS[call.surface].path : (PATHS[spoken] ?? `/${call.surface}`),
    headers: headersFor(target, spoken, call),
    body: JSON.stringify(body),
    ...(call.form === undefined ? {} : { form: formBody(body, call.form) }),
    ...(form === 'text' || form === 'bytes' ? { accept: '*/*' } : {}),
    streams: form === 'events',
  };
}

const PATHS: Readonly<Partial<Record<Dialect, string>>> = {
  chat: '/chat/completions',
  completions: '/completions',
  responses: '/responses',
  messages: '/messages',
};

/** Fields of a message that say nothing of its prompt: a call that counts tokens has none of them. */
const OF_ANSWERS: ReadonlySet<string> = new Set([
  'max_tokens',
  'metadata',
  'service_tier',
  'stop_sequences',
  'stream',
  'temperature',
  'top_k',
  'top_p',
]);

function dialectOf({ protocol, model }: Target, surface: Surface): Dialect {
  if (protocol === 'anthropic') return 'messages';
  if (surface === 'messages' || (surface === 'responses' && !model.serves.includes('responses'))) return 'chat';
  return SURFACES[surface].dialect;
}

/** Whether the platform pays for its calls, and all tenants share its account. */
const isPlatforms = ({ upstreamId }: Target): boolean => ownerIn(upstreamId) === PLATFORM;

/** As which kind of request a call goes out. */
const kindOf = (spoken: Dialect, surface: Surface): Surface => (spoken === 'plain' || spoken === 'media' ? surface : spoken);

/** How requests become Anthropic's, by what was called. */
const FROM_MESSAGES: Readonly<Partial<Record<Surface, (body: JsonObject) => Outcome<JsonObject>>>> = {
  messages: ok,
  chat: chatToMessages,
  responses: (body) => {
    const chat = responsesToChat(body);
    return chat.ok ? renamed(chatToMessages(chat.value)) : chat;
  },
};

function bodyIn(spoken: Dialect, { surface, body }: SurfaceCall): Outcome<JsonObject> {
  if (spoken === 'messages') return FROM_MESSAGES[surface]?.(body) ?? refuse('invalid_value', 'cannot be answered by this model', 'model');
  if (spoken === 'chat' && surface === 'responses') return responsesToChat(body);
  if (spoken === 'chat' && surface === 'messages') return messagesToChat(body);
  return ok(body);
}

/** What was refused of a request that was translated twice: the field that the caller sees is another. */
function renamed<T>(outcome: Outcome<T>): Outcome<T> {
  if (outcome.ok || outcome.error.path === undefined) return outcome;
  const [first, ...rest] = outcome.error.path;
  const path: FieldPath = [...(CALLED_BEFORE[String(first)] ?? [String(first)]), ...rest];
  return { ok: false, error: { ...outcome.error, path } };
}

const CALLED_BEFORE: Readonly<Record<string, FieldPath>> = {
  messages: ['input'],
  reasoning_effort: ['reasoning', 'effort'],
  response_format: ['text', 'format'],
};

/**
 * The field that limits the answer, as the target knows it; the caller's own name for it stays. OpenAI's own models refuse `max_tokens`; other servers do
 * not all know its newer name.
 */
function limited({ baseUrl, model }: Target, spoken: Dialect, body: JsonObject, tokensMax: number | undefined): JsonObject {
  if (tokensMax === undefined || spoken === 'plain' || spoken === 'media') return {};
  if (spoken === 'responses') return { max_output_tokens: tokensMax };
  if (spoken !== 'chat') return { max_tokens: tokensMax };
  const isOpenai = OPENAI_HOST.test(baseUrl);
  const isGiven = typeof body['max_completion_tokens'] === 'number' || typeof body['max_tokens'] === 'number';
  if (!isGiven && !isOpenai && isReasoningModel(model)) return {};
  const isNewer = typeof body['max_completion_tokens'] === 'number' || (typeof body['max_tokens'] !== 'number' && isOpenai);
  return isNewer
    ? { max_completion_tokens: tokensMax, max_tokens: undefined }
    : { max_tokens: tokensMax, max_completion_tokens: undefined };
}

/** Searches that the request does not limit itself are limited to as many as were reserved. [U262] */
function searchLimits({ model }: Target, spoken: Dialect, body: JsonObject): JsonObject {
  const tools = listAt(body, 'tools');
  if (!tools.some(isSearchTool)) return {};
  const { webSearchesMax } = attachmentBoundsOf(model);
  if (spoken === 'responses') return { max_tool_calls: body['max_tool_calls'] ?? webSearchesMax };
  if (spoken !== 'messages') return {};
  return { tools: tools.map((tool) => (isSearchTool(tool) ? { max_uses: webSearchesMax, ...present(tool) } : tool)) };
}

export const ANTHROPIC_VERSION = '2023-06-01';

/** How a caller proves to an upstream that it may call; without a secret it proves nothing. */
export function proofOf(protocol: UpstreamProtocol, secret: string | undefined): Record<string, string> {
  if (secret === undefined) return {};
  return protocol === 'anthropic' ? { 'x-api-key': secret } : { authorization: `Bearer ${secret}` };
}

function headersFor(target: Target, spoken: Dialect, { headers, form }: SurfaceCall): Record<string, string> {
  const { 'anthropic-version': version = ANTHROPIC_VERSION, 'anthropic-beta': asked } = headers;
  const beta = isPlatforms(target) ? platformBetas(asked) : asked;
  const common = { 'content-type': form === undefined ? 'application/json' : `multipart/form-data; boundary=${form.boundary}` };
  if (spoken !== 'messages') return common;
  return { ...common, 'anthropic-version': version, ...(beta === undefined ? {} : { 'anthropic-beta': beta }) };
}

interface Terms {
  readonly createdS: number;
  readonly includesUsage: boolean;
}

function wholeAs(own: Dialect, spoken: Dialect, answer: JsonObject, request: JsonObject, terms: Terms): JsonObject {
  const chat = spoken === 'messages' ? messageAsChat(answer, terms) : answer;
  if (own === 'messages') return chatAsMessage(chat);
  return own === 'responses' ? chatAsResponse(chat, request) : chat;
}

function translatorOf(own: Dialect, spoken: Dialect, { body }: SurfaceCall, terms: Terms): StreamTranslator | undefined {
  if (own === spoken) return undefined;
  const fromChat = own === 'messages' ? new ChatStreamAsMessage() : own === 'responses' ? new ChatStreamAsResponse(body) : undefined;
  if (spoken !== 'messages') return fromChat;
  const toChat = new MessageStreamAsChat(terms);
  return fromChat === undefined ? toChat : new TranslatedTwice(toChat, fromChat);
}

/** A transcript as a text or as subtitles. */
function plainAnswer(text: string): WholeAnswer {
  const uncounted = new CountableText();
  uncounted.add('text', text);
  return { text, usage: undefined, units: subtitleUnits(text), uncounted };
}

/**
 * Whether the first piece of a body may begin an answer of the target's protocol: a JSON object, or where events are to come, a line of an event stream,
 * whatever the header says; a text or bytes if no page and no JSON. [U35]
 */
export function mayBegin(type: string, form: AnswerForm, piece: Uint8Array): boolean {
  const first = piece.find((byte) => !BLANKS.has(byte));
  if (form === 'events')
    return (type === '' || type.includes('text/event-stream')) && (first === undefined ? piece.length > 0 : LINE_STARTS.has(first));
  if (type.includes('text/html') || type.includes('text/event-stream')) return false;
  if (form === 'bytes') return piece.length > 0 && !type.includes('json');
  return form === 'text' || first === BRACE || (first === undefined && piece.length > 0);
}

const BRACE = 0x7b;
const BLANKS: ReadonlySet<number> = new Set(utf8(' \t\r\n'));
/** Of `data`, `event`, `id`, `retry`, of a comment, and of a byte order mark. */
const LINE_STARTS: ReadonlySet<number> = new Set([...utf8('deir:'), 0xef]);
