import type { Command } from './command.ts';
import { UsageError } from './command.ts';

/** Commands by their words. Each is loaded when it runs, so that one command's dependencies do not slow the others. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  capacity: async () => (await import('./capacity/capacity.ts')).capacity,
  'models build': async () => (await import('./models/build.ts')).build,
  'models verify': async () => (await import('./models/verify.ts')).verify,
  'sim gavel': async () => (await import('./sim/gavel.ts')).gavel,
  'sim load': async () => (await import('./sim/jobs.ts')).load,
  'sim openb': async () => (await import('./sim/openb.ts')).openb,
  'sim philly': async () => (await import('./sim/jobs.ts')).philly,
};

const USAGE = `usage: sluice COMMAND [options]

  capacity                 what an index of a size and load takes: shards, memory, storage, a month's bill, latency
  models build [--check]   build the default embedding model; --check compares it with the committed one instead of writing it
  models verify            check the committed model against its manifest and recipe
  sim gavel                run jobs on accelerators of several types: how long they take, beside Gavel
  sim load                 run jobs that are made up through the scheduler: waits, use, a picture
  sim openb                replay an openb trace: how many accelerators are allocated, beside FGD
  sim philly               replay a Philly trace through the scheduler
`;

async function main(words: readonly string[]): Promise<number> {
  // A command is one word or two.
  for (const count of [2, 1]) {
    const load = COMMANDS[words.slice(0, count).join(' ')];
    if (load !== undefined) return (await load())(words.slice(count));
  }
  throw new UsageError(USAGE);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const misused = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  console.error(misused ? error.message : error);
  process.exitCode = misused ? 2 : 1;
}
