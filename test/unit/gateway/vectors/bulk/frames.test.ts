import { describe, expect, it } from 'vitest';
import { VECTOR_LIMITS } from '../../../../../src/contract/vectors/vector-limits.ts';
import type { ImportBatch } from '../../../../../src/gateway/vectors/bulk/import-batch.ts';
import { framesOf } from '../../../../../src/gateway/vectors/bulk/import-frames.ts';
import { joinedBytes, utf8 } from '../../../../../src/kernel/bytes.ts';
import { Seeded } from '../../../../../src/kernel/seeded.ts';
import { writeFrame } from '../../../../../src/kernel/vector-frame.ts';

const START = { lines: 0, bytes: 0 };

/** The bytes in pieces of at most `most`. */
async function* pieces(bytes: Uint8Array, most: number): AsyncGenerator<Uint8Array> {
  const random = new Seeded(most);
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + Math.floor(random.next() * most));
    yield bytes.subarray(at, end);
    at = end;
  }
}

const batchesIn = (bytes: Uint8Array, most = 1 << 16): Promise<ImportBatch[]> => Array.fromAsync(framesOf(pieces(bytes, most), START));

/** A frame of two-dimensional vectors. */
const frame = (vectors: readonly object[], values: readonly number[]) => writeFrame({ vectors }, Float32Array.from(values), 2);

const FIRST = frame(
  [
    { id: 'a', values: 1 },
    { id: 'b', values: 0, namespace: 'ns', metadata: { page: 3 } },
  ],
  [1, 2, 3, 4],
);

/** The fault that ends an import of one sound frame and this one. */
async function faultOf(second: Uint8Array) {
  const [sound, faulty, ...others] = await batchesIn(joinedBytes([FIRST, second]));
  expect(sound?.lines).toHaveLength(2);
  expect([faulty?.lines, faulty?.until, others]).toEqual([[], { lines: 2, bytes: FIRST.length }, []]);
  const { refusal, line, before, behind } = faulty?.fault ?? {};
  expect(before).toEqual({ lines: 2, bytes: FIRST.length });
  return { code: refusal?.code, path: refusal?.path, line, behind };
}

describe('frames of an import', () => {
  it('[B17][B3] are the same batches however they arrive', async () => {
    const second = frame([{ id: 'c', values: 0, metadata: null }], [5, 6]);
    const stream = joinedBytes([FIRST, second]);
    const expected = await batchesIn(stream);
    expect(
      expected.map(({ lines }) => lines.map(({ vector: { values, ...rest }, line }) => [line, rest, Array.from(values ?? [])])),
    ).toEqual([
      [
        [1, { id: 'a', namespace: '' }, [3, 4]],
        [2, { id: 'b', namespace: 'ns', metadata: '{"page":3}' }, [1, 2]],
      ],
      [[3, { id: 'c', namespace: '', metadata: null }, [5, 6]]],
    ]);
    expect(expected.map(({ from, until }) => [from, until])).toEqual([
      [START, { lines: 2, bytes: FIRST.length }],
      [
        { lines: 2, bytes: FIRST.length },
        { lines: 3, bytes: stream.length },
      ],
    ]);
    for (const most of [1, 2, 7, 16, 17, 50]) expect(await batchesIn(stream, most)).toEqual(expected);
  });

  it('[B17] are refused by the first vector that cannot be written, with where to continue behind it', async () => {
    const sound = { id: 'x', values: 0 };
    const cases: [object[], number[], unknown][] = [
      [[sound, { id: 'y', values: 2 }], [1, 2, 3, 4], { code: 'invalid_value', path: ['values'], line: 4 }],
      [[sound, { id: 'y', values: 0.5 }], [1, 2, 3, 4], { code: 'invalid_value', path: ['values'], line: 4 }],
      [[sound, { id: 'y', values: [1, 2] }], [1, 2, 3, 4], { code: 'invalid_value', path: ['values'], line: 4 }],
      [[sound, { id: 'y', values: 1 }], [1, 2, 3, Infinity], { code: 'invalid_value', path: ['values', 1], line: 4 }],
      [[sound, { id: 'y', values: 1 }], [1, 2, NaN, 4], { code: 'invalid_value', path: ['values', 0], line: 4 }],
      [[sound, sound], [1, 2], { code: 'invalid_value', path: ['id'], line: 4 }],
      [[{ values: 0 }, sound], [1, 2], { code: 'invalid_value', path: ['id'], line: 3 }],
      [[{ id: 'x' }, sound], [1, 2], { code: 'invalid_value', path: undefined, line: 3 }],
      [[{ ...sound, other: 1 }, sound], [1, 2], { code: 'invalid_value', path: ['other'], line: 3 }],
    ];
    for (const [vectors, values, expected] of cases) {
      const second = frame(vectors, values);
      expect(await faultOf(second)).toEqual({ ...(expected as object), behind: { lines: 4, bytes: FIRST.length + second.length } });
    }
  });

  it('[B17] whose head is no list of vectors, or too long a one, are passed over as one line', async () => {
    const many = Array.from({ length: VECTOR_LIMITS.importBatchVectorsMaxCount + 1 }, (_, at) => ({ id: `${at}`, values: 0 }));
    const heads: [unknown, string][] = [
      [{}, 'invalid_value'],
      [{ vectors: [], more: 1 }, 'invalid_value'],
      [null, 'invalid_value'],
      [{ vectors: many }, 'limit_exceeded'],
    ];
    for (const [head, code] of heads) {
      const second = writeFrame(head, Float32Array.of(1, 2), 2);
      const behind = { lines: 3, bytes: FIRST.length + second.length };
      expect(await faultOf(second)).toEqual({
        code,
        path: code === 'limit_exceeded' || head !== null ? ['vectors'] : ['vectors'],
        line: 3,
        behind,
      });
    }
  });

  it('[B17] whose end cannot be found leave nothing to continue behind', async () => {
    const huge = FIRST.slice();
    new DataView(huge.buffer).setUint32(8, 1 << 30, true);
    for (const second of [utf8('{"id":"a","values":[1]}\n'), FIRST.subarray(0, 5), FIRST.subarray(0, FIRST.length - 1), huge]) {
      expect(await faultOf(second)).toEqual({ code: 'invalid_value', path: undefined, line: 3, behind: undefined });
    }
  });
});
