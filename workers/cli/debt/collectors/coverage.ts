import coverageLibrary from 'istanbul-lib-coverage';
import { relative } from 'node:path';
import type * as z from 'zod';

import type { DebtFact } from '../../../../src/contract/debt/debt-facts.ts';
import { debtCoverage } from '../../../../src/contract/debt/debt-inputs.ts';
import type { Collection, Collector } from './collection.ts';
import { FactWriter } from './collection.ts';
import type { InputFile } from './input-files.ts';
import { anyJsonOf, inputFiles, jsonOf } from './input-files.ts';

interface Branches {
  readonly missed: number;
  readonly all: number;
}

interface Report {
  readonly input: InputFile;
  /** With the time and the commit at which tests were run. */
  readonly collection: Collection;
  readonly files: Iterable<readonly [path: string, branches: Branches]>;
  /** The tests that were counted, if not all that there are. */
  readonly tests?: string | undefined;
}

/** Branches that no test takes, from istanbul's JSON, lcov or the summary that a repository keeps. A file of several reports counts as the best of them. */
export const coverage: Collector = async (collection) => {
  const reports = (await inputFiles(collection, collection.policy.inputs.coverage)).map((input) => reportOf(input, collection));
  const [first] = reports;
  if (first === undefined) return [];
  const tool = { tool: 'istanbul-lib-coverage', tool_version: '3.2.2' };
  const known = new Set(collection.sources.productFiles.map(({ path }) => path));
  const best = bestOf(reports, known, collection.repository.root);
  const facts: DebtFact[] = [];
  for (const [file, { missed, all, tests, input, collection: measured }] of best) {
    if (missed === 0) continue;
    const writer = new FactWriter(measured, tool);
    writer.write('missed-branches', file, missed, input, { detail: { branches: all, ...(tests === undefined ? {} : { tests }) } });
    facts.push(...writer.facts);
  }
  // As old as the oldest of what it counts.
  const nowS = Math.min(...reports.map((report) => report.collection.nowS));
  const writer = new FactWriter({ ...collection, nowS }, tool);
  writer.census('coverage', best.size, first.input, { reports: reports.length, files_without: known.size - best.size });
  return [...facts, ...writer.facts];
};

/** Of each known file the report with the fewest branches that no test takes. */
function bestOf(reports: readonly Report[], known: ReadonlySet<string>, root: string): ReadonlyMap<string, Branches & Report> {
  const best = new Map<string, Branches & Report>();
  for (const report of reports) {
    for (const [path, branches] of report.files) {
      const file = path.startsWith('/') ? relative(root, path) : path;
      const before = best.get(file);
      if (known.has(file) && (before === undefined || branches.missed < before.missed)) best.set(file, { ...branches, ...report });
    }
  }
  return best;
}

function reportOf(input: InputFile, collection: Collection): Report {
  if (!input.file.endsWith('.json')) return { input, collection, files: ofLcov(input.text) };
  const json = anyJsonOf(input);
  if (!isKept(json)) return { input, collection, files: ofIstanbul(json) };
  const { collected_at: nowS, git_commit, tests, files } = jsonOf(input, debtCoverage);
  const repository = { ...collection.repository, commit: git_commit ?? collection.repository.commit };
  return { input, collection: { ...collection, nowS, repository }, files: ofKept(files), tests };
}

/** Istanbul's own report has paths at its top, and no format. [D26] */
const isKept = (json: unknown): boolean => typeof json === 'object' && json !== null && 'format' in json;

function* ofKept(files: z.output<typeof debtCoverage>['files']): Report['files'] {
  for (const [path, { branches }] of Object.entries(files))
    yield [path, { missed: branches.total - branches.covered, all: branches.total }];
}

function* ofIstanbul(json: unknown): Report['files'] {
  const map = coverageLibrary.createCoverageMap(json as Parameters<typeof coverageLibrary.createCoverageMap>[0]);
  for (const file of map.files()) {
    const { total, covered } = map.fileCoverageFor(file).toSummary().branches;
    yield [file, { missed: total - covered, all: total }];
  }
}

/** `SF:path`, then `BRDA:line,block,branch,taken` for each branch, then `end_of_record`. */
function* ofLcov(text: string): Report['files'] {
  let [path, missed, all] = ['', 0, 0];
  for (const line of text.split('\n')) {
    if (line.startsWith('SF:')) [path, missed, all] = [line.slice(3).trim(), 0, 0];
    else if (line.startsWith('BRDA:')) {
      all += 1;
      if (/,(-|0)\s*$/.test(line)) missed += 1;
    } else if (line.startsWith('end_of_record')) yield [path, { missed, all }];
  }
}
