import type { RawJson } from './exact-json.ts';
import { rawJson } from './exact-json.ts';

/**
 * 32-bit floats as JSON numbers: the shortest decimal that reads back as the same float, and of several the nearest. JavaScript prints
 * the double that holds a float, of which most digits say nothing: 0.1899999976158142 for what is the float nearest to 0.19. Whole numbers
 * keep all digits that JavaScript gives them, which makes them no longer.
 */

const [MINUS, COMMA, POINT, ZERO] = [45, 44, 46, 48];

/** The longest that JavaScript writes is such as `-340282350000000000000`. */
const CHARS_MAX = 24;

/** This many significant digits distinguish any two floats. */
const DIGITS_MAX = 9;

/**
 * Floats of these exponents (biased by 127) are written digit by digit, that is from 2^-19 to 2^23: JavaScript writes them without an
 * exponent, and scaled by a power of ten that a double holds exactly they have nine or ten digits before the point and fit 31 bits.
 */
const [EXPONENT_MIN, EXPONENT_MAX] = [127 - 19, 127 + 22];
const MANTISSA = 0x7f_ffff;

/** Whole numbers up to here are written as 31-bit ones. */
const WHOLE_MAX = 2 ** 30;

interface Scale {
  /** `power` is ten to this: how many of the scaled digits stand behind the point. */
  readonly decimals: number;
  readonly power: number;
}

const POWERS: readonly number[] = Array.from({ length: 16 }, (_, exponent) => Number(`1e${exponent}`));
const SCALES: readonly Scale[] = Array.from({ length: EXPONENT_MAX + 1 }, (_, exponent) => scaleOf(2 ** (exponent - 127)));
/** Two digits, the last in the upper byte. */
const PAIRS = new Uint16Array(100).map((_, i) => ZERO + Math.floor(i / 10) + ((ZERO + (i % 10)) << 8));

const POWERS_OF_TWO: readonly string[] = Array.from({ length: EXPONENT_MAX + 1 }, (_, exponent) => textOf(2 ** (exponent - 127)));

function scaleOf(least: number): Scale {
  const decimals = Math.min(POWERS.length - 1, Math.ceil(Math.log10(1e8 / least)));
  return { decimals, power: POWERS[decimals] as number };
}

const decoder = new TextDecoder();

/** Floats as a JSON array. */
export function float32Text(values: Float32Array): string {
  const patterns = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bytes = new Uint8Array(values.length * CHARS_MAX);
  let end = 0;
  for (let i = 0; i < values.length; i += 1) {
    if (i > 0) bytes[end++] = COMMA;
    end = writeFloat(values[i] as number, patterns[i] as number, bytes, end);
  }
  return `[${decoder.decode(bytes.subarray(0, end))}]`;
}

function writeFloat(value: number, pattern: number, bytes: Uint8Array, start: number): number {
  const exponent = (pattern >>> 23) & 0xff;
  const isWhole = (value | 0) === value && Math.abs(value) <= WHOLE_MAX && !Object.is(value, -0);
  if (!isWhole && (exponent < EXPONENT_MIN || exponent > EXPONENT_MAX)) return writeText(textOf(value), bytes, start);
  const at = value < 0 ? start + 1 : start;
  if (value < 0) bytes[start] = MINUS;
  const size = Math.abs(value);
  if (isWhole) return writeDecimal(size, 0, bytes, at);
  // Below a power of two the next float is nearer than above it, so that a decimal which is not the nearest may be the shortest.
  if ((pattern & MANTISSA) === 0) return writeText(POWERS_OF_TWO[exponent] as string, bytes, at);
  return writeFraction(size, SCALES[exponent] as Scale, bytes, at);
}

function writeFraction(size: number, { decimals, power }: Scale, bytes: Uint8Array, start: number): number {
  const scaled = size * power;
  // Both sides of the division are exact, so that it is what reading the decimal gives.
  const isRead = (digits: number, unit: number): boolean => Math.fround(digits / (power / unit)) === size;
  const inHundreds = (scaled / 100 + 0.5) | 0;
  // Neighbours are at least 1e8 / 2^23 = 11.9 apart, scaled, and the nearest multiple of ten is 5 away at most: it always reads as the float.
  if (!isRead(inHundreds, 100)) return writeDecimal((scaled / 10 + 0.5) | 0, decimals - 1, bytes, start);
  let digits = (scaled / 1000 + 0.5) | 0;
  if (!isRead(digits, 1000)) return writeDecimal(inHundreds, decimals - 2, bytes, start);
  // Decimals that read as the float lie within 120 of it here, so that of longer units only zeros are left to drop.
  let dropped = 3;
  for (let shorter = (digits / 10) | 0; shorter * 10 === digits; shorter = (digits / 10) | 0) {
    digits = shorter;
    dropped += 1;
  }
  return writeDecimal(digits, decimals - dropped, bytes, start);
}

/** The digits, below 2^31, with the point before the last `decimals` of them. */
function writeDecimal(digits: number, decimals: number, bytes: Uint8Array, start: number): number {
  const power = POWERS[decimals] as number;
  const whole = (digits / power) | 0;
  let point = start + 1;
  for (let rest = whole; rest >= 10; rest = (rest / 10) | 0) point += 1;
  writeDigits(whole, bytes, start, point);
  if (decimals === 0) return point;
  bytes[point] = POINT;
  const end = point + 1 + decimals;
  writeDigits(digits - whole * power, bytes, point + 1, end);
  return end;
}

function writeDigits(digits: number, bytes: Uint8Array, start: number, end: number): void {
  let rest = digits;
  let at = end;
  while (at - start > 1) {
    const higher = (rest / 100) | 0;
    const pair = PAIRS[rest - higher * 100] as number;
    bytes[--at] = pair >> 8;
    bytes[--at] = pair & 0xff;
    rest = higher;
  }
  if (at > start) bytes[start] = ZERO + rest;
}

function writeText(text: string, bytes: Uint8Array, start: number): number {
  for (let i = 0; i < text.length; i += 1) bytes[start + i] = text.charCodeAt(i);
  return start + text.length;
}

function textOf(value: number): string {
  return Object.is(value, -0) ? '-0' : JSON.stringify(shortestFloat32(value));
}

/** The double that JavaScript prints as the shortest decimal of a float. */
function shortestFloat32(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  for (let digits = 1; digits < DIGITS_MAX; digits += 1) {
    const [nearest, beyond] = decimalsOf(value, digits);
    if (Math.fround(nearest) === value) return nearest;
    // Above a power of two the next float is twice as far as below it: a decimal there may do where a nearer one does not.
    if (Math.fround(beyond) === value) return beyond;
  }
  return decimalsOf(value, DIGITS_MAX)[0];
}

/** Of the decimals of so many digits the nearest to a number, and the next away from zero. */
function decimalsOf(value: number, digits: number): [number, number] {
  const [mantissa = '', exponent = ''] = value.toExponential(digits - 1).split('e');
  const beyond = Number(mantissa.replace('.', '')) + Math.sign(value);
  return [Number(`${mantissa}e${exponent}`), Number(`${beyond}e${Number(exponent) - digits + 1}`)];
}

// Raw JSON may be a string, but no array. A string that begins with an escaped slash is nothing that `JSON.stringify` writes of its own.
const ARRAYS = /"\\\/([^"]*)"/g;

/** Floats for `jsonText`, which writes them as an array of numbers. */
export const float32Json = (values: Float32Array): RawJson => rawJson(`"\\/${float32Text(values)}"`);

/** The JSON text of a value that may hold `float32Json`. */
export const jsonText = (value: unknown): string => JSON.stringify(value).replaceAll(ARRAYS, '$1');
