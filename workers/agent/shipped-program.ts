import { fileURLToPath } from 'node:url';

import { TUNING_PROGRAM } from '../../src/contract/tuning-settings.ts';

/** Programs that come with the agent, by the name that jobs have for them. */
const SHIPPED: ReadonlyMap<string, URL> = new Map([[TUNING_PROGRAM, new URL('programs/fine-tune.ts', import.meta.url)]]);

/** What is run for `argv`: a program that comes with the agent runs by the agent's own Node, whatever is on the path. */
export function commandOf([program = '', ...rest]: readonly string[]): readonly string[] {
  const shipped = SHIPPED.get(program);
  return shipped === undefined ? [program, ...rest] : [process.execPath, fileURLToPath(shipped), ...rest];
}
