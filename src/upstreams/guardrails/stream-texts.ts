import type { JsonObject } from '../protocol/json.ts';
import { isObject, listAt, objectAt, textAt } from '../protocol/json.ts';
import type { Dialect } from '../protocol/stream-tap.ts';
import { RESPONSE_ENDS } from '../protocol/stream-tap.ts';
import type { Place } from './body-strings.ts';
import type { FieldKind } from './field-kinds.ts';
import { kindOf } from './field-kinds.ts';

/** A string of an event that is a piece of a text of the answer. */
export interface Piece {
  /** Of the text: it begins with the choice, item or block that the text belongs to. */
  readonly key: string;
  readonly kind: Place['kind'];
  readonly isSaid: boolean;
  /** The event with this piece as its only one, and nothing else that callers would add up. */
  alone(text: string): JsonObject;
}

/** Whether a text of the answer has ended. */
export type HasEnded = (key: string) => boolean;

const ALL: HasEnded = () => true;
const NONE: HasEnded = () => false;

/** What comes whole even where pieces come: calls by name, what is cited, and pictures. */
const WHOLE: ReadonlySet<string> = new Set(['annotations', 'citations', 'citation', 'images', 'url', 'error', 'name', 'role', 'type']);

/** The text that a string of an event is a piece of; undefined: it is whole. */
export function pieceAt(dialect: Dialect, event: JsonObject, place: Place): Piece | undefined {
  const { path, kind } = place;
  if (place.isKey || path.some((part) => WHOLE.has(String(part))) || (kind === 'fixed' && path.at(-1) !== 'transcript')) return undefined;
  if (dialect === 'messages') return messagePiece(event, place);
  if (dialect === 'responses') return responsePiece(event, place);
  if (dialect === 'media' && !Array.isArray(event['choices'])) return mediaPiece(event, place);
  const [holder, , what] = path;
  if (holder !== 'choices' || (what !== 'delta' && what !== 'text')) return undefined;
  const [owner = '', ...rest] = elementsOf(event, path);
  return pieceOf(`${owner}/${rest.filter((part) => part !== 'delta').join('/')}`, event, place);
}

function messagePiece(event: JsonObject, place: Place): Piece | undefined {
  const [holder, field] = place.path;
  const key = [placeOf(event['index']), ...place.path.slice(1)].join('/');
  if (event['type'] === 'content_block_delta' && holder === 'delta') return pieceOf(key, event, place);
  // The beginning of the text that its deltas go on with.
  if (event['type'] !== 'content_block_start' || holder !== 'content_block' || (field !== 'text' && field !== 'thinking')) return undefined;
  const delta = { type: 'content_block_delta', index: event['index'], delta: { type: `${field}_delta`, [field]: '' } };
  return pieceOf(key, delta, { ...place, path: ['delta', field] });
}

function responsePiece(event: JsonObject, place: Place): Piece | undefined {
  const type = textAt(event, 'type');
  if (place.path[0] !== 'delta' || type === undefined) return undefined;
  const part = event['content_index'] ?? event['summary_index'] ?? event['command_index'];
  const key = [placeOf(event['output_index']), placeOf(part), type, ...place.path.slice(1)].join('/');
  const kind = type.includes('arguments') ? 'json' : type.includes('transcript') ? 'fixed' : place.kind;
  return pieceOf(key, event, { ...place, kind, isSaid: type === 'response.output_text.delta' });
}

/** Of transcripts alone: images and sound have no texts that come in pieces. */
function mediaPiece(event: JsonObject, place: Place): Piece | undefined {
  if (textAt(event, 'type') !== 'transcript.text.delta' || place.path[0] !== 'delta') return undefined;
  return pieceOf('0/text', event, { ...place, kind: 'text', isSaid: true });
}

/** `place`: of the piece in `event`, which is the form that others of the text can be sent in. */
const pieceOf = (key: string, event: JsonObject, { kind, isSaid, path: [...path] }: Place): Piece => ({
  key,
  kind,
  isSaid,
  alone: (text) => pruned(event, path, text) as JsonObject,
});

const HEAD: ReadonlySet<FieldKind | undefined> = new Set(['id', 'constant', 'model']);

/** What leads to a piece, with what says whose it is. */
function pruned(value: unknown, [first, ...path]: Place['path'], text: string, isTop = true): unknown {
  if (first === undefined) return text;
  if (Array.isArray(value)) {
    const only = pruned(value[Number(first)], path, text, false);
    // Where servers leave out which of several it is, its place says so.
    return [isObject(only) && value.length > 1 ? { index: first, ...only } : only];
  }
  const members = Object.entries(isObject(value) ? value : {}).flatMap(([name, inner]): [string, unknown][] => {
    if (name === first) return [[name, pruned(inner, path, text, false)]];
    if (name === 'finish_reason') return [[name, null]];
    const isHead = isTop && typeof inner === 'string' && HEAD.has(kindOf(name));
    return typeof inner === 'number' || name === 'type' || isHead ? [[name, inner]] : [];
  });
  return Object.fromEntries(members);
}

/** A path by which of several each is, as its server counts them; the first of them is of a choice. */
function elementsOf(event: JsonObject, path: Place['path']): (string | number)[] {
  let value: unknown = event;
  return path.slice(1).map((part, at) => {
    const holder: unknown = at === 0 ? event['choices'] : value;
    value = isObject(holder) || Array.isArray(holder) ? (holder as Record<string | number, unknown>)[part] : undefined;
    return typeof part === 'number' ? placeOf(isObject(value) ? value['index'] : undefined, part) : part;
  });
}

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
  if (dialect === 'media' && type === 'transcript.text.done') return ALL;
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

/** Whether an event of which all pieces of texts are empty says nothing else, so that it need not be sent. */
export function saysNothing(dialect: Dialect, event: JsonObject): boolean {
  if (dialect === 'messages') return event['type'] === 'content_block_delta';
  if (dialect === 'responses' || event['type'] === 'transcript.text.delta') return true;
  if (isObject(event['usage'])) return false;
  return listAt(event, 'choices').every(
    (choice) =>
      textAt(choice, 'finish_reason') === undefined &&
      Object.values(objectAt(choice, 'delta')).every((said) => said === '' || said === null),
  );
}
