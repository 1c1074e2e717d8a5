import { randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';

import type { Language } from '../../../src/contract/indexes/analysis.ts';
import { LANGUAGES } from '../../../src/contract/indexes/analysis.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import { readRetrieval } from '../../builds/gate-texts.ts';
import type { MeasuredRetrieval } from '../../builds/measure-retrieval.ts';
import { measureRetrieval, qualityOf } from '../../builds/measure-retrieval.ts';
import { readModelFolder } from '../../builds/model-folder.ts';
import { textEmbedder } from '../../builds/text-embedder.ts';
import { command, UsageError, whole } from '../command/command.ts';
import type { GatewayClient } from '../gateway/gateway-client.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { print, shown } from '../gateway/gateway-command.ts';
import type { GateFiles } from './gate.ts';
import { verdictText, withGateFiles } from './gate.ts';
import { isHubReference } from './hub/hub-reference.ts';
import { hubSource } from './hub/hub-source.ts';
import { gateAgainst } from './local-gate.ts';
import type { ModelSource } from './hub/model-source.ts';
import { folderSource, readSpec } from './hub/model-source.ts';
import type { VersionView, Whose } from './model-view.ts';
import { checksText, modelClient, modelPath, whose } from './model-view.ts';
import { TransferProgress } from './hub/transfer-progress.ts';

interface AddOptions extends Shown, Whose, GateFiles {
  readonly name?: string;
  readonly spec?: string;
  readonly variant?: string;
  readonly tenant?: string;
  readonly compatibleWith?: number;
  readonly licence?: string;
  readonly against?: string;
  readonly language: Language;
  readonly promote: boolean;
}

/** `sluice models add DIR|hf:ORG/NAME`. */
export const addModel = (): Command =>
  withGateFiles(shown(whose(command('add', 'Registers the files of a model as its next version, and says whether it passed its checks.'))))
    .argument('<source>', "a folder in Hugging Face's layout, or a model of its hub: hf:ORG/NAME, hf:ORG/NAME@REVISION")
    .option('--name <name>', 'of the model (default: of the folder, or of the model on the hub)')
    .option('--variant <v>', 'the graph to serve, such as int8 or fp32, or its path (default on the hub: quantized, if there is one)')
    .option(
      '--spec <file>',
      'what the files do not say of the model, in the fields of POST /v1/models: JSON (default: sluice.json of the folder, if there is one)',
    )
    .option(
      '--compatible-with <n>',
      'the version whose vectors it reproduces, such as the one it was quantised from',
      whole(1, 999_999_999),
    )
    .option('--licence <l>', 'such as apache-2.0 (default: what the hub says)')
    .option('--against <version>', 'of a folder: judges it by this registered version, such as minilm@1; the verdict is stored with it')
    .addOption(
      new Option('--language <l>', 'of the texts of --retrieval, by which a model is measured beside BM25 where indexes take its vectors')
        .choices(LANGUAGES)
        .default('english'),
    )
    .option('--no-promote', 'leaves the first version of a name registered alone; it serves otherwise, if it passed its checks')
    .option('--tenant <id>', 'with --platform: the tenant whose key is in use, which uploads the files')
    .action(add);

async function add(from: string, options: AddOptions): Promise<void> {
  const { spec: specPath, variant, compatibleWith, licence, tenant, json } = options;
  const spec = specPath === undefined ? {} : await readSpec(specPath);
  if (spec === undefined) throw new UsageError(`--spec: there is no ${specPath}`);
  // Both keys are there before anything is downloaded. Files are those of a tenant, also of a model of the platform.
  const [uploader, client] = [await modelClient({}), await modelClient(options)];
  const judged = await judgedFields(client, from, options);
  const progress = new TransferProgress();
  const source = isHubReference(from) ? await hubSource(from, variant, progress) : await folderSource(from, variant);
  if (source.files.length > MODEL_LIMITS.modelFilesMaxCount)
    throw new UsageError(
      `${from} has ${source.files.length} files; a model has at most ${MODEL_LIMITS.modelFilesMaxCount}: leave out those that it does not need`,
    );
  const uploads: { path: string; file: string }[] = [];
  try {
    await uploadAll(uploader, source, progress, uploads);
    const body = {
      name: source.name,
      ...source.stated,
      ...spec,
      ...(options.name === undefined ? {} : { name: options.name }),
      files: uploads,
      ...(licence === undefined ? {} : { licence }),
      ...(compatibleWith === undefined ? {} : { compatible_with: compatibleWith }),
      ...(tenant === undefined ? {} : { tenant }),
      ...judged,
    };
    const made = await client.call<VersionView>('POST', '/v1/models', body, { 'idempotency-key': randomUUID() });
    const shownVersion = (await firstServes(client, made, options)) ?? made;
    if (json === true) print(shownVersion);
    else console.log(`${made.model}@${made.version}: ${checksText(made.checks)}${shownVersion === made ? '' : '; it serves'}`);
    if (made.checks?.passed !== true) process.exitCode = 1;
  } finally {
    // The registration has copied them, or was refused.
    await Promise.allSettled(uploads.map(({ file }) => uploader.call('DELETE', `/v1/files/${file}`)));
  }
}

/** The first version of a name takes nothing from any caller, so it serves at once; one that a gate judged waits for a decision. */
async function firstServes(
  client: GatewayClient,
  { model, version, checks }: VersionView,
  { promote, against }: AddOptions,
): Promise<VersionView | undefined> {
  if (!promote || against !== undefined || version !== 1 || checks?.passed !== true) return undefined;
  return client.call<VersionView>('POST', modelPath(model, '/promote'), { version });
}

/** What is known of a folder by judged texts, as fields of the registration. */
async function judgedFields(client: GatewayClient, from: string, options: AddOptions): Promise<object> {
  const gate = await verdictOn(client, from, options);
  const measured = await measuredOn(from, options);
  if (gate === undefined && measured === undefined) return {};
  return { ...gate, ...measured, evaluation: { ...gate?.evaluation, ...measured?.evaluation } };
}

/** What a gate says of a folder, as fields of the registration; a version that it refuses is registered, too, and does not serve alone. */
async function verdictOn(client: GatewayClient, from: string, { against, retrieval, sts, json }: AddOptions) {
  if (against === undefined) {
    if (sts !== undefined) throw new UsageError('--sts needs --against.');
    return undefined;
  }
  if (isHubReference(from)) throw new UsageError('--against judges a folder: download the model first.');
  const gate = await gateAgainst(client, from, {
    against,
    ...(retrieval === undefined ? {} : { retrieval }),
    ...(sts === undefined ? {} : { sts }),
  });
  if (json !== true) console.log(verdictText(gate));
  return { evaluation: { gate }, parents: [against] };
}

/** What a folder finds of judged texts beside BM25, as fields of the registration. [M214] */
async function measuredOn(from: string, { retrieval, language, json }: AddOptions) {
  if (retrieval === undefined) return undefined;
  if (isHubReference(from)) throw new UsageError('--retrieval measures a folder: download the model first.');
  const texts = await readRetrieval(retrieval);
  const embedder = await textEmbedder(await readModelFolder(from));
  try {
    const measured = await measureRetrieval(embedder, texts, language);
    const quality = qualityOf(measured);
    if (json !== true) console.log(measuredText(quality, measured));
    return { retrieval_quality: quality, evaluation: { retrieval: measured } };
  } finally {
    await embedder.close();
  }
}

const measuredText = (quality: number, { queries, documents, language, ndcgAt10, bm25NdcgAt10 }: MeasuredRetrieval): string =>
  `it finds ${quality} of what BM25 does: nDCG@10 ${ndcgAt10.toFixed(4)} and ${bm25NdcgAt10.toFixed(4)}, ` +
  `${queries} queries, ${documents} documents, ${language}`;

/** Notes each file as soon as it is stored. */
async function uploadAll(
  client: GatewayClient,
  source: ModelSource,
  progress: TransferProgress,
  uploads: { path: string; file: string }[],
): Promise<void> {
  for (const [at, { path, from }] of source.files.entries()) {
    const content = await openAsBlob(from);
    progress.begin('upload', at, source.files.length, path, content.size);
    const { id } = await client.upload<{ id: string }>('/v1/files', { purpose: 'model' }, content, basename(path));
    uploads.push({ path, file: id });
  }
  progress.end();
}
