import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from '../workers/local/bundle.ts';
import { ROOT } from '../workers/local/paths.ts';
import { QUIET_ENVIRONMENT } from '../workers/local/quiet-environment.ts';
import { COUNTED_SUITES, coverageOf, SUITES_IN_WORKERD } from './counted-code.ts';
import { keepCoverage } from './keep-coverage.ts';
import { writeResults } from './results.ts';
import type { StepResult } from './results.ts';
import { selectTests } from './select-tests.ts';
import { chromiumPath } from './support/deployment/chromium.ts';
import { slurmIsMissing } from './support/slurm/private-slurm.ts';

/**
 * `npm run check` is the fast inner loop, `npm test` is everything, `npm run test:full` runs every property far more often, and
 * `npm test -- PATTERN` runs the tests of files or titles that contain the pattern. docs/testing.md says more.
 */
const { values: flags, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: {
    fast: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    // Fail without Chromium, instead of leaving its tests out.
    browser: { type: 'boolean', default: false },
    // Run the suites whose code can be counted, and write what they take of it to docs/debt/coverage.json.
    coverage: { type: 'boolean', default: false },
    // Run schemathesis, for minutes, if the Python clients are there.
    fuzz: { type: 'boolean', default: false },
    // Run the tests with a real Slurm, which take minutes, and fail without one.
    slurm: { type: 'boolean', default: false },
  },
});
if (flags.full) process.env['SLUICE_TEST_FULL'] = '1';

interface Step {
  readonly name: string;
  readonly run: () => Promise<boolean>;
  /** The path of vitest's JSON report. */
  readonly report?: string;
}

const BIN = join(ROOT, 'node_modules/.bin');
const CODE = ['src', 'durable-objects', 'workers', 'test'];
/** AssemblyScript: TypeScript's syntax, with a compiler and types of its own. */
const KERNELS = ['src/ann/wasm', 'src/inference/wasm', 'test/bench/ann/wasm'];
/** Tests that the inner loop leaves to `npm test`: together they take as much CPU as all other unit tests. */
const NOT_IN_THE_INNER_LOOP = [
  'agent/model-threads',
  'ann/kernels',
  'ann/largest-vectors',
  'ann/maintenance/shard-maintenance',
  'ann/training',
  'cli/planning/capacity',
  'cache/shared-vectors',
  'index/replicas/hot-shard',
  'index/routing/summary-router',
  'inference/default-model',
  'workers/pipeline/streamed-body',
].map((test) => `test/unit/${test}.test.ts`);
const reports = await mkdtemp(join(tmpdir(), 'sluice-reports-'));

const results = (await Promise.all((await lanes()).map(inOrder))).flat();
const failed = results.filter(({ passed }) => !passed).length;
if (flags.full) await writeResults(results);
if (flags.coverage && failed === 0) await keepCoverage();
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? (process.exitCode ?? 0) : 1);

/** Lanes run in parallel. There are more than cores, because tests inside workerd and of deployments mostly wait. */
async function lanes(): Promise<Step[][]> {
  if (flags.coverage)
    return [
      COUNTED_SUITES.map((suite) => vitest(`${suite}, counted`, [suite], '--coverage', '--coverage.reportsDirectory', coverageOf(suite))),
    ];
  if (patterns.length > 0) return [[await selected()]];
  // Type-aware rules and type errors share the compiler's programs: a separate compilation would cost half as much again. An import that
  // a layer's tsconfig.json does not list is a type error, too (TS6307).
  const lint: Step = {
    name: 'lint and types',
    run: command('oxlint', '--type-aware', '--type-check', ...CODE, ...KERNELS.flatMap(ignored)),
  };
  // What changed since the commit of the baseline; a clone without that commit is compared as a whole.
  const debt: Step = {
    name: 'technical debt',
    run: command(process.execPath, 'workers/cli/sluice.ts', 'debt', 'check', '--ratchet', 'docs/debt/baseline.json'),
  };
  const always: Step[] = [
    { name: 'format', run: command('oxfmt', '--check', '.') },
    { name: 'lint of kernels', run: command('oxlint', ...KERNELS) },
    { name: 'types of kernels', run: command('tsc', '-p', 'src/ann/wasm') },
    { name: "types of encoders' kernels", run: command('tsc', '-p', 'src/inference/wasm') },
    { name: 'dead code', run: command('knip') },
    ...(isInGit() ? [debt] : []),
  ];
  if (flags.fast) {
    const withoutTheDearest = NOT_IN_THE_INNER_LOOP.flatMap((file) => ['--exclude', file]);
    return [[...always, vitest('unit tests', ['unit'], ...withoutTheDearest)], [lint]];
  }
  // Divided by what steps take side by side on two cores, so that none ends long before the last.
  return [
    [lint, ...always, vitest('unit tests', ['unit'])],
    [
      vitest('tests inside workerd', SUITES_IN_WORKERD),
      vitest('property tests', ['property']),
      ...(hasBrowser() ? [vitest('tests in a browser', ['browser'])] : []),
    ],
    [
      { name: 'build', run: () => bundle().then(() => true) },
      vitest('tests against a running deployment', ['clients', 'chaos'], '--maxWorkers', '2'),
      ...(flags.fuzz || flags.full ? [vitest('schemathesis', ['fuzz'])] : []),
      ...((await hasSlurm()) ? [vitest('tests with a real Slurm', ['slurm'])] : []),
    ],
  ];
}

async function inOrder(steps: readonly Step[]): Promise<StepResult[]> {
  const done: StepResult[] = [];
  for (const step of steps) done.push(await perform(step));
  return done;
}

function isInGit(): boolean {
  if (existsSync(join(ROOT, '.git'))) return true;
  console.log('skip technical debt: this is no git repository, so there is nothing to compare with');
  return false;
}

function hasBrowser(): boolean {
  if (flags.browser || chromiumPath() !== undefined) return true;
  console.log('skip tests in a browser: there is no Chromium; install it, or name it in CHROMIUM');
  return false;
}

/** Slurm is asked for: its jobs wait for its own timers, some of which are half a minute. */
async function hasSlurm(): Promise<boolean> {
  if (!flags.slurm && !flags.full) return false;
  const missing = await slurmIsMissing();
  if (missing === undefined) return true;
  console.log(`skip tests with a real Slurm: ${missing}`);
  if (flags.slurm) process.exitCode = 1;
  return false;
}

async function selected(): Promise<Step> {
  const { files, projects, titles } = await selectTests(patterns, ROOT);
  if (files.length === 0) {
    console.error(`no test has ${patterns.join(' or ')} in its path or title`);
    return { name: 'selected tests', run: () => Promise.resolve(false) };
  }
  return vitest('selected tests', projects, ...files, ...(titles === undefined ? [] : ['-t', titles]));
}

async function perform({ name, run, report }: Step): Promise<StepResult> {
  console.log(`     ${name} ...`);
  const startedMs = performance.now();
  const passed = await run().catch((error: unknown) => {
    console.error(error);
    return false;
  });
  const seconds = Number(((performance.now() - startedMs) / 1000).toFixed(1));
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`);
  return { name, passed, seconds, ...(report === undefined ? {} : { report }) };
}

function vitest(name: string, projects: readonly string[], ...more: string[]): Step {
  const report = join(reports, `${projects[0]}.json`);
  const selectedProjects = projects.flatMap((project) => ['--project', project]);
  const args = ['run', '--config', 'test/vitest.config.ts', '--reporter', 'default', '--reporter', 'json', '--outputFile.json', report];
  return { name, run: command('vitest', ...args, ...selectedProjects, ...more), report };
}

function command(name: string, ...args: string[]): () => Promise<boolean> {
  return async () => {
    const child = spawn(isAbsolute(name) ? name : join(BIN, name), args, {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...QUIET_ENVIRONMENT },
    });
    // Printed in one piece at the end, because other steps print at the same time.
    const printed: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => printed.push(chunk));
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    process.stdout.write(Buffer.concat(printed));
    return code === 0;
  };
}

function ignored(folder: string): string[] {
  return ['--ignore-pattern', `${folder}/**`];
}
