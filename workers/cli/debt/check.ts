import { stat, writeFile } from 'node:fs/promises';
import * as z from 'zod';

import type { DebtFinding } from '../../../src/contract/debt/debt-items.ts';
import { assess } from '../../../src/debt/rules/assess.ts';
import type { DebtOfFiles, FileDebt, RatchetResult } from '../../../src/debt/rules/ratchet.ts';
import { debtOfFiles, isWorseThan, ratchet, sumOfFiles } from '../../../src/debt/rules/ratchet.ts';
import { Failure, show } from '../command/command.ts';
import { print } from '../gateway/gateway-command.ts';
import { checkedBy, jsonFile } from '../command/json-file.ts';
import type { Measured, MeasureOptions } from './measure.ts';
import { measure, measureEarlier } from './measure.ts';
import { git } from './repository/git.ts';
import { sarifOf } from './sarif.ts';

export interface CheckFlags extends MeasureOptions {
  readonly ratchet?: string;
  readonly writeBaseline?: string;
  readonly sarif?: string;
  readonly json?: boolean;
}

/** A commit whose debt is kept, so that a clone without its history can be compared with it. */
const baseline = z.strictObject({
  format: z.literal('sluice-debt-baseline-1'),
  commit: z.string().regex(/^[0-9a-f]{40,64}$/),
  minutes: z.number().min(0),
  lines: z.int().min(0),
});
type Baseline = z.output<typeof baseline>;

interface Comparison {
  readonly with: string;
  readonly result: RatchetResult;
  /** What was compared, in words. */
  readonly what: string;
}

/** `sluice debt check`: the exit status is 1 where debt blocks, or grew in what changed. [D15, D16] */
export async function checkDebt(path: string, flags: CheckFlags, nowS: number): Promise<void> {
  const measured = await measure(path, flags, nowS);
  const { findings } = assess(measured.facts, measured.policy);
  const blocking = findings.filter(({ is_blocking }) => is_blocking);
  const head = debtOfFiles(measured.facts);
  const compared = flags.ratchet === undefined ? undefined : await compare(flags.ratchet, measured, flags, head);
  const worse = new Set(compared?.result.isWorse === true ? compared.result.worse.map(({ file }) => file) : []);
  if (flags.sarif !== undefined) await writeFile(flags.sarif, `${JSON.stringify(sarifOf(findings, worse), null, 2)}\n`);
  if (flags.writeBaseline !== undefined) await writeFile(flags.writeBaseline, baselineText(measured, sumOfFiles(head)));
  const isFailed = blocking.length > 0 || compared?.result.isWorse === true;
  if (flags.json === true) print({ has_passed: !isFailed, blocking, ratchet: compared ?? null });
  else show(checkText(blocking, compared, isFailed));
  if (isFailed) process.exitCode = 1;
}

const baselineText = ({ repository }: Measured, { minutes, lines }: FileDebt): string => {
  const kept: Baseline = { format: 'sluice-debt-baseline-1', commit: repository.commit, minutes: Math.round(minutes), lines };
  return `${JSON.stringify(kept, null, 2)}\n`;
};

/** Compares with a commit, or with the baseline in a file. */
async function compare(against: string, measured: Measured, options: MeasureOptions, head: DebtOfFiles): Promise<Comparison> {
  const { root, commit } = measured.repository;
  // A branch may have the name of a folder.
  const kept =
    (await stat(against).catch(() => undefined))?.isFile() === true
      ? checkedBy(baseline, await jsonFile(against), `the baseline ${against}`)
      : undefined;
  const given = kept?.commit ?? against;
  // What both have in common: what came to the base meanwhile is not the work of this branch.
  const base = (await git(root, 'merge-base', given, commit).catch(() => '')).trim();
  if (base !== '') {
    const before = await measureEarlier(measured, options, base);
    const changed = (await git(root, 'diff', '--name-only', '-z', '--no-renames', base, commit)).split('\0').filter((file) => file !== '');
    const result = ratchet(debtOfFiles(before.facts), head, changed);
    return { with: `commit ${base.slice(0, 12)}`, result, what: `${changed.length} changed files` };
  }
  if (kept === undefined) throw new Failure(`${against} is neither a commit of this clone nor a baseline file; fetch more history`);
  const all = sumOfFiles(head);
  const result = { base: kept, head: all, isWorse: isWorseThan(all, kept), worse: [] };
  return { with: `${against}, whose commit is not in this clone`, result, what: `all ${head.size} files` };
}

const WORSE_MAX = 10;

const perThousand = ({ minutes, lines }: FileDebt): string => (lines === 0 ? '0' : ((minutes / lines) * 1_000).toFixed(1));

function checkText(blocking: readonly DebtFinding[], compared: Comparison | undefined, isFailed: boolean): string {
  const lines = blocking.map(({ rule, subject, title, remedy }) => `blocks: ${subject} ${title} (${rule})\n  do: ${remedy}`);
  if (compared !== undefined) {
    const { base, head, isWorse, worse } = compared.result;
    lines.push(
      `${compared.what}, compared with ${compared.with}: ${perThousand(head)} minutes of debt for each 1,000 lines; before: ${perThousand(base)}`,
    );
    if (isWorse) {
      for (const { file, before, after, why } of worse.slice(0, WORSE_MAX)) {
        lines.push(`worse: ${file}, from ${before.toFixed(0)} to ${after.toFixed(0)} minutes: ${why.join('; ')}`);
      }
    }
  }
  return [...lines, isFailed ? 'failed' : 'passed'].join('\n');
}
