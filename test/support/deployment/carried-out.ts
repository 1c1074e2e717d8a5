import type { Command } from 'commander';
import { vi } from 'vitest';
import { run } from '../../../workers/cli/command/command.ts';

/** Runs a command of `sluice` in this process; returns what it prints and its exit status. */
export async function carriedOut(command: Command, ...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const [log, error] = (['log', 'error'] as const).map((stream) => vi.spyOn(console, stream).mockImplementation(() => undefined));
  try {
    const status = await run(command, args);
    return { status, stdout: log!.mock.calls.flat().join('\n'), stderr: error!.mock.calls.flat().join('\n') };
  } finally {
    log!.mockRestore();
    error!.mockRestore();
    process.exitCode = undefined;
  }
}
