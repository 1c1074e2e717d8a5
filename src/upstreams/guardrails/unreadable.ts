import type { FieldPath } from '../../contract/api/field-path.ts';
import type { JsonObject } from '../protocol/json.ts';
import { isObject, listAt, objectAt, textAt } from '../protocol/json.ts';

/** What of a request no hook can read, and what to send instead. */
export interface Unreadable {
  readonly path: FieldPath;
  readonly why: string;
}

/** Fields that take a text, or its tokens by their numbers. */
const TOKENIZED = ['input', 'prompt'] as const;

/** Texts in the numbers of a tokenizer. */
export function tokensIn(body: unknown): Unreadable | undefined {
  const field = isObject(body) ? TOKENIZED.find((name) => isNumbers(body[name])) : undefined;
  return field === undefined ? undefined : { path: [field], why: 'has token ids, which no guardrail can read: send texts' };
}

const isNumbers = (value: unknown): boolean =>
  Array.isArray(value) && value.some((item: unknown) => typeof item === 'number' || isNumbers(item));

/** Sound in a stream: it has been sent before it is known what it says. */
export function soundIn(body: unknown): Unreadable | undefined {
  if (!isObject(body) || body['stream'] !== true) return undefined;
  const asks = listAt(body, 'modalities').includes('audio') ? 'modalities' : isObject(body['audio']) ? 'audio' : undefined;
  return asks === undefined ? undefined : { path: [asks], why: `asks for sound, and ${SOUND}` };
}

export const SOUND = 'sound is not streamed under guardrails that check answers: ask for text, or for an answer that is not streamed';

/** Whether an event of a stream has some. */
export function hasSound(event: JsonObject): boolean {
  if (textAt(event, 'type') === 'response.audio.delta') return true;
  return listAt(event, 'choices').some((choice) => textAt(objectAt(objectAt(choice, 'delta'), 'audio'), 'data') !== undefined);
}
