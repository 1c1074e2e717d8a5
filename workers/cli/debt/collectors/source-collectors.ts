import { clonesIn } from '../../../../src/debt/evidence/clones.ts';
import { quantileOf } from '../../../../src/debt/spread.ts';
import type { MeasuredFunction } from '../source/analysed-source.ts';
import type { ReadSource } from '../repository/read-sources.ts';
import type { Collection, Collector } from './collection.ts';
import { FactWriter, sourceOf, treeOf } from './collection.ts';

/** Functions beyond this are facts of their own: rules look at no others. */
const COMPLEXITY_MIN = 15;
const YEAR_S = 365 * 86_400;
/** At once: git uses a core each. */
const PARALLEL = 2;

const isComplex = ({ cognitive }: MeasuredFunction): boolean => cognitive > COMPLEXITY_MIN;

/** Lines, churn, complexity, and what a change takes. */
export const hotspots: Collector = async (collection) => {
  const { sources, history, repository } = collection;
  const writer = new FactWriter(collection);
  const log = { file: `git log ${repository.commit}`, sha256: history.sha256 };
  for (const source of sources.files) {
    if (source.isBeside) continue;
    const evidence = sourceOf(source);
    writer.write('code-lines', source.path, source.lines, evidence, { detail: { language: source.language } });
    writer.write('code-churn', source.path, history.churn[source.path] ?? 0, log);
    const complexity = source.functions.reduce((sum, { cognitive }) => sum + cognitive, 0);
    writer.write('code-complexity', source.path, complexity, evidence);
    for (const { name, line, cognitive } of source.functions.filter(isComplex)) {
      writer.write('code-complexity', source.path, cognitive, evidence, { symbol: name, detail: { line } });
    }
  }
  await writeFunctionChanges(writer, collection);
  const gaps = [...history.gapsMinutes].sort((a, b) => a - b);
  if (gaps.length > 0) {
    const detail = { commits: history.commitCount, gaps: gaps.length, p10: quantileOf(gaps, 0.1), p90: quantileOf(gaps, 0.9) };
    writer.write('change-time', '.', quantileOf(gaps, 0.5), log, { detail });
  }
  writer.census('hotspots', sources.files.length, treeOf(collection), {
    ...Object.fromEntries([...sources.leftOut].map(([reason, count]) => [`left out: ${reason}`, count])),
    commits: history.commitCount,
    history_days: Math.max(0, (repository.committedAtS - history.firstS) / 86_400),
    'history is shallow': repository.isShallow,
  });
  return writer.facts;
};

/** How often complex functions changed: the churn of a file says little of one function in it. */
async function writeFunctionChanges(writer: FactWriter, { sources, repository, lineTimes, progress }: Collection): Promise<void> {
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
  for (let at = 0; at < complex.length; at += PARALLEL) {
    await Promise.all(complex.slice(at, at + PARALLEL).map(write));
    progress.show('dating functions', Math.min(at + PARALLEL, complex.length), complex.length);
  }
}

/** The same code in two places, tests and examples left out: they repeat themselves so that each can be read alone. */
export const duplication: Collector = (collection) => {
  const writer = new FactWriter(collection);
  const files = collection.sources.files.filter(({ isBeside }) => !isBeside);
  const byPath = new Map(files.map((file) => [file.path, file]));
  const clones = clonesIn(files);
  for (const { path, other, lines, tokens, line, otherLine, runs } of clones) {
    const file = byPath.get(path);
    if (file === undefined) continue;
    writer.write('clone', path, lines, sourceOf(file), { symbol: other, detail: { tokens, line, other_line: otherLine, runs } });
  }
  writer.census('duplication', files.length, treeOf(collection), { clones: clones.length });
  return writer.facts;
};

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
