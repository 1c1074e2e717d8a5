import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { rawJson } from '../../../src/kernel/exact-json.ts';
import { float32Json, jsonText, float32Text } from '../../../src/kernel/float32-text.ts';
import { effort } from '../../support/fixtures/effort.ts';

const bits = new Uint32Array(1);
const float = new Float32Array(bits.buffer);
const floatOf = (pattern: number): number => {
  bits[0] = pattern;
  return float[0] ?? 0;
};

const NEAR_EDGES = [0x00_0001, 0x7f_ffff, 0x80_0000, 0x80_0001, 0x7f7f_ffff, 0x4b7f_ffff, 0x4b80_0001, 0x3580_0001, 0x7f_fffe];
const powers = Array.from({ length: 254 }, (_, exponent) => (exponent + 1) * 0x80_0000);
const pattern = fc.oneof(
  fc.integer({ min: 0, max: 0x7f7f_ffff }),
  fc.constantFrom(...NEAR_EDGES),
  fc.constantFrom(...powers),
  // Decimals as people write them, and components of unit vectors.
  fc.tuple(fc.integer({ min: 1, max: 999_999_999 }), fc.integer({ min: 0, max: 12 })).map(([digits, decimals]) => {
    float[0] = Number(`${digits}e-${decimals}`);
    return bits[0] ?? 0;
  }),
  fc.integer({ min: 0x3800_0000, max: 0x3f80_0000 }),
);
const value = fc.tuple(pattern, fc.boolean()).map(([one, isNegative]) => (isNegative ? -1 : 1) * floatOf(one));

/** Whether a decimal of fewer significant digits reads as the float: tries the neighbours on both sides for each number of digits. */
function hasShorter(size: number, digits: number): boolean {
  const [mantissa = '', exponent = ''] = size.toExponential(20).split('e');
  const all = BigInt(mantissa.replace('.', ''));
  for (let fewer = 1; fewer < digits; fewer += 1) {
    const unit = 10n ** BigInt(21 - fewer);
    const below = (all / unit) * unit;
    for (const candidate of [below, below + unit]) {
      if (Math.fround(Number(`${candidate}e${Number(exponent) - 20}`)) === size) return true;
    }
  }
  return false;
}

const digitsOf = (text: string): number =>
  text
    .replace(/e.*$/, '')
    .replace('.', '')
    .replace(/^[-0]+/, '')
    .replace(/0+$/, '').length;

it('[G20] a float is written in the fewest digits that read back as it, the nearest such decimal', () => {
  fc.assert(
    fc.property(value, (one) => {
      const text = float32Text(Float32Array.of(one)).slice(1, -1);
      const read = Number(text);
      expect(Math.fround(read)).toBe(one);
      if (one === 0) return;
      if (Number.isSafeInteger(one)) {
        expect(text).toBe(String(one));
        return;
      }
      expect(text.length).toBeLessThanOrEqual(String(one).length);
      expect(text).toBe(String(read));
      const digits = digitsOf(text);
      expect(hasShorter(Math.abs(one), digits)).toBe(false);
      const nearest = Number(one.toPrecision(digits));
      if (Math.fround(nearest) === one) expect(read).toBe(nearest);
    }),
    { seed: 20, numRuns: effort(10_000) },
  );
});

it('[G20] floats of every exponent read back, at its ends and in between', () => {
  const mantissas = [0, 1, 2, 0x40_0000, 0x7f_fffe, 0x7f_ffff, ...Array.from({ length: 100 }, (_, i) => (i * 83_869 + 3) % 0x80_0000)];
  const patterns = Array.from({ length: 254 }, (_, exponent) => mantissas.map((mantissa) => (exponent + 1) * 0x80_0000 + mantissa)).flat();
  const values = Float32Array.from(patterns, floatOf);
  const read = JSON.parse(float32Text(values)) as number[];
  expect(read.findIndex((decimal, i) => Math.fround(decimal) !== values[i])).toBe(-1);
});

it('[G20] zeros, subnormals, powers of two, integers and the largest floats are written the same way', () => {
  const values = [0, -0, 2 ** -149, -(2 ** -126), 2 ** -17, 0.5, -0.1, 0.19, 1, -7, 100, 16_777_216, 2 ** 30, -(2 ** 31), 2 ** 53, 1e-6];
  expect(float32Text(Float32Array.from(values))).toBe(
    '[0,-0,1e-45,-1.1754944e-38,0.0000076293945,0.5,-0.1,0.19,1,-7,100,16777216,1073741824,-2147483648,9007199000000000,0.000001]',
  );
  const largest = float32Text(Float32Array.of(3.402_823_466_385_288_6e38, 8_388_607.5, 123_456.79, 0.123_456_79));
  expect(largest).toBe('[3.4028235e+38,8388607.5,123456.79,0.12345679]');
  expect(float32Text(new Float32Array(0))).toBe('[]');
  // A part of a longer array, like the rows of a block.
  expect(float32Text(Float32Array.of(9, 0.3, 0.7, 9).subarray(1, 3))).toBe('[0.3,0.7]');
});

it('[G20] vectors are inserted correctly into JSON, whatever strings it contains', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('"\\/', '"\\/[1]"', '\\/', '\\', '"', '/', '"\\\\/x"', '\\"\\/', String.raw`"\\/`),
  );
  const tree = fc.dictionary(hostile, fc.oneof(hostile, fc.array(hostile, { maxLength: 3 })), { maxKeys: 4 });
  const row = fc.record({ tree, floats: fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { maxLength: 4 }) });
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      const written = rows.map(({ tree: fields, floats }) => ({ fields, values: float32Json(Float32Array.from(floats)), again: fields }));
      const expected = rows.map(({ tree: fields, floats }) => {
        const text = JSON.stringify(fields);
        return `{"fields":${text},"values":${float32Text(Float32Array.from(floats))},"again":${text}}`;
      });
      const id = rawJson('18446744073709551615');
      expect(jsonText({ rows: written, id })).toBe(`{"rows":[${expected.join(',')}],"id":18446744073709551615}`);
    }),
    { seed: 21, numRuns: effort(100) },
  );
});
