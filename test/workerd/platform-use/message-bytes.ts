const BESIDE = [ReadableStream, Response, Request];

/**
 * What a value takes in a message between Workers, in bytes, by the way that the platform writes it: of a view the whole buffer behind it, a
 * byte or two a character, the names of properties with each object. Streams, functions and bodies travel beside the message.
 */
export function messageBytes(value: unknown, seen = new Set<object>()): number {
  if (typeof value === 'string') return textBytes(value) + 4;
  if (typeof value === 'number' || typeof value === 'bigint') return 9;
  if (typeof value !== 'object' || value === null) return 1;
  if (seen.has(value)) return 4;
  seen.add(value);
  if (value instanceof ArrayBuffer) return value.byteLength + 8;
  if (ArrayBuffer.isView(value)) return messageBytes(value.buffer, seen) + 12;
  return sumOf(partsOf(value), seen);
}

function partsOf(value: object): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value].flat(1);
  if (value instanceof Set) return [...value];
  if (value instanceof Error) return [value.message, value.stack];
  if (BESIDE.some((kind) => value instanceof kind)) return [];
  return Object.entries(value).flat(1);
}

/** V8 writes a string with two bytes a character as soon as one of them does not fit one. */
// oxlint-disable-next-line no-control-regex -- the characters that take one byte
const textBytes = (text: string): number => (/[^\0-\xff]/.test(text) ? 2 : 1) * text.length;

function sumOf(values: readonly unknown[], seen: Set<object>): number {
  let sum = 8;
  for (const value of values) sum += messageBytes(value, seen);
  return sum;
}
