import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';

import type { CostReportReply } from '../../../src/contract/planning/cost.ts';
import { command } from '../command/command.ts';
import { queryOf } from '../gateway/gateway-client.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { caller, print, shown } from '../gateway/gateway-command.ts';
import { reportText } from './cost-text.ts';
import { reportPage } from './report-page.ts';

interface Flags extends Shown {
  readonly month?: string;
  readonly html?: string;
  readonly evidence?: boolean;
}

/** The width of what is written to a file or another program. */
const PIPED_COLUMNS = 120;

/** `sluice cost ...`. */
export const cost = (): Command =>
  command('cost', 'What inference cost, what was saved, and what would save more.').addCommand(
    shown(command('report', 'The report of a month.'))
      .option('--month <month>', 'such as 2026-11 (default: the current one, in UTC)')
      .option('--html <file>', 'write it as an HTML page with plots')
      .option('--evidence', 'and what was published and measured of each strategy, with sources')
      .action(report),
  );

async function report({ month, html, evidence, json }: Flags): Promise<void> {
  const reply = await (await caller()).call<CostReportReply>('GET', `/v1/cost/report${queryOf({ month })}`);
  if (html !== undefined) await writeFile(html, reportPage(reply));
  if (json === true) return print(reply);
  console.log(
    html === undefined
      ? reportText(reply, { columns: process.stdout.columns ?? PIPED_COLUMNS, hasEvidence: evidence === true })
      : `wrote ${html}`,
  );
}
