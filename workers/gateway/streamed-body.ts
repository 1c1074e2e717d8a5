import type { StreamedItems } from '../../src/contract/endpoint.ts';
import { refusal, RefusedStream } from '../../src/contract/errors.ts';
import { parseJsonBytes } from '../../src/contract/json-text.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import type { Outcome } from '../../src/contract/outcome.ts';
import { refuse } from '../../src/contract/outcome.ts';
import { parse } from '../../src/contract/parse.ts';
import { must } from '../../src/kernel/assert.ts';
import { heldBytes } from '../../src/kernel/held-bytes.ts';
import type { JsonItem } from '../../src/kernel/json-splitter.ts';
import { JsonSplitter } from '../../src/kernel/json-splitter.ts';
import { err, ok } from '../../src/kernel/result.ts';
import type { BodyIntake } from './body-intake.ts';
import { tooLarge } from './body-intake.ts';

/**
 * Reads and validates a body whose large arrays are read element by element: of the text, one element is held, and of what was read,
 * what the schemas made of it. [G13]
 */
export async function readStreamed(
  chunks: AsyncIterable<Uint8Array>,
  intake: Pick<BodyIntake, 'resizeTo' | 'refuse'>,
  streamed: StreamedItems,
  bytesMax: number,
  isExact: boolean,
): Promise<Outcome<unknown>> {
  const reading = new StreamedReading(streamed, isExact);
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) return await intake.refuse(tooLarge(`more than ${bytesMax} bytes`, bytesMax));
      const read = reading.push(chunk);
      if (!read.ok) return await intake.refuse(read);
      const room = await intake.resizeTo(reading.heldBytes);
      if (!room.ok) return room;
    }
  } catch (error) {
    if (error instanceof RefusedStream) return intake.refuse(err(error.refusal));
    throw error;
  }
  return reading.end();
}

/** What was read so far. */
class StreamedReading {
  readonly #streamed: StreamedItems;
  readonly #isExact: boolean;
  readonly #splitter: JsonSplitter;
  readonly #items: readonly unknown[][];
  #itemBytes = 0;

  constructor(streamed: StreamedItems, isExact: boolean) {
    this.#streamed = streamed;
    this.#isExact = isExact;
    const limits = { itemBytesMax: LIMITS.bodyItemBytesMax, restBytesMax: LIMITS.bodyRestBytesMax };
    this.#splitter = new JsonSplitter(
      streamed.arrays.map(({ path }) => path),
      limits,
    );
    this.#items = streamed.arrays.map(() => []);
  }

  get heldBytes(): number {
    return this.#itemBytes + this.#splitter.heldBytes;
  }

  push(chunk: Uint8Array): Outcome<null> {
    for (const item of this.#splitter.push(chunk)) {
      const read = this.#read(item);
      if (!read.ok) return read;
      this.#itemBytes += heldBytes(read.value);
    }
    return this.#splitter.exceeded === undefined ? ok(null) : exceeds(this.#splitter.exceeded);
  }

  end(): Outcome<unknown> {
    const rest = parseJsonBytes(this.#splitter.end(), this.#isExact);
    if (!rest.ok) return rest;
    for (const [i, { path }] of this.#streamed.arrays.entries()) {
      const param = path.join('.');
      if (!put(rest.value, path, this.#items[i] ?? [])) return refuse('invalid_value', `${param}: is there twice`, param);
    }
    return parse(this.#streamed.whole, rest.value);
  }

  #read({ array, bytes }: JsonItem): Outcome<unknown> {
    const { path, item, countMax } = must(this.#streamed.arrays[array], 'an element is of one of the arrays');
    const list = must(this.#items[array], 'each array has its elements');
    if (list.length === countMax) {
      const param = path.join('.');
      const message = `${param}: has more than ${countMax} items; the limit is ${countMax}`;
      return err({ ...refusal('limit_exceeded', message, param), schema: { part: 'body', fault: 'bound' } });
    }
    const at = [...path, list.length];
    const value = parseJsonBytes(bytes, this.#isExact, at);
    if (!value.ok) return value;
    const read = parse(item, value.value, 'body', at);
    if (read.ok) list.push(read.value);
    return read;
  }
}

/** Puts the elements in the place of the zeros that stand for them; false when an array was written more than once. */
function put(rest: unknown, path: readonly string[], items: unknown[]): boolean {
  const [key = '', ...others] = path;
  if (!isObject(rest)) return items.length === 0;
  if (others.length > 0) return put(rest[key], others, items);
  const zeros = rest[key];
  if ((Array.isArray(zeros) ? zeros.length : 0) !== items.length) return false;
  if (Array.isArray(zeros)) rest[key] = items;
  return true;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const exceeds = (limit: NonNullable<JsonSplitter['exceeded']>) =>
  limit === 'itemBytesMax'
    ? refuse('limit_exceeded', `an element of the body has more than ${LIMITS.bodyItemBytesMax} bytes (bodyItemBytesMax)`)
    : refuse('payload_too_large', `the body has more than ${LIMITS.bodyRestBytesMax} bytes beside its elements (bodyRestBytesMax)`);
