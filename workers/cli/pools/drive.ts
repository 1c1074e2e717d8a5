import type { Command } from 'commander';

import { faultsOf } from '../../drivers/check-config.ts';
import { readDriverConfig } from '../../drivers/driver-config.ts';
import { makeDrive } from '../../drivers/make-drive.ts';
import { command, Failure, UsageError } from '../command/command.ts';

/** `sluice pools drive`: with the token of the pool that the configuration names, not with the admin key. */
export function drive(): Command {
  return command('drive', 'Brings the attempts of a pool to Slurm, Kubernetes or Ray, until Ctrl-C.')
    .argument('<config>', 'file that describes pool and cluster, as docs/design/batch-systems.md has it')
    .option('--check', 'name each fault of the configuration, of gateway and cluster as it describes them, and start nothing')
    .action(work);
}

async function work(path: string, { check }: { readonly check?: boolean }): Promise<void> {
  const read = await readDriverConfig(path);
  if (read.kind === 'faults') throw new UsageError(listed(path, read.faults));
  if (check === true) {
    const faults = await faultsOf(read.config);
    if (faults.length > 0) throw new Failure(listed(path, faults));
    return console.log(`${path}: gateway and cluster answer; ${read.config.slots} slots for ${read.config.pool}`);
  }
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  console.log(`${read.config.pool}: up to ${read.config.slots} attempts at a time on ${read.config.kind}; Ctrl-C stops`);
  try {
    const driver = await makeDrive(read.config, console.log);
    await driver.run(stop.signal);
  } catch (error) {
    throw new Failure(`the driver stops: ${(error as Error).message}`, { cause: error });
  }
}

const listed = (path: string, faults: readonly string[]): string => [`${path}:`, ...faults].join('\n  ');
