import { execFile } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const TSC = join(import.meta.dirname, '../node_modules/.bin/tsc');
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/**
 * The files that a layer imports although its tsconfig.json does not list them, dependencies aside. This keeps layers apart. The compiler
 * reports the same for `composite` projects (TS6307), but only when it compiles.
 */
export async function strayFiles(project: string): Promise<string[]> {
  const [config, reached] = await Promise.all([tsc('--showConfig', '-p', project), tsc('--listFilesOnly', '-p', project)]);
  const { files } = JSON.parse(config) as { files: string[] };
  const listed = new Set(files.map((file) => resolve(dirname(project), file)));
  return reached.split('\n').filter((file) => file.endsWith('.ts') && !file.includes('/node_modules/') && !listed.has(resolve(file)));
}

async function tsc(...args: string[]): Promise<string> {
  return (await run(TSC, args, { maxBuffer: OUTPUT_BYTES_MAX })).stdout;
}
