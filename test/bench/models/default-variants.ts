import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GATE_BOUNDS, judge } from '../../../src/inference/build/gate/model-gate.ts';
import type { GatedTask } from '../../../src/inference/build/gate/retrieval-figures.ts';
import type { OnnxGraph } from '../../../src/inference/build/graph/onnx-graph.ts';
import { DATA_TYPE, tensorOf } from '../../../src/inference/build/graph/onnx-graph.ts';
import { pruneDimensions, pruneVocabulary, staticGraph } from '../../../src/inference/build/prune/static-graph.ts';
import type { QuantiseMode } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { quantiseGraph } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { must } from '../../../src/kernel/assert.ts';
import { table } from '../../../workers/cli/command/command.ts';
import { wordnetTexts } from '../../../workers/builds/gate-texts.ts';
import { MODEL_FOLDER } from '../../../workers/cli/models/glove-sif-100.ts';
import type { GraphSession } from '../../../workers/builds/graph-session.ts';
import { startGraph } from '../../../workers/builds/graph-session.ts';
import { readOnnxGraph, writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import { textEmbedder } from '../../../workers/builds/text-embedder.ts';
import { interleavedCpuMs } from './interleaved-cpu.ts';

const BATCHES = [1, 16, 64] as const;
const TOKENS = 12;

/** Bytes, CPU and quality of the variants of the default model; float32 is its table decoded. */
export async function defaultModelBench(quick: boolean): Promise<void> {
  const whole = must(
    staticGraph(readOnnxGraph(await readFile(join(MODEL_FOLDER, 'model.onnx')), () => new Uint8Array())),
    'the default model',
  );
  const coded = (modes: QuantiseMode[], bits: 8 | 4, graph = whole.graph) =>
    quantiseGraph(graph, { modes, bits, block: 32, skip: new Set() }).graph;
  const fewer = pruneVocabulary(whole, new Set(whole.words.slice(0, 40_000)));
  const variants: [string, OnnxGraph][] = [
    ['float32', whole.graph],
    ['int8, row', coded(['row'], 8)],
    ['int8, gbq', coded(['gbq'], 8)],
    ['int4, row', coded(['row'], 4)],
    ['int4, block', coded(['block'], 4)],
    ['int4, gbq', coded(['gbq'], 4)],
    ['40,000 words', fewer.graph],
    ['40,000 words, int8', coded(['row'], 8, fewer.graph)],
    ['64 dimensions', pruneDimensions(whole, 64).graph],
  ];
  const files = variants.map(([name, graph]) => ({ name, graph, file: writeOnnxGraph(graph) }));
  const base = await taskOf(whole.graph, quick);
  const texts = await wordnetTexts();
  const rows: (string | number)[][] = files.map(({ name, file }) => [name, file.length]);
  for (const batch of BATCHES) {
    // One after another: the runtime starts one session at a time.
    const sessions: { name: string; session: GraphSession }[] = [];
    for (const { name, file } of files) sessions.push({ name, session: await startGraph(file) });
    const feeds = { token_ids: tensorOf(DATA_TYPE.int64, [batch, TOKENS], idsOf(batch)) };
    const cpu = await interleavedCpuMs(
      sessions.map(({ name, session }) => ({ name, run: () => session.run(feeds) })),
      quick ? 20 : 200,
    );
    files.forEach(({ name }, i) => rows[i]?.push((((cpu.get(name) ?? 0) * 1000) / batch).toFixed(1)));
    for (const { session } of sessions) await session.close();
  }
  for (const [i, { graph }] of files.entries()) {
    const candidate = await taskOf(graph, quick);
    const verdict = judge({ base, candidate, relevance: texts.relevance.slice(0, base.queries.length / base.dimensions) }, GATE_BOUNDS);
    const { ratio } = verdict.ndcgAt10;
    rows[i]?.push(
      verdict.overlapAt10.value.toFixed(3),
      verdict.ndcgAt10.candidate.toFixed(4),
      `${ratio.value.toFixed(3)} (${ratio.low.toFixed(3)})`,
      verdict.passes ? 'passes' : 'refused',
    );
  }
  const heads = BATCHES.map((batch) => `µs/text at ${batch}`);
  console.log(table(['variant', 'bytes', ...heads, 'overlap@10', 'nDCG@10', 'ratio (low)', 'gate'], rows));
}

const idsOf = (batch: number): BigInt64Array => BigInt64Array.from({ length: batch * TOKENS }, (_, i) => BigInt((i * 7919) % 40_000));

async function taskOf(graph: OnnxGraph, quick: boolean): Promise<GatedTask> {
  const { queries, documents } = await wordnetTexts();
  const count = quick ? 300 : queries.length;
  const embedder = await textEmbedder({ root: MODEL_FOLDER, graphPath: 'model.onnx', graph, inputs: [], others: [] });
  const of = await embedder.embed(queries.slice(0, count), 'query');
  const { vectors } = await embedder.embed(documents.slice(0, count), 'passage');
  await embedder.close();
  return { dimensions: of.dimensions, queries: of.vectors, documents: vectors };
}
