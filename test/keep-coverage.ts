import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import coverageLibrary from 'istanbul-lib-coverage';
import type { CoverageMapData, Totals } from 'istanbul-lib-coverage';

import { ROOT } from '../workers/local/paths.ts';

const taken = ({ covered, total }: Totals) => ({ covered, total });

/**
 * Sums up the coverage that vitest wrote, as `sluice debt collect` reads it: a line for each file, so that changes can be read. A file that no counted
 * test loads has no figure, which `collect` counts: tests inside workerd may take all of it.
 */
export async function keepCoverage(command: string): Promise<void> {
  const measured = JSON.parse(await readFile(join(ROOT, 'coverage/coverage-final.json'), 'utf8')) as CoverageMapData;
  const map = coverageLibrary.createCoverageMap(measured);
  const files = map
    .files()
    .sort()
    .flatMap((file) => {
      const { lines, branches } = map.fileCoverageFor(file).toSummary().data;
      if (lines.covered === 0) return [];
      return `    ${JSON.stringify(relative(ROOT, file))}: ${JSON.stringify({ lines: taken(lines), branches: taken(branches) })}`;
    });
  const about = {
    format: 'sluice-debt-coverage-1',
    git_commit: execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim(),
    collected_at: Math.floor(Date.now() / 1_000),
    command,
  };
  const head = Object.entries(about).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)},`);
  await writeFile(join(ROOT, 'docs/debt/coverage.json'), ['{', ...head, '  "files": {', files.join(',\n'), '  }', '}', ''].join('\n'));
}
