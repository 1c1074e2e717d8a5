import { SetupError } from './setup-error.ts';

/** As many agent processes as one machine should bear. */
const MOST = 16;

/** How many agents to start: a number, or the least and the most of an elastic pool, as in `0..4`. */
export function agentRange(text: string): { readonly least: number; readonly most: number } {
  const [, least, most = least] = /^(\d{1,2})(?:\.\.(\d{1,2}))?$/.exec(text) ?? [];
  const range = { least: Number(least), most: Number(most) };
  if (least === undefined || range.least > range.most || range.most > MOST)
    throw new SetupError(`--agents takes a number up to ${MOST}, or a range such as 0..4; not "${text}"`);
  return range;
}
