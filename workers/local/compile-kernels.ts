import { execFile } from 'node:child_process';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { ROOT } from './paths.ts';

const COMPILER = join(ROOT, 'node_modules/assemblyscript/bin/asc.js');
const OPTIONS = [
  '--runtime',
  'stub',
  '--enable',
  'simd',
  '-O3',
  '--noAssert',
  '--importMemory',
  '--noExportMemory',
  '--initialMemory',
  '1',
];

/** Compiles every kernel; the bytes by the path they are committed under. The same sources give the same bytes everywhere. */
export async function compileKernels(): Promise<Map<string, Buffer>> {
  const modules = new Map<string, Buffer>();
  for await (const source of glob('src/ann/wasm/*.ts', { cwd: ROOT })) {
    const path = join(ROOT, source.replace(/\.ts$/, ''));
    modules.set(`${path}.wasm`, await compile(source, []));
    const isRelaxable = (await readFile(join(ROOT, source), 'utf8')).includes('ASC_FEATURE_RELAXED_SIMD');
    if (isRelaxable) modules.set(`${path}.relaxed.wasm`, await compile(source, ['--enable', 'relaxed-simd']));
  }
  return modules;
}

async function compile(source: string, options: readonly string[]): Promise<Buffer> {
  // Without a name for the output, it goes to the standard one.
  const { stdout } = await promisify(execFile)(process.execPath, [COMPILER, source, ...OPTIONS, ...options, '--outFile'], {
    cwd: ROOT,
    encoding: 'buffer',
  });
  return stdout;
}
