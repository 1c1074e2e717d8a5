import { randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import type { Command } from 'commander';

import { LIMITS } from '../../../src/contract/limits.ts';
import { command, UsageError, whole } from '../command.ts';
import type { GatewayClient } from '../gateway/gateway-client.ts';
import type { Shown } from '../jobs/job-command.ts';
import { print, shown } from '../jobs/job-command.ts';
import type { VersionView, Whose } from './model-view.ts';
import { checksText, modelClient, whose } from './model-view.ts';

interface AddOptions extends Shown, Whose {
  readonly name?: string;
  readonly spec?: string;
  readonly tenant?: string;
  readonly compatibleWith?: number;
  readonly licence?: string;
}

/** What a folder may contain of which no model is made. */
const IGNORED = /(?:^|\/)(?:\.|__pycache__|node_modules)/;

/** `sluice models add DIR`. */
export const addModel = (): Command =>
  shown(whose(command('add', 'Registers the files of a folder as the next version of a model, and says whether it passed its checks.')))
    .argument('<dir>', "a folder in Hugging Face's layout")
    .option('--name <name>', 'of the model (default: of the folder)')
    .option(
      '--spec <file>',
      'what the files do not say of the model, in the fields of POST /v1/models: JSON (default: sluice.json of the folder, if there is one)',
    )
    .option(
      '--compatible-with <n>',
      'the version whose vectors it reproduces, such as the one it was quantised from',
      whole(1, 999_999_999),
    )
    .option('--licence <l>', 'such as apache-2.0')
    .option('--tenant <id>', 'with --platform: the tenant whose key is in use, which uploads the files')
    .action(add);

async function add(dir: string, options: AddOptions): Promise<void> {
  const folder = resolve(dir);
  const paths = await filesOf(folder);
  const spec = await specOf(folder, options.spec);
  // Files are those of a tenant, also of a model of the platform.
  const uploader = await modelClient({});
  const files: { path: string; file: string }[] = [];
  for (const [at, path] of paths.entries()) {
    progress(at, paths.length, path);
    files.push({ path, file: await upload(uploader, join(folder, path)) });
  }
  if (process.stderr.isTTY) process.stderr.write('\n');
  const { name = basename(folder), compatibleWith, licence, tenant, json } = options;
  const body = {
    ...spec,
    name,
    files,
    ...(licence === undefined ? {} : { licence }),
    ...(compatibleWith === undefined ? {} : { compatible_with: compatibleWith }),
    ...(tenant === undefined ? {} : { tenant }),
  };
  const client = await modelClient(options);
  const made = await client.call<VersionView>('POST', '/v1/models', body, { 'idempotency-key': randomUUID() });
  await Promise.all(files.map(({ file }) => uploader.call('DELETE', `/v1/files/${file}`)));
  if (json === true) print(made);
  else console.log(`${made.model}@${made.version}: ${checksText(made.checks)}`);
  if (made.checks?.passed !== true) process.exitCode = 1;
}

/** Relative paths, in their order. */
async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: Error) => {
    throw new UsageError(`${folder}: ${error.message}`);
  });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !IGNORED.test(path) && path !== 'sluice.json')
    .toSorted();
  if (!paths.some((path) => path.endsWith('.onnx'))) throw new UsageError(`${folder} has no ONNX file`);
  if (paths.length > LIMITS.modelFilesMaxCount)
    throw new UsageError(
      `${folder} has ${paths.length} files; a model has at most ${LIMITS.modelFilesMaxCount}: leave out those that it does not need`,
    );
  return paths;
}

/** What is stated of the model besides what the gateway reads from its files. */
async function specOf(folder: string, given: string | undefined): Promise<Record<string, unknown>> {
  const text = await readFile(given ?? join(folder, 'sluice.json'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (given === undefined && error.code === 'ENOENT') return '{}';
    throw new UsageError(`--spec: ${error.message}`);
  });
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new UsageError(`${given ?? 'sluice.json'} is not a JSON object`);
  }
}

/** The id of the file once it is stored. */
async function upload(client: GatewayClient, path: string): Promise<string> {
  const { id } = await client.upload<{ id: string }>('/v1/files', { purpose: 'model' }, await openAsBlob(path), basename(path));
  return id;
}

function progress(at: number, count: number, path: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${at + 1}/${count} ${path}`);
}
