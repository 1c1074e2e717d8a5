import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';

import type { CostReportReply } from '../../../src/contract/cost.ts';
import { command, table } from '../command.ts';
import { queryOf } from '../gateway/gateway-client.ts';
import type { Shown } from '../jobs/job-command.ts';
import { caller, print, shown } from '../jobs/job-command.ts';
import { replayedText } from './replayed-text.ts';
import { reportPage } from './report-page.ts';

interface Flags extends Shown {
  readonly month?: string;
  readonly html?: string;
}

/** `sluice cost ...`. */
export const cost = (): Command =>
  command('cost', 'What inference cost, what was saved, and what would save more.').addCommand(
    shown(command('report', 'The report of a month.'))
      .option('--month <month>', 'such as 2026-11 (default: the current one, in UTC)')
      .option('--html <file>', 'write it as an HTML page with plots')
      .action(report),
  );

async function report({ month, html, json }: Flags): Promise<void> {
  const reply = await (await caller()).call<CostReportReply>('GET', `/v1/cost/report${queryOf({ month })}`);
  if (html !== undefined) await writeFile(html, reportPage(reply));
  if (json === true) return print(reply);
  console.log(html === undefined ? reportText(reply) : `wrote ${html}`);
}

/** The report as a terminal shows it. */
export function reportText(reply: CostReportReply): string {
  const { month, from, to, is_logged, upstreams, targets, savings, saved_usd, reuse, next, strategies, replayed } = reply;
  const rows = targets.map((line) => [line.target ?? '(none)', line.requests, line.input_tokens, line.output_tokens, line.cost_usd]);
  const advice = next.map(
    ({ name, applies_to_usd, saves_usd, basis, how }) =>
      `${name}: ${saves_usd === null ? 'unknown' : `${saves_usd.low} to ${saves_usd.high}`} of ${applies_to_usd} USD (${basis})\n  ${how}`,
  );
  const known = strategies.map(({ name, published, measured, not_when }) =>
    [
      name,
      ...published.map(({ figure, quality, source }) => `  published  ${figure}; ${quality} [${source}]`),
      ...measured.map(
        ({ figure, quality, command: by, date, load }) => `  measured   ${figure}; ${quality} [${by}, ${date}, load ${load}]`,
      ),
      `  not when   ${not_when}`,
    ].join('\n'),
  );
  return [
    `${month}: ${timeOf(from)} to ${timeOf(to)}`,
    is_logged
      ? `${upstreams.requests} answered calls to upstreams, ${upstreams.cost_usd} USD`
      : 'The log of requests is off: calls to upstreams are not in the report.',
    ...(rows.length === 0 ? [] : [table(['served by', 'requests', 'in', 'out', 'USD'], rows)]),
    `Saved: ${saved_usd} USD`,
    table(
      ['by', 'count', 'of', 'USD', 'compared with'],
      savings.map((line) => [line.name, line.quantity, line.unit, line.saved_usd, line.compared_with]),
    ),
    ...(reuse.length === 0 ? [] : ['Answers reused for other questions:', reuseText(reuse)]),
    ...(advice.length === 0 ? [] : ['Next, from your own calls:', advice.join('\n')]),
    'Evidence for each strategy (figures do not add up):',
    known.join('\n'),
    replayedText(replayed),
  ].join('\n\n');
}

const reuseText = (lines: CostReportReply['reuse']): string =>
  table(
    ['route', 'kind', 'state', 'checked', 'differed', 'false at most', 'limit', 'reused', 'USD'],
    lines.map((line) => [
      line.route,
      line.kind,
      line.state,
      line.checked,
      line.differed,
      line.false_hit_bound.toFixed(3),
      line.false_hit_max,
      line.reused,
      line.saved_usd,
    ]),
  );

const timeOf = (s: number): string => new Date(s * 1000).toISOString().replace(/:\d\d\.000Z$/, 'Z');
