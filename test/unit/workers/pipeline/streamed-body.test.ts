import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { JsonBody } from '../../../../src/contract/api/endpoint.ts';
import { ENDPOINTS } from '../../../../src/contract/endpoints.ts';
import { parseJsonText } from '../../../../src/contract/api/json-text.ts';
import { API_LIMITS } from '../../../../src/contract/api/api-limits.ts';
import { VECTOR_LIMITS } from '../../../../src/contract/vectors/vector-limits.ts';
import type { Outcome } from '../../../../src/contract/api/outcome.ts';
import { parse } from '../../../../src/contract/api/parse.ts';
import { BodyBudget } from '../../../../src/gateway/api/body-budget.ts';
import { BodyIntake } from '../../../../workers/gateway/pipeline/body-intake.ts';
import { readBody } from '../../../../workers/gateway/pipeline/request-body.ts';
import { effort } from '../../../support/fixtures/effort.ts';
import { VirtualTime } from '../../../support/worlds/virtual-time.ts';
import { paramOf } from '../../../../src/contract/api/errors.ts';

const time = new VirtualTime();

function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

/** Reads a body in pieces of `size`; `watch` gets the bytes held after each. */
async function readIn(body: JsonBody, text: string | Iterable<Uint8Array>, size = 1_000, watch?: (bytes: number) => void) {
  const source = typeof text === 'string' ? pieces(new TextEncoder().encode(text), size) : text;
  const budget = new BodyBudget();
  const chunks = source[Symbol.iterator]();
  const stream = new ReadableStream(
    {
      type: 'bytes',
      pull(controller) {
        watch?.(budget.bytes);
        const { done, value } = chunks.next();
        if (done !== true) return controller.enqueue(value.slice());
        controller.close();
        controller.byobRequest?.respond(0);
      },
    },
    { highWaterMark: 0 },
  );
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: stream, duplex: 'half' };
  const request = new Request('http://sluice/', init);
  return readBody(request, body, new BodyIntake({ budget, clock: time, timer: time }, request, 'key'));
}

/** The same body, parsed as a whole. */
function readWhole(body: JsonBody, text: string): Outcome<unknown> {
  const value = parseJsonText(text, body.exactIntegers);
  return value.ok ? parse(body.schema, value.value) : value;
}

const number = fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: -9, max: 9 }));
const vector = fc.oneof(
  { weight: 9, arbitrary: fc.array(number, { minLength: 2, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, [], ['x'], [1, 1e300]) },
);
const metadata = fc.oneof(
  fc.constant({ a: { b: ['"', '\\', '漢'] } }),
  fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
  fc.constantFrom(null, 3),
);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const rarely = <T, U>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<U>) =>
  fc.oneof({ weight: 12, arbitrary: usual }, { weight: 1, arbitrary: odd });

const id = rarely(fc.uuid(), fc.constantFrom('a', 'b', ''));
const floats = rarely(fc.array(number, { minLength: 2, maxLength: 4 }), vector);

/** A body of vectors with these fields, and sometimes with others. */
const bodyOf = (fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record(
    {
      vectors: rarely(
        fc.array(fc.record({ id, ...fields }), { minLength: 1, maxLength: 4 }),
        fc.constantFrom<unknown>(null, {}, 'x', [], { 0: [] }),
      ),
      namespace: fc.constant(undefined),
      other: rarely(fc.constant(undefined), fc.constant(1)),
    },
    { requiredKeys: [] },
  );

const native = bodyOf({ values: floats, metadata: optional(rarely(fc.constant({ a: ['"', '\\', '漢'] }), metadata)) });
const moved = bodyOf({ values: floats });

const pointId = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom<unknown>(-1, 'x', '5c56c793-69f3-4fbf-87e6-c4bf54c28c26'));
const named = fc.oneof(vector, fc.record({ '': vector }));
const qdrant = fc.record(
  {
    points: optional(fc.array(fc.record({ id: pointId, vector: named, payload: optional(metadata) }), { maxLength: 4 })),
    batch: optional(
      fc.record({
        ids: fc.array(pointId, { maxLength: 3 }),
        vectors: fc.oneof(fc.array(vector, { maxLength: 3 }), fc.record({ '': fc.array(vector, { maxLength: 3 }) })),
        payloads: optional(fc.array(metadata, { maxLength: 3 })),
      }),
    ),
    shard_key: optional(fc.constantFrom(null, 'x')),
  },
  { requiredKeys: [] },
);

const operations = fc.record({
  operations: rarely(
    fc.array(
      fc.oneof(
        fc.record({ upsert: qdrant }),
        fc.record({ upsert: fc.record({ points: fc.array(fc.record({ id: fc.nat(9), vector: fc.constant([1, 2]) }), { maxLength: 4 }) }) }),
        fc.record({
          update_vectors: fc.record({ points: fc.array(fc.record({ id: fc.nat(9), vector: fc.constant([3, 4]) }), { maxLength: 4 }) }),
        }),
        fc.record({ delete: fc.record({ points: fc.array(fc.nat(9), { maxLength: 3 }) }) }),
        fc.constantFrom<unknown>(null, [], { upsert: [] }, { upsert: { points: {} } }),
      ),
      { maxLength: 4 },
    ),
    fc.constantFrom<unknown>(null, {}, [[]], { upsert: { points: [] } }),
  ),
});

describe('a body that is read element by element', () => {
  it.each([
    ['an upsert', ENDPOINTS.upsertVectors.body, native],
    ['new values', ENDPOINTS.updateValues.body, moved],
    ['points', ENDPOINTS.qdrantUpsertPoints.body, qdrant],
    ['new vectors of points', ENDPOINTS.qdrantUpdateVectors.body, qdrant],
    ['a batch of operations', ENDPOINTS.qdrantUpdateBatch.body, operations],
  ] as const)('[G13] gives the same result as the whole, also when that is refused: %s', async (_, body, written) => {
    const seen = { read: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(written, fc.integer({ min: 1, max: 60 }), async (value, size) => {
        const text = JSON.stringify(value);
        const [found, wanted] = [await readIn(body, text, size), readWhole(body, text)];
        expect(found.ok, text).toBe(wanted.ok);
        if (wanted.ok) expect(found).toEqual(wanted);
        seen[found.ok ? 'read' : 'refused'] += 1;
      }),
      { seed: 13, numRuns: effort(300) },
    );
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(10);
  });

  const upsert = ENDPOINTS.upsertVectors.body;
  const codeOf = (outcome: Outcome<unknown>) => (outcome.ok ? undefined : [outcome.error.code, paramOf(outcome.error)]);

  it('[G13] is refused for its first error, with the same path as the whole', async () => {
    const good = (i: number) => ({ id: `v${i}`, values: [1, 2] });
    const vectors = Array.from({ length: 30 }, (_, i) => (i === 17 ? { id: 'bad', values: [1, '2'] } : good(i)));
    for (const read of [await readIn(upsert, JSON.stringify({ vectors })), readWhole(upsert, JSON.stringify({ vectors }))]) {
      expect(codeOf(read)).toEqual(['invalid_value', 'vectors[17].values[1]']);
    }
    const surrogate = JSON.stringify({ vectors: [good(0), { id: 'x', values: [1, 2], metadata: { t: 'HALF' } }] }).replace(
      'HALF',
      '\\ud800',
    );
    expect(codeOf(await readIn(upsert, surrogate))).toEqual(['invalid_value', 'vectors[1].metadata.t']);
    expect(codeOf(await readIn(upsert, '{"vectors":[{"id":"a","values":[1,2]}],"vectors":[]}'))).toEqual(['invalid_value', 'vectors']);
    expect(codeOf(await readIn(upsert, '{"vectors":[{"id":"a","values":[1,2]}]'))?.[0]).toBe('malformed_json');
    expect(codeOf(await readIn(upsert, ''))?.[0]).toBe('malformed_json');
  });

  it('[G13] names an element of a nested list, and refuses an array that is written twice in one', async () => {
    const { body } = ENDPOINTS.qdrantUpdateBatch;
    const points = (...all: unknown[]) => ({ points: all.map((values, i) => ({ id: i, vector: values })) });
    const good = [{ upsert: points([1, 2], [3, 4]) }, { delete: { points: [1] } }, { update_vectors: points([5, 6]) }];
    const read = await readIn(body, JSON.stringify({ operations: good }), 7);
    expect(read).toEqual(readWhole(body, JSON.stringify({ operations: good })));
    expect(read.ok).toBe(true);
    // Preceded by other lists, which do not count.
    const behind = `{"other":[1,[2,3],4],${JSON.stringify({ operations: good }).slice(1)}`;
    expect(await readIn(body, behind, 7)).toEqual(read);
    const bad = [...good, { upsert: points([1, 2], [1, 'x']) }];
    expect(codeOf(await readIn(body, JSON.stringify({ operations: bad })))).toEqual([
      'invalid_value',
      'operations[3].upsert.points[1].vector[1]',
    ]);
    const one = '{"id":1,"vector":[1,2]}';
    const twice = [
      `{"operations":[{"delete":{"points":[1]}},{"upsert":{"points":[${one}],"points":[${one},${one}]}}]}`,
      `{"operations":[{"delete":{"points":[1]}},{"upsert":{"points":[${one}]},"upsert":null}]}`,
      `{"operations":[{"delete":{"points":[1]}},{"upsert":{"points":[${one}]}}],"operations":[]}`,
    ];
    for (const text of twice) expect(codeOf(await readIn(body, text)), text).toEqual(['invalid_value', 'operations[1].upsert.points']);
    const many = { operations: [{ upsert: { points: Array.from({ length: 10_001 }, () => JSON.parse(one) as unknown) } }] };
    expect(codeOf(await readIn(body, JSON.stringify(many), 65_536))).toEqual(['limit_exceeded', 'operations[0].upsert.points']);
    const payload = { set_payload: { payload: { text: 'x'.repeat(60_000) }, points: [1] } };
    const payloads = (count: number) => JSON.stringify({ operations: Array.from({ length: count }, () => payload) });
    expect((await readIn(body, payloads(100), 65_536)).ok).toBe(true);
    const large = JSON.stringify({
      operations: [{ upsert: points(...Array.from({ length: 3_400 }, () => Array.from({ length: 384 }, () => 0.1234567))) }],
    });
    expect(large.length).toBeGreaterThan(VECTOR_LIMITS.qdrantOperationsBytesMax);
    expect((await readIn(body, large, 65_536)).ok).toBe(true);
  });

  it('[G13] may have the most elements of the largest size, and not one more', async () => {
    const { upsertCallVectorsMaxCount: countMax } = VECTOR_LIMITS;
    expect(countMax).toBe(10_000);
    const of = (count: number) => JSON.stringify({ vectors: Array.from({ length: count }, (_, i) => ({ id: `v${i}`, values: [1, 2] })) });
    expect((await readIn(upsert, of(countMax), 65_536)).ok).toBe(true);
    expect(codeOf(await readIn(upsert, of(countMax + 1), 65_536))).toEqual(['limit_exceeded', 'vectors']);
    const padded = (bytes: number) => `{"vectors":[{"id":"a","values":[1,${' '.repeat(bytes - '{"id":"a","values":[1,2]}'.length)}2]}]}`;
    expect((await readIn(upsert, padded(API_LIMITS.bodyItemBytesMax), 65_536)).ok).toBe(true);
    expect(codeOf(await readIn(upsert, padded(API_LIMITS.bodyItemBytesMax + 1), 65_536))?.[0]).toBe('limit_exceeded');
    const rest = { vectors: [{ id: 'a', values: [1, 2] }], model: 'x'.repeat(API_LIMITS.bodyRestBytesMax) };
    expect(codeOf(await readIn(upsert, JSON.stringify(rest), 65_536))?.[0]).toBe('payload_too_large');
  });

  it('[G13] of 32 MB is read within the memory of its content, and one byte more is refused', async () => {
    const { upsertBodyBytesMax: bytesMax } = VECTOR_LIMITS;
    expect(bytesMax).toBe(32 * 1024 * 1024);
    const values = JSON.stringify(Array.from({ length: 384 }, (_, i) => (i + 1) / 1_000_003));
    const element = (i: number) => new TextEncoder().encode(`${i === 0 ? '{"vectors":[' : ','}{"id":"v${i}","values":${values}}`);
    function* body(bytes: number): Generator<Uint8Array> {
      let left = bytes - 2;
      for (let i = 0; ; i += 1) {
        const next = element(i);
        if (next.length > left) break;
        left -= next.length;
        yield next;
      }
      yield new TextEncoder().encode(`${' '.repeat(left)}]}`);
    }
    let most = 0;
    const read = await readIn(upsert, body(bytesMax), 0, (bytes) => (most = Math.max(most, bytes)));
    expect(read.ok).toBe(true);
    // 384 floats for each vector, and almost nothing else.
    expect(most).toBeGreaterThan(4 * 384 * 3_000);
    expect(most).toBeLessThan(bytesMax / 2);
    function* blank(bytes: number): Generator<Uint8Array> {
      const head = new TextEncoder().encode('{"vectors":[{"id":"a","values":[1,2]}]}');
      yield head;
      const spaces = new Uint8Array(65_536).fill(32);
      for (let left = bytes - head.length; left > 0; left -= spaces.length) yield spaces.subarray(0, left);
    }
    expect((await readIn(upsert, blank(bytesMax))).ok).toBe(true);
    expect(codeOf(await readIn(upsert, blank(bytesMax + 1)))?.[0]).toBe('payload_too_large');
  });
});
