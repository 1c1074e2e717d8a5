import { Help } from 'commander';

import type { CostReportReply } from '../../../src/contract/planning/cost.ts';
import { table } from '../command/command.ts';
import { replayedText } from './replayed-text.ts';

type TargetLine = CostReportReply['targets'][number];

/** Of calls that no upstream answered. */
export const NO_TARGET = '(no upstream)';

const spentUsd = ({ cost_usd, shadows }: TargetLine): number => Number(cost_usd) + Number(shadows.cost_usd);

export const dearestFirst = (a: TargetLine, b: TargetLine): number => spentUsd(b) - spentUsd(a);

interface Shape {
  /** Of the terminal. */
  readonly columns?: number;
  /** Whether the figures of each strategy are shown, with their sources. */
  readonly hasEvidence?: boolean;
}

/** The report as a terminal shows it. */
export function reportText(reply: CostReportReply, { columns = Infinity, hasEvidence = true }: Shape = {}): string {
  const { is_logged, spent_usd, upstreams, unanswered, shadows, targets, savings, saved_usd, reuse, next, strategies, replayed } = reply;
  const rows = targets
    .toSorted(dearestFirst)
    .map((line) => [
      line.target ?? NO_TARGET,
      line.requests,
      line.input_tokens,
      line.output_tokens,
      line.cost_usd,
      line.beside.cost_usd,
      line.shadows.cost_usd,
    ]);
  const advice = next.map(
    ({ name, applies_to_usd, saves_usd, basis, how }) =>
      `${name}: ${saves_usd === null ? 'unknown' : `${saves_usd.low} to ${saves_usd.high}`} of ${applies_to_usd} USD (${basis})\n  ${how}`,
  );
  const known = strategies.map(({ name, published, measured, not_when }) =>
    [
      name,
      ...published.map(({ figure, quality, source }) => item('published', `${figure}; ${quality} [${source}]`, columns)),
      ...measured.map(({ figure, quality, command, date, load }) =>
        item('measured', `${figure}; ${quality} [${command}, ${date}, load ${load}]`, columns),
      ),
      item('not when', not_when, columns),
    ].join('\n'),
  );
  return [
    spanText(reply),
    is_logged
      ? `Spent: ${spent_usd} USD (${upstreams.requests} answered calls to upstreams, ${upstreams.cost_usd} USD; ${unanswered.requests} unanswered, ${unanswered.cost_usd} USD; ${shadows.requests} shadows, ${shadows.cost_usd} USD)`
      : 'The log of requests is off: calls to upstreams are not in the report.',
    ...(rows.length === 0 ? [] : [table(['served by', 'requests', 'in', 'out', 'USD', 'of it beside', 'shadows'], rows)]),
    `Saved: ${saved_usd} USD`,
    table(
      ['by', 'count', 'of', 'USD', 'compared with'],
      savings.map((line) => [line.name, line.quantity, line.unit, line.saved_usd, line.compared_with]),
    ),
    ...(reuse.length === 0 ? [] : ['Answers reused for other questions:', reuseText(reuse)]),
    ...(advice.length === 0 ? [] : ['Next, from your own calls:', advice.join('\n')]),
    ...(hasEvidence
      ? ['Evidence for each strategy (figures do not add up):', known.join('\n'), replayedText(replayed, columns)]
      : [`Published and measured figures of ${strategies.length} strategies, with their sources: sluice cost report --evidence`]),
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

/** A term, and beside it a text of several lines where one is too short. */
function item(term: string, text: string, columns: number): string {
  const help = new Help();
  help.helpWidth = columns;
  return help.formatItem(term, TERM_CHARS, text, help);
}

/** The longest term, `published`. */
const TERM_CHARS = 9;

export const spanText = ({ month, from, to }: CostReportReply): string =>
  from < to ? `${month}: ${timeOf(from)} to ${timeOf(to)}` : `${month}: nothing is kept of this month`;

const timeOf = (s: number): string => new Date(s * 1000).toISOString().replace(/:\d\d\.000Z$/, 'Z');
