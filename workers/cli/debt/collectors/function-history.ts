import { workOf } from '../../../../src/debt/evidence/repairs.ts';
import type { MeasuredFunction } from '../source/analysed-source.ts';
import type { ReadSource } from '../repository/read-sources.ts';
import type { Collection, FactWriter } from './collection.ts';
import { sourceOf } from './collection.ts';

/** Functions beyond this are facts of their own: rules look at no others. */
const COMPLEXITY_MIN = 15;
/** Of functions beyond this git is asked for every commit, which takes it a third of a second; the most complex ones first. */
const COMPLEXITY_OF_READ_HISTORY = 25;
const READ_HISTORIES_MAX = 200;
const YEAR_S = 365 * 86_400;
/** At once: git uses a core each. */
const PARALLEL = 2;

export const isComplex = ({ cognitive }: MeasuredFunction): boolean => cognitive > COMPLEXITY_MIN;

/** How often complex functions changed: the churn of a file says little of one function in it. */
export async function writeFunctionChanges(writer: FactWriter, collection: Collection): Promise<void> {
  const { sources, repository, lineTimes, progress } = collection;
  const complex = sources.files.filter(({ isBeside, functions }) => !isBeside && functions.some(isComplex));
  const write = async (file: ReadSource): Promise<void> => {
    const functions = file.functions.filter(isComplex);
    const ranges = functions.map(({ line, lastLine }) => [line, lastLine] as const);
    const counts = await lineTimes.commitsSince(repository.committedAtS - YEAR_S, file.path, file.blob, ranges);
    functions.forEach(({ name, line, lastLine }, i) => {
      const more = { symbol: name, detail: { line, last_line: lastLine } };
      writer.write('function-changes', file.path, counts[i] ?? 0, sourceOf(file), more);
    });
  };
  await inPairs(complex, write, (done) => progress.show('dating functions', done, complex.length));
}

/** How often the most complex functions had to be repaired in two years: the evidence that their complexity costs something. */
export async function writeFunctionFixes(writer: FactWriter, collection: Collection): Promise<void> {
  const { sources, repository, rangeCommits, progress } = collection;
  const functions = sources.files
    .filter(({ isBeside }) => !isBeside)
    .flatMap((file) => file.functions.filter(({ cognitive }) => cognitive > COMPLEXITY_OF_READ_HISTORY).map((one) => ({ file, one })))
    .sort((a, b) => b.one.cognitive - a.one.cognitive)
    .slice(0, READ_HISTORIES_MAX);
  const write = async ({ file, one: { name, line, lastLine } }: (typeof functions)[number]): Promise<void> => {
    const commits = await rangeCommits.since(repository.committedAtS - 2 * YEAR_S, file.path, file.blob, [line, lastLine]);
    const work = workOf(commits);
    const detail = { line, last_line: lastLine, commits: work.commits };
    writer.write('function-fixes', file.path, work.repairs, sourceOf(file), { symbol: name, detail });
  };
  await inPairs(functions, write, (done) => progress.show('reading changes of functions', done, functions.length));
}

export async function inPairs<One>(all: readonly One[], work: (one: One) => Promise<void>, onDone: (count: number) => void): Promise<void> {
  for (let at = 0; at < all.length; at += PARALLEL) {
    await Promise.all(all.slice(at, at + PARALLEL).map(work));
    onDone(Math.min(at + PARALLEL, all.length));
  }
}
