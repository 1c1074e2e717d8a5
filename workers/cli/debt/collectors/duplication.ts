import type { Clone } from '../../../../src/debt/evidence/clones.ts';
import { isAsyncMirror } from '../../../../src/debt/evidence/async-mirror.ts';
import { familiesOf } from '../../../../src/debt/evidence/clone-families.ts';
import { clonesIn } from '../../../../src/debt/evidence/clones.ts';
import { PackageFolders } from '../../../../src/debt/evidence/package-folders.ts';
import type { ReadSource } from '../repository/read-sources.ts';
import type { LineRange } from '../repository/line-times.ts';
import { isForOldCallers } from '../source/languages.ts';
import { isForSpeed } from '../source/analysed-source.ts';
import type { Collection, Collector } from './collection.ts';
import { FactWriter, sourceOf, treeOf } from './collection.ts';

/** Of the longest clones git is asked which commits changed both places. */
const READ_HISTORIES_MAX = 100;

/** The same code in two places, tests and examples left out: they repeat themselves so that each can be read alone. */
export const duplication: Collector = async (collection) => {
  const writer = new FactWriter(collection);
  const files = collection.sources.productFiles;
  const byPath = new Map(files.map((file) => [file.path, file]));
  const packages = new PackageFolders(collection.sources.tracked.map(({ path }) => path));
  const clones = clonesIn(files).toSorted((a, b) => b.lines - a.lines);
  const familyOf = new Map(familiesOf(clones).map((family) => [family.longest, family]));
  const read = new Set([...familyOf.keys()].slice(0, READ_HISTORIES_MAX));
  const write = async (clone: Clone): Promise<void> => {
    const [file, other] = [byPath.get(clone.path), byPath.get(clone.other)];
    if (file === undefined || other === undefined) return;
    const { lines, tokens, line, otherLine, runs } = clone;
    const family = familyOf.get(clone);
    const isRead = family !== undefined && read.has(clone);
    const detail = {
      tokens,
      line,
      other_line: otherLine,
      runs,
      // Another clone stands for the family of this one.
      copies: family?.copies ?? 0,
      kept_apart: isKeptApart(file) || isKeptApart(other),
      mirror: isAsyncMirror(placeOf(file, line), placeOf(other, otherLine)),
      two_packages: packages.of(clone.path) !== packages.of(clone.other),
      for_speed: isForSpeed(file, line, clone.lastLine) || isForSpeed(other, otherLine, clone.otherLastLine),
      commits_to_both: isRead ? await commitsToBoth(collection, clone, file, other) : 0,
    };
    writer.write('clone', clone.path, lines, sourceOf(file), { symbol: clone.other, detail });
  };
  await collection.progress.inPairs('reading changes of copies', clones, write);
  writer.census('duplication', files.length, treeOf(collection), { clones: clones.length });
  return writer.facts;
};

const isKeptApart = ({ path, isDeprecated }: ReadSource): boolean => isDeprecated || isForOldCallers(path);

const placeOf = ({ path, classes }: ReadSource, line: number) => ({
  path,
  className: classes.findLast((one) => one.line <= line && line <= one.lastLine)?.name ?? '',
});

/** How many commits of two years changed both places: work that was done twice. */
async function commitsToBoth({ rangeCommits }: Collection, clone: Clone, file: ReadSource, other: ReadSource): Promise<number> {
  const of = async (source: ReadSource, range: LineRange) => (await rangeCommits.ofTwoYears(source, range)).map(({ commit }) => commit);
  const first = await of(file, [clone.line, clone.lastLine]);
  if (first.length === 0) return 0;
  const second = new Set(await of(other, [clone.otherLine, clone.otherLastLine]));
  return first.filter((commit) => second.has(commit)).length;
}
