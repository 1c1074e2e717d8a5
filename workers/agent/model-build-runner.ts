import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { messageOf } from '../../src/contract/api/errors.ts';
import { BUILD_OUTPUTS, inputFilesOf } from '../../src/contract/jobs/job-facts.ts';
import type { ModelBuild } from '../../src/contract/jobs/model-builds.ts';
import { JOB_LIMITS } from '../../src/contract/jobs/job-limits.ts';
import type { ModelFiles } from '../../src/inference/model-manifest.ts';
import { findVersion, parseModelCatalogue, readModelFile } from '../../src/inference/model-manifest.ts';
import { checkManifest } from '../../src/inference/served/check-manifest.ts';
import type { ModelRef } from '../../src/inference/served-manifest.ts';
import type { AttemptScope, JobRunner, RunFailure } from './job-runner.ts';
import { failed } from './job-runner.ts';
import type { BuildEnd, BuildOrder } from './model-build-thread.ts';
import { persistently } from './persistently.ts';

type BuildKind = ModelBuild['kind'];

/** The static model whose words and vectors students start from. */
const STUDENT_BASE = 'glove-sif-100@2';

/**
 * Makes one model of another by the functions of `sluice models quantize`, `prune` and `distil`, judges it as `sluice models gate` does, and
 * leaves graph, recipe and report. A thread of its own does it, so that heartbeats go on; one that must stop is ended at once. [J256]
 */
export const modelBuildRunner =
  <Kind extends BuildKind>(deployed: ModelFiles): JobRunner<Kind> =>
  async (scope) => {
    const { folder, artifacts, signal, onProgress, log } = scope;
    const assignment: ModelBuild = scope.assignment;
    onProgress({ completed: 0, failed: 0, total: 1 });
    const files: Record<string, string> = {};
    for (const [index, { field }] of inputFilesOf(assignment).entries()) {
      const name = String(field.at(-1));
      files[name] = join(folder, name.replace(/_file$/, '.jsonl'));
      await artifacts.fetchInput(index, files[name]);
    }
    const model = await modelOf(scope, assignment);
    if ('kind' in model) return model;
    const out = join(folder, 'out');
    await mkdir(out);
    const base = assignment.kind === 'distill' ? await studentBase(deployed, scope) : undefined;
    const ended = await inThread({ work: assignment, files, out, ...model, ...(base === undefined ? {} : { base }) }, signal);
    // Users know their files by the fields of the job, and no folder of this machine.
    const shown = (text: string): string => text.replaceAll(`${folder}/`, '');
    log.write(Buffer.from(`${shown(ended.log)}\n`));
    if (!ended.ok) return failed(ended.reason, shown(ended.message).slice(0, JOB_LIMITS.buildFaultCharsMax));
    const outputs = [];
    for (const [index, path] of BUILD_OUTPUTS.entries()) outputs.push(await artifacts.storeOutput(index, join(out, path)));
    signal.throwIfAborted();
    return { kind: 'done', progress: { completed: 1, failed: 0, total: 1 }, tokens: 0, outputs };
  };

/** The folder of the model that the job names, if it names one: what it is made of, or the teacher. */
async function modelOf(
  { model, folder }: Pick<AttemptScope<BuildKind>, 'model' | 'folder'>,
  assignment: ModelBuild,
): Promise<Pick<BuildOrder, 'model'> | RunFailure> {
  if (assignment.model === undefined) return {};
  const ref = await model.find();
  if (ref === undefined || 'deployed' in ref) return failed('model_unavailable', `${assignment.model} is no registered model`);
  // The paths of its files are places below a folder, each once.
  const checked = await checkManifest(ref.manifest);
  const path = join(folder, 'model');
  const saved = checked.ok ? await model.downloadWhole(ref, path) : checked;
  return saved.ok ? { model: { ref: withoutFiles(ref), path } } : failed('model_unavailable', messageOf(saved.error));
}

async function studentBase(
  files: ModelFiles,
  { folder, signal }: Pick<AttemptScope<BuildKind>, 'folder' | 'signal'>,
): Promise<{ readonly name: string; readonly bytes: Uint8Array; readonly folder: string }> {
  return persistently(signal, async () => {
    const catalogue = await files.read(`${STUDENT_BASE.replace(/@.*/, '')}/manifest.json`);
    const manifest = catalogue && findVersion(parseModelCatalogue(JSON.parse(new TextDecoder().decode(catalogue))), STUDENT_BASE);
    if (manifest === undefined) throw new Error(`the gateway has no model ${STUDENT_BASE}`);
    const bytes = await readModelFile(files, manifest);
    if (!bytes.ok) throw new Error(messageOf(bytes.error));
    return { name: STUDENT_BASE, bytes: bytes.value, folder };
  });
}

const withoutFiles = ({
  model,
  version,
  manifest: { files: _files, contractHash: _hash, ...reading },
}: ModelRef): NonNullable<BuildOrder['model']>['ref'] => ({
  name: `${model}@${version}`,
  reading,
});

/** Resolves with how the build ended; rejects with the signal's reason once it aborts, when the thread has ended. */
async function inThread(order: BuildOrder, signal: AbortSignal): Promise<BuildEnd> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('model-build-thread.ts', import.meta.url), { workerData: order });
  const settled = new AbortController();
  try {
    return await new Promise<BuildEnd>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true, signal: settled.signal });
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('the thread of the build has ended')));
    });
  } finally {
    settled.abort();
    await worker.terminate();
  }
}
