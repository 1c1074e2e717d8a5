import { spawn } from 'node:child_process';
import { glob, mkdtemp } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { bundle } from '../workers/local/bundle.ts';
import { ROOT } from '../workers/local/paths.ts';
import { QUIET_ENVIRONMENT } from '../workers/local/quiet-environment.ts';
import { writeResults } from './results.ts';
import type { StepResult } from './results.ts';

/** `npm run check` is the fast inner loop, `npm test` is everything, `npm run test:full` runs every property far more often. */
const { values: flags } = parseArgs({ options: { fast: { type: 'boolean', default: false }, full: { type: 'boolean', default: false } } });
if (flags.full) process.env['SLUICE_TEST_FULL'] = '1';

interface Step {
  readonly name: string;
  readonly run: () => Promise<boolean>;
  /** Where the step leaves what vitest counted. */
  readonly report?: string;
}

const BIN = join(ROOT, 'node_modules/.bin');
const CODE = ['src', 'durable-objects', 'workers', 'test'];
const reports = await mkdtemp(join(tmpdir(), 'sluice-reports-'));

const ALWAYS: Step[] = [
  { name: 'format', run: command('oxfmt', '--check', '.') },
  { name: 'lint', run: command('oxlint', '--type-aware', ...CODE) },
  { name: 'types', run: everyProjectCompiles },
  { name: 'dead code', run: command('knip') },
];
const EVERYTHING: Step[] = [
  { name: 'build', run: () => bundle().then(() => true) },
  vitest('unit and property tests', 'unit', 'property'),
  vitest('tests inside workerd', 'objects', 'shards', 'indexes', 'inference', 'sharing'),
  vitest('tests against a running deployment', 'clients', 'chaos', 'browser'),
];

const results: StepResult[] = [];
for (const step of [...ALWAYS, ...(flags.fast ? [vitest('unit tests', 'unit')] : EVERYTHING)]) results.push(await perform(step));
const failed = results.filter(({ passed }) => !passed).length;
if (flags.full) await writeResults(results);
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function perform({ name, run, report }: Step): Promise<StepResult> {
  const startedMs = performance.now();
  const passed = await run().catch((error: unknown) => {
    console.error(error);
    return false;
  });
  const seconds = Number(((performance.now() - startedMs) / 1000).toFixed(1));
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
  return { name, passed, seconds, ...(report === undefined ? {} : { report }) };
}

function vitest(name: string, ...projects: string[]): Step {
  const report = join(reports, `${projects[0]}.json`);
  const selected = projects.flatMap((project) => ['--project', project]);
  const args = ['run', '--config', 'test/vitest.config.ts', '--reporter', 'default', '--reporter', 'json', '--outputFile.json', report];
  return { name, run: command('vitest', ...args, ...selected), report };
}

function command(name: string, ...args: string[]): () => Promise<boolean> {
  return async () => {
    const child = spawn(join(BIN, name), args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...QUIET_ENVIRONMENT } });
    return (await new Promise<number | null>((resolve) => child.on('close', resolve))) === 0;
  };
}

/** One compiler run a layer: that is what keeps a layer from importing another. As many at once as there are cores, one thread each. */
async function everyProjectCompiles(): Promise<boolean> {
  // What the benches compare with is installed below test/, with configurations of its own.
  const exclude = (name: string): boolean => name.endsWith('node_modules');
  const projects = await Array.fromAsync(glob('{src,durable-objects,workers,test}/**/tsconfig.json', { cwd: ROOT, exclude }));
  let passed = true;
  const drain = async (): Promise<void> => {
    for (let project; (project = projects.pop()) !== undefined;) {
      if (!(await command('tsc', '--singleThreaded', '-p', project)())) passed = false;
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, drain));
  return passed;
}
