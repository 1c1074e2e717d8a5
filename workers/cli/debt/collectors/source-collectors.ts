import { changeTimeOf } from '../../../../src/debt/evidence/change-time.ts';
import { isForSpeed } from '../source/analysed-source.ts';
import type { Collection, Collector } from './collection.ts';
import { FactWriter, logOf, sourceOf, treeOf } from './collection.ts';
import { isComplex, writeFunctionChanges, writeFunctionFixes } from './function-history.ts';

/** Lines, churn, complexity, and what a change takes. */
export const hotspots: Collector = async (collection) => {
  const { sources, history, repository } = collection;
  const writer = new FactWriter(collection);
  const log = logOf(collection);
  for (const source of sources.productFiles) {
    const evidence = sourceOf(source);
    writer.write('code-lines', source.path, source.lines, evidence, { detail: { language: source.language } });
    writer.write('code-churn', source.path, history.churn[source.path] ?? 0, log);
    const complexity = source.functions.reduce((sum, { cognitive }) => sum + cognitive, 0);
    writer.write('code-complexity', source.path, complexity, evidence);
    for (const { name, line, lastLine, cognitive, nested, depth } of source.functions.filter(isComplex)) {
      const detail = { line, last_line: lastLine, nested, depth, for_speed: isForSpeed(source, line, lastLine) };
      writer.write('code-complexity', source.path, cognitive, evidence, { symbol: name, detail });
    }
  }
  await writeFunctionChanges(writer, collection);
  await writeFunctionFixes(writer, collection);
  writeChangeTime(writer, collection);
  writer.census('hotspots', sources.files.length, treeOf(collection), {
    ...Object.fromEntries([...sources.leftOut].map(([reason, count]) => [`left out: ${reason}`, count])),
    commits: history.commitCount,
    history_days: Math.max(0, (repository.committedAtS - history.firstS) / 86_400),
    'history is shallow': repository.isShallow,
    ...(repository.lacksTexts ? { 'earlier texts are missing': true } : {}),
  });
  return writer.facts;
};

/** What a change takes, with what that was read from. [D105] [D106] */
function writeChangeTime(writer: FactWriter, collection: Collection): void {
  const { minutes, commits, authors, days, daysUnderWay, branches, branchHours, leftOut } = changeTimeOf(collection.history.timed);
  if (commits === 0) return;
  const detail = {
    p10: minutes.p10,
    p90: minutes.p90,
    commits,
    authors,
    days,
    days_under_way: daysUnderWay,
    branches,
    branch_hours: branchHours,
    ...Object.fromEntries(Object.entries(leftOut).map(([reason, count]) => [`left out: ${reason}`, count])),
  };
  writer.write('change-time', '.', minutes.p50, logOf(collection), { detail });
}

/** Where type checkers are switched off. Unknown in a repository without a language that has one. */
export const types: Collector = (collection) => {
  const writer = new FactWriter(collection);
  const typed = collection.sources.files.filter(({ language }) => language === 'TypeScript' || language === 'Python');
  if (typed.length === 0) return [];
  for (const source of typed) {
    if (source.isBeside) continue;
    for (const [hole, count] of Object.entries(source.typeHoles))
      writer.write('type-hole', source.path, count, sourceOf(source), { symbol: hole });
  }
  writer.census('types', typed.length, treeOf(collection));
  return writer.facts;
};
