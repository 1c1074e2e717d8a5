import type { Command } from './command.ts';
import { UsageError } from './command.ts';

/** Commands by their words. Each is loaded when it runs, so that one command's dependencies do not slow the others. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  'models build': async () => (await import('./models/build.ts')).build,
  'models verify': async () => (await import('./models/verify.ts')).verify,
};

const USAGE = `usage: sluice COMMAND [options]

  models build [--check]   build the default embedding model; --check compares it with the committed one instead of writing it
  models verify            check the committed model against its manifest and recipe
`;

async function main([group, name, ...rest]: readonly string[]): Promise<number> {
  const load = COMMANDS[`${group} ${name}`];
  if (load === undefined) throw new UsageError(USAGE);
  const command = await load();
  return command(rest);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const misused = error instanceof UsageError || (error instanceof TypeError && 'code' in error);
  console.error(misused ? error.message : error);
  process.exitCode = misused ? 2 : 1;
}
