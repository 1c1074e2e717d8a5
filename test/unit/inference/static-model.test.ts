import { describe, expect, it } from 'vitest';
import { quantiseRows } from '../../../src/inference/build/matrix.ts';
import { openStaticModel } from '../../../src/inference/static/static-model.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { writeOnnx } from '../../../workers/builds/write-onnx.ts';
import { manifestOf } from '../../support/fixtures/default-model.ts';

const manifest = { ...manifestOf('static'), dimensions: 2, vocabularySize: 3 };
const rows = quantiseRows({ columns: 2, values: Float64Array.of(0, 0, 1, 0, 0, 1) });
const description = { id: 'tiny', dimensions: 2, opset: 13, vocabulary: utf8('left\nright'), rows };
const open = (changes: Partial<typeof description>, expected = manifest) =>
  openStaticModel(expected, writeOnnx({ ...description, ...changes }));

describe('opening a static model', () => {
  it('[M6] opens a consistent file', () => {
    const model = open({});
    expect(model.ok && [...model.value.tokeniser.tokenise('Right left up').ids]).toEqual([2, 1, 0]);
  });

  it.each([
    ['words without rows', open({ vocabulary: utf8('left\nright\nup') }, { ...manifest, vocabularySize: 4 }), 'manifest_mismatch'],
    ['another vocabulary size', open({}, { ...manifest, vocabularySize: 4 }), 'manifest_mismatch'],
    ['other dimensions', open({}, { ...manifest, dimensions: 3 }), 'manifest_mismatch'],
    ['a row without its scale', open({ rows: { ...rows, scales: rows.scales.subarray(1) } }), 'not_a_static_table'],
    ['a scale that is NaN', open({ rows: { ...rows, scales: Float32Array.of(0, Number.NaN, 1) } }), 'not_a_static_table'],
    ['a negative scale', open({ rows: { ...rows, scales: Float32Array.of(0, -1, 1) } }), 'not_a_static_table'],
    ['an infinite scale', open({ rows: { ...rows, scales: Float32Array.of(0, Infinity, 1) } }), 'not_a_static_table'],
    ['codes of another shape', open({ dimensions: 3 }), 'not_a_static_table'],
    ['no tensors', openStaticModel(manifest, new Uint8Array()), 'not_a_static_table'],
    ['no ONNX file', openStaticModel(manifest, new Uint8Array(utf8('<html>not found</html>'))), 'corrupt_onnx_file'],
  ])('[M6] refuses %s', (_, model, kind) => {
    expect(model).toMatchObject({ ok: false, error: { kind } });
  });
});
