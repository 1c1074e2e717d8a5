import { spawn } from 'node:child_process';
import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { bundle } from '../workers/local/bundle.ts';
import { ROOT } from '../workers/local/paths.ts';
import { QUIET_ENVIRONMENT } from '../workers/local/quiet-environment.ts';

/** `npm run check` is the fast inner loop; `npm test` is everything. */
const { values: flags } = parseArgs({ options: { fast: { type: 'boolean', default: false } } });

interface Step {
  readonly name: string;
  run(): Promise<boolean>;
}

const BIN = join(ROOT, 'node_modules/.bin');
const CODE = ['src', 'durable-objects', 'workers', 'test'];
const vitest = (...projects: string[]) =>
  command('vitest', 'run', '--config', 'test/vitest.config.ts', ...projects.flatMap((project) => ['--project', project]));

const STEPS: Step[] = [
  { name: 'format', run: command('oxfmt', '--check', '.') },
  { name: 'lint', run: command('oxlint', '--type-aware', ...CODE) },
  { name: 'types', run: everyProjectCompiles },
  { name: 'dead code', run: command('knip') },
  ...(flags.fast
    ? [{ name: 'unit tests', run: vitest('unit') }]
    : [
        { name: 'build', run: () => bundle().then(() => true) },
        { name: 'unit and property tests', run: vitest('unit', 'property') },
        { name: 'tests inside workerd', run: vitest('objects', 'shards', 'indexes', 'inference') },
        { name: 'tests against a running deployment', run: vitest('clients', 'chaos', 'browser') },
      ]),
];

let failed = 0;
for (const step of STEPS) {
  const startedMs = performance.now();
  const passed = await step.run().catch((error: unknown) => {
    console.error(error);
    return false;
  });
  if (!passed) failed += 1;
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${step.name} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`);
}
console.log(`${STEPS.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

function command(name: string, ...args: string[]): () => Promise<boolean> {
  return async () => {
    const child = spawn(join(BIN, name), args, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...QUIET_ENVIRONMENT } });
    return (await new Promise<number | null>((resolve) => child.on('close', resolve))) === 0;
  };
}

/** One compiler run a layer: that is what keeps a layer from importing another. */
async function everyProjectCompiles(): Promise<boolean> {
  let passed = true;
  for await (const project of glob('{src,durable-objects,workers,test}/**/tsconfig.json', { cwd: ROOT })) {
    if (!(await command('tsc', '-p', project)())) passed = false;
  }
  return passed;
}
