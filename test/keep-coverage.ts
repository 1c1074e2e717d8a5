import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import coverageLibrary from 'istanbul-lib-coverage';
import type { CoverageMapData, Totals } from 'istanbul-lib-coverage';

import { ROOT } from '../workers/local/paths.ts';
import { COUNTED_SUITES, COUNTED_TESTS, coverageOf, LEFT_OUT } from './counted-code.ts';

const taken = ({ covered, total }: Totals) => ({ covered, total });

/** Sums up the coverage that vitest wrote for each suite, as `sluice debt collect` reads it: a line for each file, so that changes can be read. */
export async function keepCoverage(): Promise<void> {
  const map = coverageLibrary.createCoverageMap();
  for (const suite of COUNTED_SUITES) {
    map.merge(JSON.parse(await readFile(join(ROOT, coverageOf(suite), 'coverage-final.json'), 'utf8')) as CoverageMapData);
  }
  const files = map
    .files()
    .sort()
    .map((file) => {
      const { lines, branches } = map.fileCoverageFor(file).toSummary().data;
      return `    ${JSON.stringify(relative(ROOT, file))}: ${JSON.stringify({ lines: taken(lines), branches: taken(branches) })}`;
    });
  const about = {
    format: 'sluice-debt-coverage-1',
    git_commit: execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim(),
    collected_at: Math.floor(Date.now() / 1_000),
    command: 'npm test -- --coverage',
    tests: COUNTED_TESTS,
    left_out: LEFT_OUT,
  };
  const head = Object.entries(about).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},`);
  await writeFile(join(ROOT, 'docs/debt/coverage.json'), ['{', ...head, '  "files": {', files.join(',\n'), '  }', '}', ''].join('\n'));
}
