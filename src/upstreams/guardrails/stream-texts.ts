import type { JsonObject } from '../protocol/json.ts';
import { isObject, listAt, objectAt, textAt } from '../protocol/json.ts';
import type { Dialect } from '../protocol/stream-tap.ts';
import { RESPONSE_ENDS } from '../protocol/stream-tap.ts';

/** Answers what a piece of a text becomes. `key`: which text of the answer it is a piece of. */
type ChangePiece = (key: string, piece: string) => string;

/** Whether a text of the answer has ended. */
export type HasEnded = (key: string) => boolean;

const ALL: HasEnded = () => true;
const NONE: HasEnded = () => false;
/** Fields of a piece of a message that hold text. */
const DELTA_FIELDS: ReadonlySet<string> = new Set([
  'content',
  'refusal',
  'reasoning_content',
  'reasoning',
  'text',
  'thinking',
  'partial_json',
]);

/** An event of a stream with the pieces of texts in it changed; keys begin with the choice, item or block that the text belongs to. */
export function changedPieces(dialect: Dialect, event: JsonObject, change: ChangePiece): JsonObject {
  if (dialect === 'messages') return messagePieces(event, change);
  if (dialect === 'responses') {
    const { type, delta, output_index: item, content_index: part, summary_index: summary } = event;
    if (typeof delta !== 'string' || typeof type !== 'string') return event;
    return { ...event, delta: change(`${placeOf(item)}/${placeOf(part ?? summary)}/${type}`, delta) };
  }
  return {
    ...event,
    choices: listAt(event, 'choices').map((choice, at) => (isObject(choice) ? choicePieces(choice, at, change) : choice)),
  };
}

function choicePieces(choice: JsonObject, at: number, change: ChangePiece): JsonObject {
  const index = placeOf(choice['index'], at);
  const { text, delta } = choice;
  if (typeof text === 'string') return { ...choice, text: change(`${index}/text`, text) };
  if (!isObject(delta)) return choice;
  const changed: Record<string, unknown> = changedFields(delta, index, change);
  if (Array.isArray(delta['tool_calls']))
    changed['tool_calls'] = delta['tool_calls'].map((call: unknown, callAt) => {
      const called = textAt(objectAt(call, 'function'), 'arguments');
      if (!isObject(call) || called === undefined) return call;
      const key = `${index}/arguments/${placeOf(call['index'], callAt)}`;
      return { ...call, function: { ...objectAt(call, 'function'), arguments: change(key, called) } };
    });
  return { ...choice, delta: changed };
}

/** An event of choices with those alone that the text of a key belongs to: the others have said what they had to say. */
export function onlyOf(event: JsonObject, key: string): JsonObject {
  const { choices } = event;
  if (!Array.isArray(choices)) return event;
  const owner = ownerOf(key);
  return {
    ...event,
    choices: choices.flatMap((choice: unknown, at) =>
      isObject(choice) && placeOf(choice['index'], at) === owner ? [{ ...choice, index: choice['index'] ?? at }] : [],
    ),
  };
}

function messagePieces(event: JsonObject, change: ChangePiece): JsonObject {
  if (event['type'] !== 'content_block_delta') return event;
  return { ...event, delta: changedFields(objectAt(event, 'delta'), placeOf(event['index']), change) };
}

const changedFields = (delta: JsonObject, owner: string, change: ChangePiece): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(delta).map(([name, value]) => [
      name,
      typeof value === 'string' && DELTA_FIELDS.has(name) ? change(`${owner}/${name}`, value) : value,
    ]),
  );

/** Which texts have ended with an event: what is held of them goes out before it. */
export function endedBy(dialect: Dialect, event: JsonObject): HasEnded {
  if (isFailure(event)) return ALL;
  const type = textAt(event, 'type') ?? '';
  if (dialect === 'messages') {
    if (type === 'message_delta' || type === 'message_stop') return ALL;
    return type === 'content_block_stop' ? ofOwners([placeOf(event['index'])]) : NONE;
  }
  if (dialect === 'responses') {
    if (RESPONSE_ENDS.has(type)) return ALL;
    return type.endsWith('.done') ? ofOwners([placeOf(event['output_index'])]) : NONE;
  }
  const ended = listAt(event, 'choices').flatMap((choice, at) =>
    textAt(choice, 'finish_reason') === undefined ? [] : [placeOf(objectAt({ choice }, 'choice')['index'], at)],
  );
  return ended.length === 0 ? NONE : ofOwners(ended);
}

function ofOwners(owners: readonly string[]): HasEnded {
  const ended = new Set(owners);
  return (key) => ended.has(ownerOf(key));
}

const ownerOf = (key: string): string => key.slice(0, key.indexOf('/'));

/** Which of several it is, as its server counts; some leave it out where there is one. */
const placeOf = (index: unknown, otherwise = 0): string => String(typeof index === 'number' ? index : otherwise);

/** The stream says that it goes no further. */
export const isFailure = (event: JsonObject): boolean =>
  event['type'] === 'error' || (event['error'] !== undefined && event['error'] !== null);

/** Whether an event says nothing but pieces of texts, so that it need not be sent where those are empty. */
export function isPiecesOnly(dialect: Dialect, event: JsonObject): boolean {
  if (dialect === 'messages' || dialect === 'responses') return true;
  if (isObject(event['usage'])) return false;
  return listAt(event, 'choices').every(
    (choice) =>
      textAt(choice, 'finish_reason') === undefined && Object.keys(objectAt(choice, 'delta')).every((name) => DELTA_FIELDS.has(name)),
  );
}

/** Whether a text is what the model answers, rather than what it thinks or calls tools with. */
export const isSaid = (key: string): boolean => /\/(content|text|response\.output_text\.delta)$/.test(key);
