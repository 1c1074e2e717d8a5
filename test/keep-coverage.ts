import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import coverageLibrary from 'istanbul-lib-coverage';
import type { CoverageMapData, Totals } from 'istanbul-lib-coverage';

import { ROOT } from '../workers/local/paths.ts';
import { COUNTED_SUITES, COUNTED_TESTS, coverageOf, LEFT_OUT } from './counted-code.ts';

const taken = ({ covered, total }: Totals) => ({ covered, total });

/** What suites take together of each file under a folder, in the order of the files. */
export function takenOf(
  reports: readonly CoverageMapData[],
  folder: string,
): Record<string, { readonly lines: Taken; readonly branches: Taken }> {
  const map = coverageLibrary.createCoverageMap();
  for (const report of reports) map.merge(report);
  const files = map.files().toSorted();
  return Object.fromEntries(
    files.map((file) => {
      const { lines, branches } = map.fileCoverageFor(file).toSummary().data;
      return [relative(folder, file), { lines: taken(lines), branches: taken(branches) }];
    }),
  );
}

type Taken = ReturnType<typeof taken>;

/** Writes down what the counted suites take of each file, as `sluice debt collect` reads it. */
export async function keepCoverage(): Promise<void> {
  const reports = await Promise.all(
    COUNTED_SUITES.map(async (suite) => readFile(join(ROOT, coverageOf(suite), 'coverage-final.json'), 'utf8')),
  );
  const files = takenOf(
    reports.map((report) => JSON.parse(report) as CoverageMapData),
    ROOT,
  );
  const about = {
    format: 'sluice-debt-coverage-1',
    git_commit: execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim(),
    collected_at: Math.floor(Date.now() / 1_000),
    command: 'npm test -- --coverage',
    tests: COUNTED_TESTS,
    left_out: LEFT_OUT,
  };
  const head = Object.entries(about).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},`);
  // A line for each file, so that changes can be read.
  const lines = Object.entries(files).map(([file, counts]) => `    ${JSON.stringify(file)}: ${JSON.stringify(counts)}`);
  await writeFile(join(ROOT, 'docs/debt/coverage.json'), ['{', ...head, '  "files": {', lines.join(',\n'), '  }', '}', ''].join('\n'));
}
