import type { Clone } from '../../../../src/debt/evidence/clones.ts';
import { isAsyncMirror } from '../../../../src/debt/evidence/async-mirror.ts';
import { familiesOf } from '../../../../src/debt/evidence/clone-families.ts';
import { clonesIn } from '../../../../src/debt/evidence/clones.ts';
import { PackageFolders } from '../../../../src/debt/evidence/package-folders.ts';
import { workOnCopies } from '../../../../src/debt/evidence/repairs.ts';
import type { ReadSource } from '../repository/read-sources.ts';
import { isForOldCallers, isToolSettings, languageOf, versionOf } from '../source/languages.ts';
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
    const isRead = family !== undefined && read.has(clone) && !collection.repository.lacksTexts;
    const detail = {
      tokens,
      line,
      other_line: otherLine,
      runs,
      // Another clone stands for the family of this one.
      copies: family?.copies ?? 0,
      kept_apart: isKeptApart(file) || isKeptApart(other) || versionOf(file.path) !== versionOf(other.path),
      settings: isToolSettings(file.path) && isToolSettings(other.path),
      // Without a parser, types and parameters look like code.
      by_lines: languageOf(file.path)?.parser === undefined,
      mirror: isAsyncMirror(placeOf(file, line), placeOf(other, otherLine)),
      in_classes: isInClasses(placeOf(file, line), placeOf(other, otherLine)),
      two_packages: packages.of(clone.path) !== packages.of(clone.other),
      for_speed: isForSpeed(file, line, clone.lastLine) || isForSpeed(other, otherLine, clone.otherLastLine),
      ...(isRead ? await workOn(collection, clone, file, other) : { unread: true }),
    };
    writer.write('clone', clone.path, lines, sourceOf(file), { symbol: clone.other, detail });
  };
  await collection.progress.inPairs('reading changes of copies', clones, write);
  writer.census('duplication', files.length, treeOf(collection), { clones: clones.length });
  return writer.facts;
};

const isKeptApart = ({ path, isDeprecated }: ReadSource): boolean => isDeprecated || isForOldCallers(path);

interface Place {
  readonly path: string;
  readonly className: string;
}

const placeOf = ({ path, classes }: ReadSource, line: number): Place => ({
  path,
  className: classes.findLast((one) => one.line <= line && line <= one.lastLine)?.name ?? '',
});

/** Methods of two classes. */
const isInClasses = (one: Place, other: Place): boolean =>
  one.className !== '' && other.className !== '' && (one.className !== other.className || one.path !== other.path);

/** How many commits of two years changed the places. */
async function workOn({ rangeCommits }: Collection, clone: Clone, file: ReadSource, other: ReadSource) {
  const commits = await rangeCommits.ofTwoYears(file, [clone.line, clone.lastLine]);
  const { both, either } = workOnCopies(commits, await rangeCommits.ofTwoYears(other, [clone.otherLine, clone.otherLastLine]));
  return { commits_to_both: both, commits_to_either: either };
}
