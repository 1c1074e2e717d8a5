import { extname } from 'node:path';
import type { Area } from '../../../../src/debt/area.ts';
import { areaOf } from '../../../../src/debt/area.ts';
import type { Unread } from '../source/analyse-apart.ts';
import { analyseApart, analysedOf } from '../source/analyse-apart.ts';
import type { AnalysedSource } from '../source/analysed-source.ts';
import { mayCrashTheParser } from '../source/nesting.ts';
import { BlobReader } from './blob-reader.ts';
import type { Progress } from './progress.ts';
import type { Repository } from './repository.ts';
import { SourceCache } from './source-cache.ts';
import type { LeftOut, SourceFile, TrackedFile } from './tracked-files.ts';
import { sortOut, trackedFiles } from './tracked-files.ts';

/** A file of source code and what is known of it. */
export interface ReadSource extends AnalysedSource {
  readonly path: string;
  readonly blob: string;
  readonly language: string;
  /** It is beside the product: a test, benchmark, example or documentation. */
  readonly isBeside: boolean;
  readonly area: Area;
}

export interface Sources {
  readonly tracked: readonly TrackedFile[];
  readonly files: readonly ReadSource[];
  /** Those of the product: what is beside it is left out. */
  readonly productFiles: readonly ReadSource[];
  /** Files of source code, those that could not be read included. */
  readonly all: readonly SourceFile[];
  /** How many files were left out, by reason. */
  readonly leftOut: ReadonlyMap<LeftOut, number>;
  /** How many there are, with those that were left out for what they hold. */
  readonly sourceCount: number;
  /** How many of them were read now; the others were known. */
  readonly readCount: number;
}

/** The sources of a commit: those whose text is known are not read again. */
export async function readSources(repository: Repository, ignore: readonly string[], progress: Progress): Promise<Sources> {
  const tracked = await trackedFiles(repository);
  const { sources, leftOut } = sortOut(tracked, ignore);
  const cache = await SourceCache.open(repository.cache);
  const reader = new BlobReader(repository.root);
  const used = new Set<string>();
  const files: ReadSource[] = [];
  let readCount = 0;
  const leave = (reason: LeftOut): void => void leftOut.set(reason, (leftOut.get(reason) ?? 0) + 1);
  try {
    for (const [i, file] of sources.entries()) {
      const key = `${file.blob}${extname(file.path)}`;
      used.add(key);
      let analysed = cache.get(key);
      if (analysed === undefined) {
        analysed = await analyse(reader, file);
        // A later run may have it.
        if (analysed !== undefined) cache.set(key, analysed);
        readCount += 1;
      }
      progress.show('reading sources', i + 1, sources.length);
      if (analysed === undefined) leave('not in this clone');
      else if (typeof analysed === 'string') leave(analysed);
      else if (analysed.isGenerated) leave('generated');
      else {
        const area = areaOf(file.path);
        files.push({ ...analysed, path: file.path, blob: file.blob, language: file.language.name, isBeside: area !== 'product', area });
      }
    }
  } finally {
    reader.close();
  }
  await cache.save(used);
  const productFiles = files.filter((file) => !file.isBeside);
  return { tracked, all: sources, files, productFiles, leftOut, sourceCount: sources.length, readCount };
}

/** What a text of the repository says by itself; undefined: this clone does not have it. */
export async function analyse(
  reader: BlobReader,
  { path, blob, language }: Pick<SourceFile, 'path' | 'blob' | 'language'>,
): Promise<AnalysedSource | Unread | undefined> {
  const bytes = await reader.read(blob);
  if (bytes === undefined) return undefined;
  if (bytes.includes(0)) return 'does not parse';
  const source = bytes.toString('utf8');
  return language.parser === 'script' && mayCrashTheParser(source) ? analyseApart(path, source) : analysedOf(path, source, language);
}
