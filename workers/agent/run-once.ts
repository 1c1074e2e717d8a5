import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// What a job of a cluster runs. Each attempt is a process, and most of what a short one takes is to compile the same sources: they are kept,
// for its threads, too. Not where programs of tenants may run: they could put something else there, which the next attempt would run.
if (process.env['SLUICE_AGENT_ALLOW'] === '') {
  const { directory } = enableCompileCache(join(homedir(), '.cache/sluice/compiled'));
  if (directory !== undefined) process.env['NODE_COMPILE_CACHE'] = directory;
}

await import('./cluster-attempt.ts');
