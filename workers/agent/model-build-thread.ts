import { writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';

import type { FailureReason } from '../../src/contract/jobs/attempt.ts';
import type { ModelBuild } from '../../src/contract/jobs/model-builds.ts';
import { GATE_BOUNDS } from '../../src/inference/build/gate/model-gate.ts';
import type { GateVerdict } from '../../src/inference/build/gate/model-gate.ts';
import type { ModelReading } from '../../src/inference/served-manifest.ts';
import { must } from '../../src/kernel/assert.ts';
import { sha256Hex } from '../../src/kernel/bytes.ts';
import { BuildFailure, UnusableInput } from '../builds/build-error.ts';
import { distilStudent } from '../builds/distil-student.ts';
import { gateModels } from '../builds/gate-models.ts';
import { readPairs, readRetrieval, wordnetTexts } from '../builds/gate-texts.ts';
import type { DerivedGraph, ModelFolder } from '../builds/model-folder.ts';
import { readModelFolder } from '../builds/model-folder.ts';
import { writeOnnxGraph } from '../builds/onnx-graph-file.ts';
import { pruneFolder } from '../builds/prune-folder.ts';
import { quantiseFolder } from '../builds/quantise-folder.ts';
import { baseEmbedder, textEmbedder } from '../builds/text-embedder.ts';

/** What the thread is to do. */
export interface BuildOrder {
  readonly work: ModelBuild;
  /** Paths by the fields that name the files. */
  readonly files: Readonly<Record<string, string>>;
  /** What it is made of, or the teacher: its version, how it is used, and where its files are. */
  readonly model?: { readonly ref: { readonly name: string; readonly reading: ModelReading }; readonly path: string };
  /** Of a student: the static model that it starts from, and where it may be written. */
  readonly base?: { readonly name: string; readonly bytes: Uint8Array; readonly folder: string };
  /** The folder for the outputs. */
  readonly out: string;
}

/** How it ended; `log`: what its owner is to see. */
export type BuildEnd = { readonly log: string } & (
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: FailureReason; readonly message: string }
);

interface Built {
  readonly file: Uint8Array;
  readonly parents: readonly string[];
  readonly inputs: ModelFolder['inputs'];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly report: Readonly<Record<string, unknown>>;
  /** Why it is refused; absent: it passes. */
  readonly fault?: string;
}

/** Of texts that neither the fit of a student nor the choice of its settings saw: below it a student is no stand-in for its teacher. */
const STUDENT_RECALL_MIN = 0.6;

const { work, files, model, base, out } = workerData as BuildOrder;

async function build(): Promise<BuildEnd> {
  const { file, parents, inputs, parameters, report, fault } = work.kind === 'distill' ? await distilled(work) : await derived(work);
  const log = json({ parents, ...report });
  if (fault !== undefined) return { ok: false, reason: 'gate_refused', message: fault, log };
  await writeFile(join(out, 'model.onnx'), file);
  const outputs = [{ path: 'model.onnx', bytes: file.length, sha256: await sha256Hex(new Uint8Array(file)) }];
  writeFileSync(join(out, 'recipe.json'), json({ request: work, node: process.version, inputs, parameters, outputs }));
  writeFileSync(join(out, 'report.json'), log);
  return { ok: true, log };
}

async function derived(asked: Exclude<ModelBuild, { kind: 'distill' }>): Promise<Built> {
  const parent = must(model, 'what is quantised or pruned is a model');
  const { ref } = parent;
  const folder = await folderOf(parent);
  const made = asked.kind === 'quantize' ? await quantised(folder, asked) : await pruned(folder, asked);
  const gate = await judged(folder, made.graph, asked.gate);
  const missed = gate.checks.filter(({ holds }) => !holds);
  const faults = missed.map(
    ({ name, value, bound, atMost }) => `${name} is ${value.toPrecision(4)}, and must be ${atMost ? 'at most' : 'at least'} ${bound}`,
  );
  return {
    file: writeOnnxGraph(made.graph),
    parents: [ref.name],
    inputs: folder.inputs,
    parameters: made.parameters,
    report: { ...(made.report as object), gate },
    ...(gate.passes ? {} : { fault: `${ref.name} is better: ${faults.join('; ')}` }),
  };
}

/** A version is used as its manifest says, whatever its folder does. */
const folderOf = async ({ ref, path }: NonNullable<BuildOrder['model']>): Promise<ModelFolder> => ({
  ...(await readModelFolder(path, ref.reading.graph)),
  reading: ref.reading,
});

async function quantised(
  folder: ModelFolder,
  { bits, modes, block, skip, drift_max: driftMax }: Extract<ModelBuild, { kind: 'quantize' }>,
): Promise<DerivedGraph> {
  const made = await quantiseFolder(folder, {
    bits,
    block,
    skip,
    mustServe: true,
    ...(modes === undefined ? {} : { modes }),
    ...(driftMax === undefined ? {} : { driftMax }),
    ...named('calibration', 'calibration_file'),
  });
  const broken = made.report.drift?.broken ?? 0;
  if (broken > 0) throw new BuildFailure(`${broken} outputs are not finite or have become zero.`);
  return made;
}

const pruned = (folder: ModelFolder, { words, dimensions, layers }: Extract<ModelBuild, { kind: 'prune' }>): Promise<DerivedGraph> =>
  pruneFolder(folder, {
    ...(words === undefined ? {} : { words }),
    ...(dimensions === undefined ? {} : { dimensions }),
    ...(layers === undefined ? {} : { layers }),
    ...named('corpus', 'corpus_file'),
    ...named('calibration', 'calibration_file'),
  });

async function judged(
  folder: ModelFolder,
  graph: ModelFolder['graph'],
  gate: Extract<ModelBuild, { kind: 'prune' }>['gate'],
): Promise<GateVerdict> {
  const { retrieval_file: retrieval, sts_file: pairs } = files;
  return gateModels({
    base: await baseEmbedder(folder),
    candidate: await textEmbedder({ ...folder, graph }),
    texts: retrieval === undefined ? await installedTexts() : await readRetrieval(retrieval),
    pairs: pairs === undefined ? undefined : await readPairs(pairs),
    bounds: {
      overlapMin: gate.overlap_min ?? GATE_BOUNDS.overlapMin,
      ndcgRatioMin: gate.ndcg_min ?? GATE_BOUNDS.ndcgRatioMin,
      similarityDropMax: gate.similarity_drop_max ?? GATE_BOUNDS.similarityDropMax,
    },
  });
}

/** WordNet is there where Sluice is installed with what its tests need. */
const installedTexts = () =>
  wordnetTexts().catch(() => {
    throw new UnusableInput('gate.retrieval_file is needed: the agent has no WordNet to judge by.');
  });

async function distilled({
  field,
  group,
  words,
  folds,
  recall_min: recallMin = STUDENT_RECALL_MIN,
}: Extract<ModelBuild, { kind: 'distill' }>): Promise<Built> {
  const from = must(base, 'a student starts from a static model');
  const path = join(from.folder, 'base');
  await mkdir(path);
  await writeFile(join(path, 'model.onnx'), from.bytes);
  const baseFolder = await readModelFolder(path);
  const texts = must(files['texts_file'], 'a student learns from texts');
  const settings = { texts, field, words, folds, ...(group === undefined ? {} : { group }) };
  const teacher = await teacherOf();
  const { file, quality, parameters } = await distilStudent(baseFolder, teacher, settings);
  if ('model' in teacher) await teacher.model.close();
  const isEnough = quality.recallAt10 >= recallMin;
  return {
    file,
    parents: [...(model === undefined ? [] : [model.ref.name]), from.name],
    inputs: baseFolder.inputs,
    parameters,
    report: { heldOut: quality, recallMin },
    ...(isEnough ? {} : { fault: `recall@10 of held-out texts is ${quality.recallAt10.toFixed(3)}, and must be at least ${recallMin}` }),
  };
}

async function teacherOf() {
  const { vectors_file: vectors } = files;
  if (vectors !== undefined && model === undefined) return { vectors };
  if (vectors !== undefined || model === undefined) throw new UnusableInput('Give either model or vectors_file.');
  return { model: await textEmbedder(await folderOf(model)) };
}

const named = <Name extends string>(name: Name, field: string): { readonly [N in Name]?: string } => {
  const path = files[field];
  return (path === undefined ? {} : { [name]: path }) as { readonly [N in Name]?: string };
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const end = await build().catch((error: unknown): BuildEnd => {
  if (!(error instanceof UnusableInput || error instanceof BuildFailure)) throw error;
  return { ok: false, reason: 'input_invalid', message: error.message, log: error.message };
});
must(parentPort, 'this runs in a thread').postMessage(end, []);
