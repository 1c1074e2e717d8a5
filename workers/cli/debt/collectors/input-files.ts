import { glob, readFile, stat } from 'node:fs/promises';
import { isAbsolute, join, matchesGlob, normalize } from 'node:path';
import type { z } from 'zod';

import { Failure } from '../../command/command.ts';
import { checkedBy, jsonIn } from '../../command/json-file.ts';
import type { BlobReader } from '../repository/blob-reader.ts';
import type { Collection, Source } from './collection.ts';
import { sha256Of } from './collection.ts';

/** A file of evidence. */
export interface InputFile extends Source {
  readonly text: string;
  /** When it was written, in seconds: of a committed file, when the commit was made. */
  readonly writtenAtS: number;
}

const BYTES_MAX = 256 * 1024 * 1024;
const PATTERNS_OF_THE_REPOSITORY_ONLY = 'a path in debt.json has to lie in the repository';

/** The files of patterns: those of the commit, and those beside it in the work tree, such as coverage, that are not tracked. */
export async function inputFiles({ repository, sources, blobs }: Collection, patterns: readonly string[]): Promise<InputFile[]> {
  const files: InputFile[] = [];
  for (const pattern of patterns) {
    if (isAbsolute(pattern) || normalize(pattern).startsWith('..')) throw new Failure(`${pattern}: ${PATTERNS_OF_THE_REPOSITORY_ONLY}`);
    const committed = sources.tracked.filter(({ path }) => path === pattern || matchesGlob(path, pattern));
    for (const { path, blob } of committed) {
      const text = await textOf(blobs, blob);
      // What the clone lacks leaves its signal unknown, as a missing file does.
      if (text === undefined) continue;
      files.push({ file: path, text, sha256: sha256Of(text), writtenAtS: repository.committedAtS });
    }
    if (repository.isBare) continue;
    const tracked = new Set(committed.map(({ path }) => path));
    for await (const path of glob(pattern, { cwd: repository.root, exclude: ['**/node_modules', '.git'] })) {
      const file = join(repository.root, path);
      const about = await stat(file);
      if (tracked.has(path) || !about.isFile()) continue;
      if (about.size > BYTES_MAX) throw new Failure(`${path} has ${about.size} bytes; a file of evidence may have ${BYTES_MAX}`);
      const text = await readFile(file, 'utf8');
      files.push({ file: path, text, sha256: sha256Of(text), writtenAtS: Math.floor(about.mtimeMs / 1000) });
    }
  }
  return files.sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** The text of a file of the commit; undefined if there is none, or the clone lacks it. */
export const committedText = async (collection: Collection, path: string): Promise<string | undefined> =>
  (await committedBytes(collection, path))?.toString('utf8');

/** The bytes of a file of the commit; undefined if there is none, or the clone lacks it. */
export async function committedBytes({ sources, blobs }: Collection, path: string): Promise<Buffer | undefined> {
  const blob = sources.tracked.find((file) => file.path === path)?.blob;
  return blob === undefined ? undefined : blobs.read(blob);
}

const textOf = async (blobs: BlobReader, blob: string): Promise<string | undefined> => (await blobs.read(blob))?.toString('utf8');

/** The JSON of a file of evidence, by its schema. */
export const jsonOf = <Schema extends z.core.$ZodType>(input: InputFile, schema: Schema): z.output<Schema> =>
  checkedBy(schema, anyJsonOf(input), input.file);

export const anyJsonOf = ({ file, text }: Pick<InputFile, 'file' | 'text'>): unknown => jsonIn(text, file);
