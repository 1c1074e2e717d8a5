import { basename, extname } from 'node:path/posix';
import { areaOf, isBeside } from '../../../../src/debt/area.ts';
import { commitsOf, coupledFiles, workOnFiles, yearsOf } from '../../../../src/debt/evidence/file-work.ts';
import type { WorkOnFile } from '../../../../src/debt/evidence/file-work.ts';
import { clonesIn } from '../../../../src/debt/evidence/clones.ts';
import { groupBy } from '../../../../src/kernel/grouped.ts';
import type { FileHistory } from '../repository/file-commits.ts';
import { fileCommits } from '../repository/file-commits.ts';
import type { ImportEdge } from '../repository/import-graph.ts';
import { ImportGraph } from '../repository/import-graph.ts';
import { languageOf } from '../source/languages.ts';
import type { ReadSource } from '../repository/read-sources.ts';
import { writeGrowth } from './function-growth.ts';
import type { Collection, Collector } from './collection.ts';
import { FactWriter, logOf, treeOf } from './collection.ts';

/** What three years did to each file, what changes together, and what is beside the product. */
export const fileWork: Collector = async (collection) => {
  const { sources, repository } = collection;
  const writer = new FactWriter(collection);
  const all = await fileCommits(repository);
  const years = yearsOf(all.commits, isProduct, repository.committedAtS);
  const history = { ...all, commits: commitsOf(all.commits, years, repository.committedAtS) };
  const work = workOnFiles(history.commits, (path) => areaOf(path) === 'tests');
  const { edges } = new ImportGraph(sources.files);
  writeWork(writer, collection, work, edges, years);
  writeCoupling(writer, collection, history, edges, years);
  writeBeside(writer, collection);
  await writeGrowth(writer, collection, history, work);
  return writer.facts;
};

const isProduct = (path: string): boolean => languageOf(path) !== undefined && !isBeside(path);

/** Of files of the product that changed; those whose text the clone lacks as well. */
function writeWork(
  writer: FactWriter,
  collection: Collection,
  work: ReadonlyMap<string, WorkOnFile>,
  edges: readonly ImportEdge[],
  years: number,
): void {
  const { sources } = collection;
  const log = logOf(collection);
  const read = new Set(sources.files.map(({ path }) => path));
  const tests = sources.all.map(({ path }) => path).filter((path) => areaOf(path) === 'tests');
  const testsOf = testsReaching(edges);
  const testNames = new Set(tests.map(testedName));
  for (const { path } of sources.all) {
    const of = work.get(path);
    if (of === undefined || isBeside(path)) continue;
    const detail = {
      years,
      repairs: of.repairs,
      authors: of.authors,
      with_tests: of.withTests,
      tests: tests.length,
      tests_importing: testsOf(path).size,
      has_named_test: testNames.has(testedName(path)),
      ...(read.has(path) ? {} : { unread: true }),
    };
    writer.write('file-work', path, of.commits, log, { detail });
  }
}

/** `__init__.py` and `index.ts` pass on what their package has. */
const PACKAGE_FILE = /(^|\/)(__init__\.py|(index|mod)\.[cm]?[jt]sx?)$/;

/** The test files that import a file, or the package file that does: so tests of a library reach most of it. */
function testsReaching(edges: readonly ImportEdge[]): (path: string) => ReadonlySet<string> {
  const importersOf = groupBy(edges, ({ to }) => to);
  const testsOf = (path: string): string[] => (importersOf.get(path) ?? []).flatMap(({ from }) => (areaOf(from) === 'tests' ? [from] : []));
  return (path) => {
    const passedOnBy = (importersOf.get(path) ?? []).filter(({ from }) => PACKAGE_FILE.test(from));
    return new Set([path, ...passedOnBy.map(({ from }) => from)].flatMap(testsOf));
  };
}

/** `test_map.py`, `map_test.py` and `map.spec.ts` are named after `map`. */
const testedName = (path: string): string =>
  basename(path, extname(path))
    .toLowerCase()
    .replace(/\.(test|spec|bench|test-d|e2e)$/, '')
    .replace(/^tests?[_-]|[_.-]tests?$/g, '');

/** Tables that are written anew together make pairs by the square. */
const PAIRS_MAX = 200;

/** Pairs of which one imports the other are left out: that they change together is what an import says. */
function writeCoupling(
  writer: FactWriter,
  collection: Collection,
  { commits }: FileHistory,
  edges: readonly ImportEdge[],
  years: number,
): void {
  const { sources } = collection;
  const log = logOf(collection);
  const files = sources.all.map(({ path }) => path).filter((path) => !isBeside(path));
  const linked = new Set(edges.flatMap(({ from, to }) => [`${from}\n${to}`, `${to}\n${from}`]));
  const read = new Set(sources.files.map(({ path }) => path));
  const importedBy = groupBy(edges, ({ to }) => to);
  const apart = coupledFiles(commits, new Set(files)).filter(({ file, other }) => !linked.has(`${file}\n${other}`));
  for (const { file, other, both, commits: of, expected } of apart.slice(0, PAIRS_MAX)) {
    const users = new Set(importedBy.get(file)?.map(({ from }) => from));
    const shared = importedBy.get(other)?.filter(({ from }) => users.has(from)).length ?? 0;
    const detail = {
      years,
      commits: of[0],
      other_commits: of[1],
      expected: Number(expected.toFixed(2)),
      imported_by_the_same: shared,
      ...(read.has(file) && read.has(other) ? {} : { unread: true }),
    };
    writer.write('changed-with', file, both, log, { symbol: other, detail });
  }
  writer.census('coupling', files.length, log, { commits: commits.length, pairs_left_out: Math.max(0, apart.length - PAIRS_MAX) });
}

/** Tests, examples, documentation and tooling: how much of it there is, and how much of the examples repeats others. */
function writeBeside(writer: FactWriter, collection: Collection): void {
  const { sources } = collection;
  const beside = groupBy(
    sources.files.filter((file) => file.isBeside),
    ({ area }) => area,
  );
  for (const [area, files] of beside) {
    const lines = files.reduce((sum, file) => sum + file.lines, 0);
    const copies = area === 'examples' || area === 'docs' ? copiesIn(files) : {};
    writer.write('beside', '.', files.length, treeOf(collection), { symbol: area, detail: { lines, ...copies } });
  }
  const generated = sources.leftOut.get('generated') ?? 0;
  if (generated > 0) writer.write('beside', '.', generated, treeOf(collection), { symbol: 'generated' });
}

function copiesIn(files: readonly ReadSource[]): { copied_files: number; copied_lines: number } {
  const longest = new Map<string, number>();
  for (const { path, other, lines } of clonesIn(files))
    for (const one of [path, other]) longest.set(one, Math.max(lines, longest.get(one) ?? 0));
  return { copied_files: longest.size, copied_lines: [...longest.values()].reduce((sum, lines) => sum + lines, 0) };
}
