import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';

import { ROOT } from '../workers/local/paths.ts';

export interface StepResult {
  readonly name: string;
  readonly passed: boolean;
  readonly seconds: number;
  /** Path of vitest's JSON report. */
  readonly report?: string;
}

/** Records a full run under test/results/, with the commit it was made of. */
export async function writeResults(results: readonly StepResult[]): Promise<void> {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  const steps = await Promise.all(
    results.map(async ({ report, ...step }) => ({ ...step, ...(report === undefined ? {} : { tests: await countTests(report) }) })),
  );
  const record = {
    commit,
    finished: new Date().toISOString(),
    node: process.version,
    cores: cpus().length,
    loadAverage: loadavg().map((load) => Number(load.toFixed(1))),
    steps,
  };
  await mkdir(join(ROOT, 'test/results'), { recursive: true });
  await writeFile(join(ROOT, 'test/results/full.json'), `${JSON.stringify(record, null, 2)}\n`);
}

async function countTests(report: string): Promise<{ passed: number; failed: number; skipped: number }> {
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(await readFile(report, 'utf8')) as Record<string, number>;
  return { passed: numPassedTests ?? 0, failed: numFailedTests ?? 0, skipped: numPendingTests ?? 0 };
}
