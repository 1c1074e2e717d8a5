import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from './paths.ts';

/** What is used of the compiler. Its own types declare the globals of its language, `console` among them, for whole programs. */
interface Compiler {
  readonly main: (
    args: readonly string[],
    io: { readonly writeFile: (name: string, contents: string | Uint8Array) => void },
  ) => Promise<{ readonly error: Error | null; readonly stderr: { toString(): string } }>;
}

const COMPILER = join(ROOT, 'node_modules/assemblyscript/dist/asc.js');

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
  for await (const source of glob('src/{ann,inference}/wasm/*.ts', { cwd: ROOT })) {
    const path = join(ROOT, source.replace(/\.ts$/, ''));
    modules.set(`${path}.wasm`, await compile(source, []));
    if (await isRelaxable(path)) modules.set(`${path}.relaxed.wasm`, await compile(source, ['--enable', 'relaxed-simd']));
  }
  return modules;
}

/** Whether a kernel, or what lies in the folder of its name, has code of its own for relaxed SIMD. */
async function isRelaxable(path: string): Promise<boolean> {
  for await (const source of glob([`${path}.ts`, `${path}/*.ts`]))
    if ((await readFile(source, 'utf8')).includes('ASC_FEATURE_RELAXED_SIMD')) return true;
  return false;
}

async function compile(source: string, options: readonly string[]): Promise<Buffer> {
  const { main } = (await import(COMPILER)) as Compiler;
  let bytes: Uint8Array | undefined;
  const writeFile = (_: string, contents: string | Uint8Array): void => {
    if (typeof contents !== 'string') bytes = contents;
  };
  const compiled = await main([source, '--baseDir', ROOT, ...OPTIONS, ...options, '--outFile', 'kernels.wasm'], { writeFile });
  if (bytes === undefined) throw new Error(`compiling ${source} failed:\n${compiled.stderr.toString()}`, { cause: compiled.error });
  return Buffer.from(bytes);
}
