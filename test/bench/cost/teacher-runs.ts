import { createRequire } from 'node:module';
import { join } from 'node:path';

import { systemTimer } from '../../../durable-objects/system-time.ts';
import type { OnnxGraph } from '../../../src/inference/build/graph/onnx-graph.ts';
import { quantiseGraph } from '../../../src/inference/build/quantise/quantise-graph.ts';
import { checkGraph } from '../../../src/inference/onnx/check-graph.ts';
import { readOnnxGraph } from '../../../src/inference/onnx/onnx-graph.ts';
import type { StartGraph } from '../../../src/inference/graph-runner.ts';
import type { OrtModule } from '../../../src/inference/served/ort-runner.ts';
import { ortStart } from '../../../src/inference/served/ort-runner.ts';
import { TokenRuns } from '../../../src/inference/served/token-runs.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { DirectWakeUps } from '../../../src/kernel/wake-ups.ts';
import { agentOnnx } from '../../../workers/agent/agent-onnx.ts';
import { writeOnnxGraph } from '../../../workers/builds/onnx-graph-file.ts';
import type { BertShape } from '../../support/fixtures/bert-shaped-graph.ts';
import { bertShapedGraph } from '../../support/fixtures/bert-shaped-graph.ts';
import { PEERS_FOLDER } from '../ann/peer.ts';
import type { Contender } from '../models/interleaved-cpu.ts';

/** `edge`: in WebAssembly, as Workers run it; `pool`: on the processor's own instructions, as replicas of pools do. */
export const PLACES = ['edge', 'pool'] as const;
export type Place = (typeof PLACES)[number];
export const FORMATS = ['float32', 'int8'] as const;
export type Format = (typeof FORMATS)[number];

/** The teacher in one of its forms. */
export type Teacher = `${Format} ${Place}`;
export const TEACHERS: readonly Teacher[] = PLACES.flatMap((place) => FORMATS.map((format): Teacher => `${format} ${place}`));

/** Texts in one call, at which the teacher is measured; between them, its cost is read off a line. */
export const CALL_SIZES = [1, 2, 4, 8, 16] as const;

/** The encoder's shape with seeded weights, in each form, behind the code that serves it: padding, runs, pooling. For cost, never for quality. */
export async function openTeachers(shape: BertShape, names: readonly Teacher[]): Promise<Map<Teacher, TokenRuns>> {
  const whole = bertShapedGraph(shape);
  const small = quantiseGraph(whole, { modes: ['row', 'dynamic'], bits: 8, block: 32, skip: new Set() }).graph;
  const edge = (await agentOnnx(1, 'wasm')).start;
  const opened = new Map<Teacher, TokenRuns>();
  // One after another: the runtime starts one session at a time.
  for (const name of names) {
    const graph = name.startsWith('float32') ? whole : small;
    opened.set(name, await openRuns(graph, shape, name.endsWith('pool') ? poolStart() : edge));
  }
  return opened;
}

async function openRuns(graph: OnnxGraph, shape: BertShape, start: StartGraph): Promise<TokenRuns> {
  const file = new Uint8Array(writeOnnxGraph(graph));
  const read = readOnnxGraph(file, ['model.onnx']);
  if (!read.ok) throw new Error(read.error.message);
  // An isolate has no room for float32, 90 MB: at the edge it is what it would cost if there were.
  const facts = checkGraph(read.value, { path: 'model.onnx', files: [], at: ['model.onnx'], weightsLimit: 'modelBytesMax' });
  if (!facts.ok) throw new Error(facts.error.message);
  const runner = await start({ graph: file, external: new Map() });
  if (!runner.ok) throw new Error(runner.error.message);
  return new TokenRuns({
    manifest: {
      task: 'embedding',
      graph: 'model.onnx',
      externalData: [],
      tokensMax: shape.positions,
      dimensions: shape.hidden,
      pooling: 'mean',
      isNormalised: true,
      labels: [],
      activation: 'none',
      prompts: {},
      files: [],
      contractHash: '',
    },
    facts: facts.value,
    // What a run costs is what is measured here.
    bounds: undefined,
    runner: runner.value,
    padId: 0,
    answer: 'last_hidden_state',
    sharing: { clock: { nowMs: () => performance.now() }, timer: systemTimer, wakeUps: new DirectWakeUps() },
  });
}

/** The runtime of pools is among the peers of the benches, being optional for agents, too. */
function poolStart(): StartGraph {
  const ort = createRequire(join(PEERS_FOLDER, 'package.json'))('onnxruntime-node') as OrtModule;
  return ortStart(ort, { executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1 }, 'in-place');
}

/** Calls of each teacher with so many texts of `tokens` tokens each, to be measured in turn. */
export function teacherCalls(teachers: ReadonlyMap<Teacher, TokenRuns>, { vocabulary }: BertShape, tokens: number): Contender[] {
  const rng = new Seeded(7);
  const ids = () => Array.from({ length: tokens }, () => Math.floor(rng.next() * vocabulary));
  const texts = Array.from({ length: Math.max(...CALL_SIZES) }, () => ({ ids: ids(), types: Array<number>(tokens).fill(0) }));
  return [...teachers].flatMap(([teacher, runs]) =>
    CALL_SIZES.map((size) => ({
      name: teacherCall(teacher, size),
      async run() {
        const ran = await runs.run(texts.slice(0, size));
        if (!ran.ok) throw new Error(ran.error.message);
      },
    })),
  );
}

export const teacherCall = (teacher: Teacher, size: number): string => `${teacher} x ${size}`;
