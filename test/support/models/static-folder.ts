import { quantiseRows } from '../../../src/inference/build/matrix.ts';
import { staticGraph } from '../../../src/inference/build/prune/static-graph.ts';
import { must } from '../../../src/kernel/assert.ts';
import { utf8 } from '../../../src/kernel/bytes.ts';
import { readOnnxGraph, writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { writeOnnx } from '../../../workers/builds/write-onnx.ts';
import type { Folder } from './model-folder.ts';

/** A static model of these words, the most frequent first, with vectors of 24 numbers that are the same for the same words. */
export function staticFolder(words: readonly string[], form: 'float32' | 'int8'): Folder {
  const values = Float64Array.from({ length: (words.length + 1) * 24 }, (_, i) => (i < 24 ? 0 : Math.sin(i * i)));
  const file = writeOnnx({
    id: 'own',
    dimensions: 24,
    opset: 13,
    vocabulary: utf8(words.join('\n')),
    rows: quantiseRows({ columns: 24, values }),
  });
  if (form === 'int8') return new Map([['model.onnx', file]]);
  const { graph } = must(staticGraph(readOnnxGraph(file, () => new Uint8Array())), 'what is written so is a static model');
  return new Map([['model.onnx', writeOnnxGraph(graph)]]);
}
