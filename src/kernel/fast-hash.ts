import { mix } from './seeded.ts';

/** A 32-bit hash of a key: FNV-1a with MurmurHash3's finaliser. Not for keys that an adversary chooses freely. */
export function keyHash(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/**
 * 128 bits that two values share by chance only, as 32 lower-case hex digits: MurmurHash3 (x86, 128 bits) over a text and numbers. For names
 * that nothing is gained by forging, such as the version of an answer: it takes a tenth of the time of a cryptographic digest.
 */
export function chanceHash(text: string, values: Float32Array): string {
  const words = new Uint32Array(text.length + values.length);
  for (let i = 0; i < text.length; i += 1) words[i] = text.charCodeAt(i);
  words.set(new Uint32Array(values.buffer, values.byteOffset, values.length), text.length);
  let [h1, h2, h3, h4] = [text.length, text.length, text.length, text.length];
  for (let i = 0; i < words.length; i += 4) {
    h1 ^= scrambled(words[i] ?? 0, 0x239b961b, 15, 0xab0e9789);
    h1 = (Math.imul(rotated(h1, 19) + h2, 5) + 0x561ccd1b) | 0;
    h2 ^= scrambled(words[i + 1] ?? 0, 0xab0e9789, 16, 0x38b34ae5);
    h2 = (Math.imul(rotated(h2, 17) + h3, 5) + 0x0bcaa747) | 0;
    h3 ^= scrambled(words[i + 2] ?? 0, 0x38b34ae5, 17, 0xa1e38b93);
    h3 = (Math.imul(rotated(h3, 15) + h4, 5) + 0x96cd1c35) | 0;
    h4 ^= scrambled(words[i + 3] ?? 0, 0xa1e38b93, 18, 0x239b961b);
    h4 = (Math.imul(rotated(h4, 13) + h1, 5) + 0x32ac3b17) | 0;
  }
  const lanes = [h1, h2, h3, h4].map((lane) => lane ^ words.length);
  return mixed(lanes)
    .map((lane) => (lane >>> 0).toString(16).padStart(8, '0'))
    .join('');
}

const rotated = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

const scrambled = (word: number, before: number, bits: number, after: number): number =>
  Math.imul(rotated(Math.imul(word, before), bits), after);

/** Each bit of each lane depends on every bit of all four. */
function mixed(lanes: readonly number[]): number[] {
  const summed = added(lanes).map(mix);
  return added(summed);
}

function added([h1 = 0, h2 = 0, h3 = 0, h4 = 0]: readonly number[]): number[] {
  const sum = h1 + h2 + h3 + h4;
  return [sum, sum + h2, sum + h3, sum + h4].map((lane) => lane | 0);
}
