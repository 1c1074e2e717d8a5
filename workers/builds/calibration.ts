import { readFile } from 'node:fs/promises';

import * as z from 'zod';

import type { CalibrationRun } from '../../src/inference/build/quantise/drift.ts';
import type { GraphTensor, OnnxGraph } from '../../src/inference/build/graph/onnx-graph.ts';
import { DATA_TYPE, elementCount, floatsOf, tensorOf } from '../../src/inference/build/graph/onnx-graph.ts';
import { must } from '../../src/kernel/assert.ts';
import { BuildFailure, UnusableInput } from './build-error.ts';
import type { Feeds } from './graph-session.ts';
import { startGraph } from './graph-session.ts';
import { writeOnnxGraph } from './onnx-graph-file.ts';

const tensor = z.strictObject({
  type: z.enum(['float32', 'int32', 'int64', 'uint8']),
  dims: z.array(z.int().nonnegative()),
  data: z.array(z.number()),
});
const line = z.union([z.strictObject({ text: z.string() }), z.strictObject({ inputs: z.record(z.string(), tensor) })]);

/** Turns a text into a graph's inputs; `undefined` when the model has no tokeniser that is known. */
export type FeedsOfText = ((text: string) => Feeds) | undefined;

/** Reads calibration inputs: a JSON object a line, `{"text": ...}` or `{"inputs": {NAME: {"type", "dims", "data"}}}`. */
export async function readCalibration(path: string, feedsOfText: FeedsOfText): Promise<Feeds[]> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UnusableInput(`${path} cannot be read.`);
  });
  const lines = text.split('\n').filter((each) => each.trim() !== '');
  if (lines.length === 0) throw new UnusableInput(`${path} has no calibration inputs.`);
  return lines.map((each, at) => feedsOf(each, `${path}, line ${at + 1}`, feedsOfText));
}

function feedsOf(each: string, where: string, feedsOfText: FeedsOfText): Feeds {
  const parsed = line.safeParse(json(each));
  if (!parsed.success) throw new UnusableInput(`${where}: expected {"text": ...} or {"inputs": {...}}.`);
  if ('text' in parsed.data) {
    if (feedsOfText === undefined) throw new UnusableInput(`${where}: the model has no tokeniser, so a text cannot be its input.`);
    return feedsOfText(parsed.data.text);
  }
  return Object.fromEntries(Object.entries(parsed.data.inputs).map(([name, value]) => [name, tensorFrom(value, `${where}, ${name}`)]));
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function tensorFrom({ type, dims, data }: z.infer<typeof tensor>, where: string): GraphTensor {
  if (elementCount(dims) !== data.length)
    throw new UnusableInput(`${where}: its dims take ${elementCount(dims)} numbers, data has ${data.length}.`);
  return tensorOf(DATA_TYPE[type], dims, ARRAYS[type](data));
}

const ARRAYS = {
  float32: (data: number[]) => Float32Array.from(data),
  int32: (data: number[]) => Int32Array.from(data),
  int64: (data: number[]) => BigInt64Array.from(data, (value) => BigInt(Math.trunc(value))),
  uint8: (data: number[]) => Uint8Array.from(data),
};

/** Runs graphs on `inputs`. */
export function calibrationRun(inputs: readonly Feeds[]): CalibrationRun {
  return async (graph: OnnxGraph) => {
    const output = graph.outputs[0] ?? '';
    try {
      const session = await startGraph(writeOnnxGraph(graph));
      const outputs: Float32Array[] = [];
      for (const feeds of inputs) outputs.push(floatsOf(must((await session.run(feeds))[output], 'a run answers every output')));
      await session.close();
      return outputs;
    } catch (error) {
      throw new BuildFailure(`the runtime cannot run the graph: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}
