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

export const isComplex = ({ cognitive }: MeasuredFunction): boolean => cognitive > COMPLEXITY_MIN;

/** How often complex functions changed: the churn of a file says little of one function in it. */
export async function writeFunctionChanges(writer: FactWriter, { repository, sources, lineTimes, progress }: Collection): Promise<void> {
  if (repository.lacksTexts) return;
  const complex = sources.productFiles.filter(({ functions }) => functions.some(isComplex));
  const write = async (file: ReadSource): Promise<void> => {
    const functions = file.functions.filter(isComplex);
    const ranges = functions.map(({ line, lastLine }) => [line, lastLine] as const);
    const counts = await lineTimes.commitsOfYear(file, ranges);
    functions.forEach(({ name, line, lastLine }, i) => {
      const more = { symbol: name, detail: { line, last_line: lastLine } };
      writer.write('function-changes', file.path, counts[i] ?? 0, sourceOf(file), more);
    });
  };
  await progress.inPairs('dating functions', complex, write);
}

/** How often the most complex functions had to be repaired in two years: the evidence that their complexity costs something. */
export async function writeFunctionFixes(writer: FactWriter, { repository, sources, rangeCommits, progress }: Collection): Promise<void> {
  if (repository.lacksTexts) return;
  const functions = sources.productFiles
    .flatMap((file) => file.functions.filter(({ cognitive }) => cognitive > COMPLEXITY_OF_READ_HISTORY).map((one) => ({ file, one })))
    .sort((a, b) => b.one.cognitive - a.one.cognitive)
    .slice(0, READ_HISTORIES_MAX);
  const write = async ({ file, one: { name, line, lastLine } }: (typeof functions)[number]): Promise<void> => {
    const work = workOf(await rangeCommits.ofTwoYears(file, [line, lastLine]));
    const detail = { line, last_line: lastLine, commits: work.commits };
    writer.write('function-fixes', file.path, work.repairs, sourceOf(file), { symbol: name, detail });
  };
  await progress.inPairs('reading changes of functions', functions, write);
}
