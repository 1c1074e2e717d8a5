import { writeFile } from 'node:fs/promises';

import { compileKernels } from './compile-kernels.ts';

for (const [path, bytes] of await compileKernels()) {
  await writeFile(path, bytes);
  console.log(`${path}: ${bytes.length} bytes`);
}
