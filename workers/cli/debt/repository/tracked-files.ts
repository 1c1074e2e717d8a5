import { matchesGlob } from 'node:path';
import type { Unread } from '../source/analyse-apart.ts';
import type { Language } from '../source/languages.ts';
import { languageOf } from '../source/languages.ts';
import { gitRecords } from './git.ts';
import type { Repository } from './repository.ts';

export interface TrackedFile {
  readonly path: string;
  readonly blob: string;
  readonly bytes: number;
}

export interface SourceFile extends TrackedFile {
  readonly language: Language;
}

/** Why a file is left out. */
export type LeftOut = 'vendored' | 'generated' | 'ignored' | 'too large' | 'no source code' | 'not in this clone' | Unread;

const VENDORED = /(^|\/)(node_modules|_?vendor(ed)?|third[-_]?party|bower_components|site-packages|\.yarn|external|extern)\//;
const GENERATED =
  /(^|\/)([\w-]*\bdist|build|out|coverage|\.next|__generated__|generated)\/|\.(min|bundle|generated|gen|pb)\.\w+$|_pb2(_grpc)?\.py$|\.d\.ts$|\.snap$/;
/** A file of source code that people read is smaller. */
const BYTES_MAX = 1024 * 1024;

export async function trackedFiles({ root, commit }: Repository): Promise<TrackedFile[]> {
  const files: TrackedFile[] = [];
  for await (const record of gitRecords(root, ['ls-tree', '-r', '-l', '-z', '--full-tree', commit])) {
    const [, kind, blob = '', bytes, path = ''] = /^\d+ (\w+) (\w+) +(\S+)\t(.*)$/s.exec(record) ?? [];
    // Of what a partial clone lacks git knows no size.
    if (kind === 'blob') files.push({ path, blob, bytes: Number(bytes) || 0 });
  }
  return files;
}

/** Files of source code, and why others are none. */
export function sortOut(
  files: readonly TrackedFile[],
  ignore: readonly string[],
): { sources: SourceFile[]; leftOut: Map<LeftOut, number> } {
  const sources: SourceFile[] = [];
  const leftOut = new Map<LeftOut, number>();
  for (const file of files) {
    const language = languageOf(file.path);
    const reason = reasonOf(file, language, ignore);
    if (reason === undefined && language !== undefined) sources.push({ ...file, language });
    else if (reason !== undefined) leftOut.set(reason, (leftOut.get(reason) ?? 0) + 1);
  }
  return { sources, leftOut };
}

function reasonOf({ path, bytes }: TrackedFile, language: Language | undefined, ignore: readonly string[]): LeftOut | undefined {
  if (language === undefined) return 'no source code';
  if (VENDORED.test(path)) return 'vendored';
  if (ignore.some((pattern) => matchesGlob(path, pattern))) return 'ignored';
  if (GENERATED.test(path)) return 'generated';
  return bytes > BYTES_MAX ? 'too large' : undefined;
}
