import type { OnnxGraph } from '../../../src/inference/build/graph/onnx-graph.ts';
import { floatsOf } from '../../../src/inference/build/graph/onnx-graph.ts';
import { encoderLayers, withoutLayer } from '../../../src/inference/build/prune/encoder-layers.ts';
import { driftOf } from '../../../src/inference/build/quantise/drift.ts';
import type { QuantiseMode } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { quantiseGraph } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { must } from '../../../src/kernel/assert.ts';
import { table } from '../../../workers/cli/command/command.ts';
import type { Feeds } from '../../../workers/builds/graph-session.ts';
import { startGraph } from '../../../workers/builds/graph-session.ts';
import { writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { bertInputs, bertShapedGraph, MINILM_SHAPE } from '../../support/fixtures/bert-shaped-graph.ts';
import { installPeers } from '../ann/install-peers.ts';
import type { Contender } from './interleaved-cpu.ts';
import { interleavedCpuMs } from './interleaved-cpu.ts';
import { startNative } from './native-session.ts';

const TOKENS = 32;

/** Cost of an encoder of MiniLM's shape with random weights, at the edge (WASM) and native, one thread each, in one interleaved run. */
export async function encoderBench(quick: boolean): Promise<void> {
  await installPeers();
  const graph = bertShapedGraph(MINILM_SHAPE);
  const coded = (modes: QuantiseMode[], bits: 8 | 4) => quantiseGraph(graph, { modes, bits, block: 32, skip: new Set() }).graph;
  const layer = must(encoderLayers(graph)[2], 'the encoder has layers that can go');
  const variants: [string, OnnxGraph][] = [
    ['float32', graph],
    ['int8 (row, dynamic)', coded(['row', 'dynamic'], 8)],
    ['int8 (stored)', coded(['stored'], 8)],
    ['int4 (block, matmulnbits)', coded(['block', 'matmulnbits'], 4)],
    ['5 of 6 layers', withoutLayer(graph, layer)],
  ];
  const rows = variants.map(([name]): (string | number)[] => [name]);
  const feeds = bertInputs(MINILM_SHAPE, 4, TOKENS);
  let before: Float32Array | undefined;
  for (const [i, [, variant]] of variants.entries()) {
    const file = writeOnnxGraph(variant);
    const session = await startGraph(file);
    const output = floatsOf(must((await session.run(feeds))['last_hidden_state'], 'the output'));
    before ??= output;
    rows[i]?.push(file.length, driftOf([before], [output]).mean.toExponential(1));
    await session.close();
  }
  for (const batch of quick ? [1] : [1, 16, 64])
    await addCosts(variants, rows, bertInputs(MINILM_SHAPE, batch, TOKENS), batch, quick ? 3 : 5);
  console.log(
    table(
      [
        'variant',
        'bytes',
        'drift',
        ...(quick ? [1] : [1, 16, 64]).flatMap((batch) => [`edge ms/item at ${batch}`, 'native', 'native/edge']),
      ],
      rows,
    ),
  );
}

async function addCosts(
  variants: readonly [string, OnnxGraph][],
  rows: (string | number)[][],
  feeds: Feeds,
  batch: number,
  rounds: number,
): Promise<void> {
  const contenders: Contender[] = [];
  for (const [name, variant] of variants) {
    const file = writeOnnxGraph(variant);
    // A runtime without one of the operators says so here: that is shown, not worked around.
    const edge = await startGraph(file).catch(() => undefined);
    const native = await startNative(file).catch(() => undefined);
    if (edge !== undefined) contenders.push({ name: `${name} edge`, run: () => edge.run(feeds) });
    if (native !== undefined) contenders.push({ name: `${name} native`, run: () => native(feeds) });
  }
  const cpu = await interleavedCpuMs(contenders, rounds);
  for (const [i, [name]] of variants.entries()) {
    const [edge, native] = [cpu.get(`${name} edge`), cpu.get(`${name} native`)];
    const shown = (ms: number | undefined) => (ms === undefined ? 'unsupported' : (ms / batch).toFixed(1));
    rows[i]?.push(shown(edge), shown(native), edge === undefined || native === undefined ? '' : (native / edge).toFixed(2));
  }
}
