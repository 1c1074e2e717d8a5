import type { WorkOnFile } from '../../../../src/debt/evidence/file-work.ts';
import { git } from '../repository/git.ts';
import type { FileHistory } from '../repository/file-commits.ts';
import { nameAt } from '../repository/file-commits.ts';
import { YEAR_S } from '../repository/line-times.ts';
import { analyse } from '../repository/read-sources.ts';
import { trackedFiles } from '../repository/tracked-files.ts';
import { languageOf } from '../source/languages.ts';
import type { Collection, FactWriter } from './collection.ts';
import { sourceOf } from './collection.ts';
import { isComplex } from './function-history.ts';

const YEARS = 2;
/** Of so many files, those that are changed most for how complex they are, the text of two years ago is read. */
const FILES_MAX = 60;

/** How far complex functions have grown in two years, by what the file of then says. */
export async function writeGrowth(
  writer: FactWriter,
  { repository, sources, blobs, progress }: Collection,
  { renames }: FileHistory,
  work: ReadonlyMap<string, WorkOnFile>,
): Promise<void> {
  const { root, commit, committedAtS } = repository;
  const beforeS = committedAtS - YEARS * YEAR_S;
  const before = (await git(root, 'rev-list', '-1', '--first-parent', `--before=${beforeS}`, commit)).trim();
  if (before === '') return;
  const blobOf = new Map((await trackedFiles({ ...repository, commit: before })).map(({ path, blob }) => [path, blob]));
  const heatOf = (path: string, all: readonly { readonly cognitive: number }[]): number =>
    (work.get(path)?.commits ?? 0) * all.reduce((sum, { cognitive }) => sum + cognitive, 0);
  const files = sources.productFiles
    .filter(({ path, functions }) => work.has(path) && functions.some(isComplex))
    .toSorted((a, b) => heatOf(b.path, b.functions) - heatOf(a.path, a.functions))
    .slice(0, FILES_MAX);
  for (const [i, file] of files.entries()) {
    progress.show('reading earlier texts', i + 1, files.length);
    const path = nameAt(file.path, beforeS, renames);
    const [blob, language] = [blobOf.get(path), languageOf(path)];
    if (blob === undefined || blob === file.blob || language === undefined) continue;
    const earlier = await analyse(blobs, { path, blob, language });
    if (earlier === undefined || typeof earlier === 'string') continue;
    const was = new Map(earlier.functions.map((one) => [one.name, one]));
    for (const { name, line, lastLine, cognitive } of file.functions.filter(isComplex)) {
      const one = was.get(name);
      if (one === undefined) continue;
      const [lines, linesBefore] = [lastLine - line + 1, one.lastLine - one.line + 1];
      const detail = { line, lines, lines_before: linesBefore, complexity: cognitive, complexity_before: one.cognitive, commit: before };
      writer.write('function-growth', file.path, lines - linesBefore, sourceOf(file), { symbol: name, detail });
    }
  }
}
