import type { Command } from 'commander';
import { vi } from 'vitest';

import { run } from '../../../workers/cli/command.ts';

/** What a command of `sluice` prints, and its exit status, in this process. */
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
