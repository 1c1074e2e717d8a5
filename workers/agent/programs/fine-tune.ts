import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

import { POOL_LIMITS } from '../../../src/contract/pools/pool-limits.ts';
import { nameWithoutVersion, pinnedName } from '../../../src/contract/api/model-name.ts';
import { METRICS_OUTPUT, TUNING_FILES, tuningPair, tuningSettings } from '../../../src/contract/jobs/tuning-settings.ts';
import type { TokenPair } from '../../../src/inference/build/tune/contrastive-fit.ts';
import { ContrastiveFit } from '../../../src/inference/build/tune/contrastive-fit.ts';
import { tunedFile } from '../../../src/inference/build/tune/tuned-file.ts';
import type { Tokeniser } from '../../../src/inference/embedding-model.ts';
import type { ModelManifest } from '../../../src/inference/model-manifest.ts';
import { findVersion, parseModelCatalogue, readModelFile } from '../../../src/inference/model-manifest.ts';
import { openStaticModel, readStaticTable } from '../../../src/inference/static/static-model.ts';
import { sha256Hex } from '../../../src/kernel/bytes.ts';
import { gatewayFiles } from '../gateway-models.ts';

// Fine-tunes a static model on pairs of texts: the program of the jobs that `/v1/fine_tuning/jobs` makes. It works in the folder of its job, saves
// after each epoch, and leaves a model folder and a table of what was measured. [J250] [J251]

/** What is wrong with what it was given: said in the log, and not worth another attempt. */
class InvalidInput extends Error {}

/** As the metrics file has it; epoch 0 is the base model. */
type MetricsRow = readonly (number | '')[];

const HEADER = 'epoch,step,trained_tokens,train_loss,train_recall_at_1,valid_loss,valid_recall_at_1';

async function main(): Promise<void> {
  if ((process.env['WORLD_SIZE'] ?? '1') !== '1') throw new InvalidInput('fine-tuning runs as one process: ask for one node');
  const settings = tuningSettings.parse(JSON.parse(process.argv[2] ?? '{}'));
  const { manifest, bytes } = await readBase(settings.model);
  const opened = openStaticModel(manifest, bytes);
  const table = readStaticTable(bytes);
  if (!opened.ok || !table.ok) throw new InvalidInput(`${settings.model} is no static model`);
  const { tokeniser } = opened.value;
  const { codes, scales, dimensions } = table.value;
  const read = (path: string) => (existsSync(path) ? pairsIn(path, tokeniser, manifest.tokensMax) : []);
  const [train, validation] = [read(TUNING_FILES.training), read(TUNING_FILES.validation)];
  if (train.length < 2) throw new InvalidInput(`${TUNING_FILES.training} has ${train.length} pairs: at least 2 are needed`);

  const fit = new ContrastiveFit({
    dimensions,
    rowOf: (id) => {
      const scale = scales[id] ?? 0;
      return scale === 0 ? undefined : Float64Array.from(codes.subarray(id * dimensions, (id + 1) * dimensions), (code) => code * scale);
    },
    train,
    validation,
    settings: {
      epochs: settings.epochs,
      batchSize: settings.batch_size,
      rateMultiplier: settings.learning_rate_multiplier,
      seed: settings.seed,
    },
  });
  const tokensOfEpoch = train.reduce((sum, { anchor, positive }) => sum + anchor.length + positive.length, 0);
  const stepsOfEpoch = Math.ceil(train.length / settings.batch_size);
  const metrics = restore(fit);
  const measure = (): void => {
    const trained = fit.measureTraining(POOL_LIMITS.tuningMeasuredPairsMaxCount);
    const valid = validation.length === 0 ? undefined : fit.measureValidation(POOL_LIMITS.tuningMeasuredPairsMaxCount);
    const row = [
      fit.epoch,
      fit.epoch * stepsOfEpoch,
      fit.epoch * tokensOfEpoch,
      rounded(trained.loss),
      rounded(trained.recallAt1),
      valid === undefined ? '' : rounded(valid.loss),
      valid === undefined ? '' : rounded(valid.recallAt1),
    ] as const;
    metrics.push(row);
    save(fit, metrics);
    console.log(`epoch ${fit.epoch} of ${settings.epochs}: ${HEADER} ${row.join(',')}`);
  };
  if (metrics.length === 0) measure();
  while (fit.epoch < settings.epochs) {
    fit.runEpoch();
    measure();
  }

  const file = tunedFile(bytes, dimensions, fit.tunedRows());
  const sha256 = await sha256Hex(file);
  const tuned: ModelManifest = {
    ...manifest,
    id: settings.tuned_model,
    version: '1',
    contractHash: await sha256Hex(JSON.stringify([manifest.contractHash, sha256])),
    file: { path: `${settings.tuned_model}/model.onnx`, bytes: file.length, sha256 },
    createdS: settings.created_s,
    ownedBy: settings.owner,
  };
  replace('model.onnx', file);
  replace('manifest.json', `${JSON.stringify({ models: [tuned] }, undefined, 2)}\n`);
  replace(METRICS_OUTPUT, `${[HEADER, ...metrics.map((row) => row.join(','))].join('\n')}\n`);
  console.log(`made ${pinnedName(tuned)} of ${pinnedName(manifest)}`);
}

const rounded = (value: number): number => Number(value.toFixed(6));

async function readBase(model: string) {
  const files = gatewayFiles(process.env['SLUICE_URL'] ?? '');
  const catalogue = await files.read(`${nameWithoutVersion(model)}/manifest.json`);
  const named = catalogue && findVersion(parseModelCatalogue(JSON.parse(new TextDecoder().decode(catalogue))), model);
  if (named?.runner !== 'static') throw new InvalidInput(`the gateway has no model ${model} that can be fine-tuned`);
  const bytes = await readModelFile(files, named);
  if (!bytes.ok) throw new Error(bytes.error.message);
  return { manifest: named, bytes: bytes.value };
}

function pairsIn(path: string, tokeniser: Tokeniser, tokensMax: number): TokenPair[] {
  const pairs: TokenPair[] = [];
  for (const [at, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (line.trim() === '') continue;
    const where = `${path}, line ${at + 1}`;
    const { anchor, positive } = pairIn(line, where);
    const pair = { anchor: Int32Array.from(tokeniser.tokenise(anchor).ids), positive: Int32Array.from(tokeniser.tokenise(positive).ids) };
    const longest = Math.max(pair.anchor.length, pair.positive.length);
    if (longest > tokensMax) throw new InvalidInput(`${where}: a text has ${longest} tokens; the model takes ${tokensMax}`);
    if (pairs.push(pair) > POOL_LIMITS.tuningPairsMaxCount)
      throw new InvalidInput(`${path} has more pairs than tuningPairsMaxCount (${POOL_LIMITS.tuningPairsMaxCount})`);
  }
  return pairs;
}

function pairIn(line: string, where: string) {
  try {
    return tuningPair.parse(JSON.parse(line));
  } catch {
    throw new InvalidInput(`${where}: is not {"anchor": "text", "positive": "text"}`);
  }
}

/** What was measured before, if an attempt has saved; the fit goes on from there. A line of JSON, then the rows. */
function restore(fit: ContrastiveFit): MetricsRow[] {
  if (!existsSync(TUNING_FILES.checkpoint)) return [];
  const saved = readFileSync(TUNING_FILES.checkpoint);
  const end = saved.indexOf('\n');
  const { epoch, metrics } = JSON.parse(saved.subarray(0, end).toString()) as { epoch: number; metrics: MetricsRow[] };
  // Nothing aligns the numbers of the file.
  fit.resume(epoch, new Float64Array(new Uint8Array(saved.subarray(end + 1)).buffer));
  console.log(`goes on after epoch ${epoch}`);
  return metrics;
}

function save(fit: ContrastiveFit, metrics: readonly MetricsRow[]): void {
  const { buffer, byteOffset, byteLength } = fit.rows;
  const head = Buffer.from(`${JSON.stringify({ epoch: fit.epoch, metrics })}\n`);
  replace(TUNING_FILES.checkpoint, Buffer.concat([head, Buffer.from(buffer, byteOffset, byteLength)]));
}

/** Writes a file in one step. */
function replace(path: string, content: string | Uint8Array): void {
  writeFileSync(`${path}.next`, content);
  renameSync(`${path}.next`, path);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof InvalidInput)) throw error;
  console.error(error.message);
  process.exitCode = 65;
}
