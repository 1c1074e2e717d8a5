import { expect, it } from 'vitest';

import { checkGraph } from '../../../src/inference/onnx/check-graph.ts';
import { detachWeights } from '../../../src/inference/onnx/detach-weights.ts';
import { readOnnxGraph } from '../../../src/inference/onnx/onnx-graph.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { effort } from '../../support/fixtures/effort.ts';
import { bertModel, encodeModel } from '../../support/models/bert-graph.ts';
import { bertWeights, SMALL_BERT } from '../../support/models/bert-weights.ts';

it('[M50] [M53] mutated model files are refused with a reason or are whole graphs, and never throw', () => {
  const whole = encodeModel(bertModel(SMALL_BERT, bertWeights(SMALL_BERT, 1)));
  const rng = new Seeded(20261127);
  const below = (bound: number) => Math.floor(rng.next() * bound);
  const outcomes = { refused: 0, passed: 0 };
  for (let run = 0; run < effort(300, 10_000); run += 1) {
    const file = whole.slice(0, rng.next() < 0.2 ? below(whole.length) : whole.length);
    for (let flips = below(8); flips >= 0 && file.length > 0; flips -= 1) file[below(file.length)] = below(256);
    const graph = readOnnxGraph(file, ['graph']);
    const checked = graph.ok ? checkGraph(graph.value, { path: 'model.onnx', files: [], at: ['graph'] }) : graph;
    outcomes[checked.ok ? 'passed' : 'refused'] += 1;
    if (checked.ok) expect(detachWeights({ graph: file, external: new Map() }).graph.length).toBeLessThanOrEqual(file.length + 4_096);
    else expect(checked.error.message).not.toBe('');
  }
  expect(outcomes.refused).toBeGreaterThan(50);
  expect(outcomes.passed).toBeGreaterThan(20);
});
