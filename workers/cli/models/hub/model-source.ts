import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';

import { UsageError } from '../../command/command.ts';
import { chooseFiles } from './choose-files.ts';

/** Files of a model on this machine, and what is known of it besides. */
export interface ModelSource {
  readonly name: string;
  readonly files: readonly { readonly path: string; readonly from: string }[];
  /** Fields of `POST /v1/models`. */
  readonly stated: Readonly<Record<string, unknown>>;
}

/** What a folder may contain of which no model is made. */
const IGNORED = /(?:^|\/)(?:\.|__pycache__|node_modules)/;

/** A folder, of which all files are taken or, with a variant, those that it needs. */
export async function folderSource(dir: string, variant: string | undefined): Promise<ModelSource> {
  const folder = resolve(dir);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: Error) => {
    throw new UsageError(`${folder}: ${error.message}`);
  });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !IGNORED.test(path) && path !== 'sluice.json')
    .toSorted();
  if (!paths.some((path) => path.endsWith('.onnx')))
    throw new UsageError(
      paths.includes('model.safetensors')
        ? `${folder} has weights and no ONNX file: \`sluice models quantize ${dir} --out DIR\` makes one of them`
        : `${folder} has no ONNX file`,
    );
  return {
    name: basename(folder),
    files: (variant === undefined ? paths : chooseFiles(paths, variant)).map((path) => ({ path, from: join(folder, path) })),
    stated: (await readSpec(join(folder, 'sluice.json'))) ?? {},
  };
}

/** The object in a file of `--spec`; undefined: there is no such file. */
export async function readSpec(path: string): Promise<Record<string, unknown> | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new UsageError(`${path}: ${error.message}`);
  });
  if (text === undefined) return undefined;
  try {
    const spec: unknown = JSON.parse(text);
    if (typeof spec === 'object' && spec !== null && !Array.isArray(spec)) return spec as Record<string, unknown>;
  } catch {
    // Answered as below.
  }
  throw new UsageError(`${path} is not a JSON object`);
}
