import * as fc from 'fast-check';
import onnxProto from 'onnx-proto';
import { expect, it } from 'vitest';

import { readOnnxFile } from '../../../src/inference/onnx/onnx-file.ts';
import { modelFile } from '../../support/fixtures/default-model.ts';
import { effort } from '../../support/fixtures/effort.ts';

const { ModelProto } = onnxProto.onnx;
const SEED = { seed: 20261124 };

const tensors = fc.uniqueArray(
  fc.record({
    name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
    dataType: fc.integer({ min: 1, max: 20 }),
    dims: fc.array(fc.nat(1 << 20), { maxLength: 4 }),
    rawData: fc.uint8Array({ maxLength: 300 }),
  }),
  { selector: (tensor) => tensor.name, maxLength: 6 },
);
const metadata = fc.uniqueArray(fc.record({ key: fc.string({ minLength: 1 }), value: fc.string({ unit: 'grapheme', maxLength: 300 }) }), {
  selector: (entry) => entry.key,
  maxLength: 5,
});
const models = fc.record({
  irVersion: fc.nat(10),
  producerName: fc.string(),
  metadataProps: metadata,
  graph: fc.record({
    name: fc.string(),
    initializer: tensors,
    node: fc.array(fc.record({ opType: fc.string(), input: fc.array(fc.string(), { maxLength: 3 }) }), { maxLength: 3 }),
  }),
});

/** At an offset in a larger buffer, as a view into a response body might be. */
function encode(model: onnxProto.onnx.IModelProto, offset = 5): Uint8Array<ArrayBuffer> {
  const bytes = ModelProto.encode(ModelProto.create(model)).finish();
  const buffer = new Uint8Array(offset + bytes.length + 3);
  buffer.set(bytes, offset);
  return buffer.subarray(offset, offset + bytes.length);
}

it('[M4] finds what onnx-proto wrote, as views into the file', () => {
  let found = 0;
  fc.assert(
    fc.property(models, (model) => {
      const bytes = encode(model);
      const file = readOnnxFile(bytes);
      if (!file.ok) throw new Error(file.error.reason);
      const { initialisers } = file.value;
      expect([...initialisers.keys()].toSorted()).toEqual(model.graph.initializer.map(({ name }) => name).toSorted());
      for (const { name, dims, dataType, rawData } of model.graph.initializer) {
        const tensor = initialisers.get(name)!;
        expect(tensor.dims).toEqual(dims);
        expect(tensor.dataType).toBe(dataType);
        expect([...tensor.bytes]).toEqual([...rawData]);
        expect(tensor.bytes.buffer).toBe(bytes.buffer);
        found++;
      }
      const texts = [...file.value.metadata].map(([key, value]) => ({ key, value: new TextDecoder().decode(value) }));
      expect(texts).toEqual(model.metadataProps);
    }),
    SEED,
  );
  expect(found).toBeGreaterThan(100);
});

it('[M5] corrupt bytes give a typed error or a smaller file, never an exception', () => {
  const outcomes = { refused: 0, read: 0 };
  const corruption = fc.record({ model: models, cut: fc.nat(), flips: fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 }))) });
  fc.assert(
    fc.property(corruption, ({ model, cut, flips }) => {
      const whole = encode(model).slice();
      for (const [at, bits] of flips) whole[at % whole.length]! ^= bits;
      const file = readOnnxFile(whole.subarray(0, cut % (whole.length + 1)));
      outcomes[file.ok ? 'read' : 'refused']++;
      expect(file.ok || (file.error.kind === 'corrupt_onnx_file' && file.error.offset <= whole.length)).toBe(true);
    }),
    { ...SEED, numRuns: effort(2000) },
  );
  expect(outcomes.refused).toBeGreaterThan(500);
  expect(outcomes.read).toBeGreaterThan(50);
});

it.each([
  ['a length past the end', [0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1]],
  ['a varint that never ends', Array.from({ length: 12 }, () => 0x80)],
  ['a group', [0x3b]],
  ['field 0', [0x02, 0x00]],
  ['a graph that is a number', [0x38, 0x01]],
])('[M5] refuses %s', (_, bytes) => {
  expect(readOnnxFile(Uint8Array.from(bytes))).toMatchObject({ ok: false, error: { kind: 'corrupt_onnx_file' } });
});

it('[M5] the committed file, cut anywhere, does not open', () => {
  for (const share of [0.01, 0.5, 0.9, 0.999]) {
    const cut = modelFile.subarray(0, Math.floor(share * modelFile.length));
    expect(readOnnxFile(cut).ok).toBe(false);
  }
});
