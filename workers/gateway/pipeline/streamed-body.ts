import type { StreamedItems } from '../../../src/contract/api/endpoint.ts';
import { RefusedStream } from '../../../src/contract/api/errors.ts';
import { parseJsonBytes } from '../../../src/contract/api/json-text.ts';
import { API_LIMITS } from '../../../src/contract/api/api-limits.ts';
import { boundOf, refuseBeyond } from '../../../src/contract/limits/limit-refusal.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { parse } from '../../../src/contract/api/parse.ts';
import { must } from '../../../src/kernel/assert.ts';
import { heldBytes } from '../../../src/kernel/held-bytes.ts';
import type { ArrayPath, JsonItem } from '../../../src/kernel/json-splitter.ts';
import { JsonSplitter } from '../../../src/kernel/json-splitter.ts';
import { err, ok } from '../../../src/kernel/result.ts';
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
  // By the number of the array, and where it is in the lists on the way to it.
  readonly #items = new Map<string, unknown[]>();
  #itemBytes = 0;

  constructor(streamed: StreamedItems, isExact: boolean) {
    this.#streamed = streamed;
    this.#isExact = isExact;
    const limits = { itemBytesMax: API_LIMITS.bodyItemBytesMax, restBytesMax: boundOf(this.#restLimit) };
    this.#splitter = new JsonSplitter(
      streamed.arrays.map(({ path }) => path),
      limits,
    );
  }

  get #restLimit(): 'bodyRestBytesMax' | 'qdrantOperationsBytesMax' {
    return this.#streamed.restLimit ?? 'bodyRestBytesMax';
  }

  /** The rest will be parsed as a whole. */
  get heldBytes(): number {
    return this.#itemBytes + this.#splitter.heldBytes + (API_LIMITS.jsonBodyMemoryFactor - 1) * this.#splitter.restBytes;
  }

  push(chunk: Uint8Array): Outcome<null> {
    for (const item of this.#splitter.push(chunk)) {
      const read = this.#read(item);
      if (!read.ok) return read;
      this.#itemBytes += heldBytes(read.value);
    }
    return this.#splitter.exceeded === undefined ? ok(null) : exceeds(this.#splitter.exceeded, this.#restLimit);
  }

  end(): Outcome<unknown> {
    const rest = parseJsonBytes(this.#splitter.end(), this.#isExact);
    if (!rest.ok) return rest;
    for (const [array, { path }] of this.#streamed.arrays.entries()) {
      const twice = this.#fill(rest.value, path, array, []) ?? this.#leftOf(array);
      if (twice === undefined) continue;
      return refuse('invalid_value', 'is given twice', placeOf(path, twice));
    }
    return parse(this.#streamed.whole, rest.value);
  }

  /** Replaces the zeros that stand for elements by them. Returns the path of an array that was written more than once. */
  #fill(node: unknown, [key, ...path]: ArrayPath, array: number, lists: readonly number[]): readonly number[] | undefined {
    if (typeof key !== 'string') {
      if (!Array.isArray(node)) return undefined;
      for (const [i, member] of node.entries()) {
        const twice = this.#fill(member, path, array, [...lists, i]);
        if (twice !== undefined) return twice;
      }
      return undefined;
    }
    if (!isObject(node)) return undefined;
    if (path.length > 0) return this.#fill(node[key], path, array, lists);
    const zeros = node[key];
    if (!Array.isArray(zeros)) return undefined;
    const name = nameOf(array, lists);
    const items = this.#items.get(name) ?? [];
    this.#items.delete(name);
    if (zeros.length !== items.length) return lists;
    node[key] = items;
    return undefined;
  }

  /** Elements of an array that has no position in the rest: a later value at its path replaced it. */
  #leftOf(array: number): readonly number[] | undefined {
    const left = [...this.#items.keys()].find((name) => name.startsWith(nameOf(array, [])));
    return left?.split('/').slice(1).filter(Boolean).map(Number);
  }

  #read({ array, lists, bytes }: JsonItem): Outcome<unknown> {
    const { path, item, countMax } = must(this.#streamed.arrays[array], 'an element is of one of the arrays');
    const name = nameOf(array, lists);
    const list = this.#items.get(name) ?? [];
    this.#items.set(name, list);
    const place = placeOf(path, lists);
    if (list.length === countMax) {
      const { error } = refuseBeyond({ path: place, limit: { bound: countMax }, what: `has more than ${countMax} items` });
      return err({ ...error, schema: { part: 'body', fault: 'bound' } });
    }
    const at = [...place, list.length];
    const value = parseJsonBytes(bytes, this.#isExact, at);
    if (!value.ok) return value;
    const read = parse(item, value.value, 'body', at);
    if (read.ok) list.push(read.value);
    return read;
  }
}

const nameOf = (array: number, lists: readonly number[]): string => [array, ...lists, ''].join('/');

/** Where an array is in the body, given which element of each list on the way to it. */
function placeOf(path: ArrayPath, lists: readonly number[]): (string | number)[] {
  const left = [...lists];
  return path.map((key) => key ?? left.shift() ?? 0);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const exceeds = (limit: NonNullable<JsonSplitter['exceeded']>, restLimit: 'bodyRestBytesMax' | 'qdrantOperationsBytesMax') =>
  limit === 'itemBytesMax'
    ? refuseBeyond({ limit: 'bodyItemBytesMax', what: 'an element of the body has too many bytes' })
    : refuse('payload_too_large', `the body has more than ${boundOf(restLimit)} bytes besides its elements (${restLimit})`);
