import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';

import type { Assessment } from '../../../../src/debt/rules/assess.ts';
import { assess } from '../../../../src/debt/rules/assess.ts';
import type { FactSet } from '../../../../src/debt/fact.ts';
import { show, whole } from '../../command/command.ts';
import { print } from '../../gateway/gateway-command.ts';
import { nowS, ofRepository } from '../assessed.ts';
import { doubtedItems } from '../local-register.ts';
import type { MeasureOptions } from '../measure.ts';
import { keepFacts, measure } from '../measure.ts';
import { planOf } from '../plan.ts';
import { teamReportOf } from '../teams.ts';
import { risingIn, trendOf } from '../trend.ts';
import { shapeTrendOf } from '../shape-trend.ts';
import { debtPage } from './page.ts';
import { debtMarkdown } from './report-markdown.ts';
import type { MappedFile } from './treemap.ts';

interface Flags extends MeasureOptions {
  readonly html: string;
  readonly markdown?: string;
  readonly trend: number;
  readonly weeks: number;
  readonly json?: boolean;
}

/** `sluice debt report`. */
export const reportCommand = (): Command =>
  ofRepository('report', 'Measures a repository and writes one HTML page: what to pay first, where it is, who knows it, what is planned.')
    .option('--html <file>', 'where to write the page', 'debt.html')
    .option('--markdown <file>', 'also as Markdown, for a mail or an issue; `-` prints it')
    .option(
      '--trend <points>',
      'debt at so many points in time, four weeks apart; each is measured. Two years of complexity are always shown',
      whole(1, 26),
      1,
    )
    .option('--weeks <n>', 'so far ahead the plan looks', whole(1, 104), 13)
    .action(report);

async function report(path: string, { html, markdown, trend: points, weeks, json, ...options }: Flags): Promise<void> {
  const measured = await measure(path, options, nowS());
  await keepFacts(measured);
  const { file, facts } = measured;
  const assessment = assess(facts, measured.policy);
  const trend = points === 1 ? [] : await trendOf(measured, options, points);
  const of = { ...measured, assessment };
  const team = await teamReportOf(of);
  const { owners } = await planOf(of, weeks, { team, rising: risingIn(trend) });
  const page = {
    facts: file,
    assessment,
    doubted: await doubtedItems(measured.repository, assessment.candidates),
    files: mappedFiles(facts, assessment),
    shape: await shapeTrendOf(measured),
    ownership: team.ownership,
    loads: team.teams.map(({ load }) => load),
    plans: owners,
    trend: trend.map(({ atS, assessment: { total } }) => ({ atS, ratio: total.ratio, interestMinutes: total.interest.p50 })),
  };
  await writeFile(html, debtPage(page));
  if (markdown !== undefined && markdown !== '-') await writeFile(markdown, debtMarkdown(page));
  if (markdown === '-') show(debtMarkdown(page));
  else if (json === true) print({ ...page, facts: undefined });
  else show(`wrote ${html}: ${assessment.findings.length} items of ${file.repository}`);
}

/** Files with their changes times complexity, and the interest of their items. */
function mappedFiles(facts: FactSet, { findings }: Assessment): readonly MappedFile[] {
  const interest = new Map<string, number>();
  for (const { subject, interest_minutes_per_week: minutes } of findings) interest.set(subject, (interest.get(subject) ?? 0) + minutes.p50);
  const churn = ofFiles(facts, 'code-churn');
  const complexity = ofFiles(facts, 'code-complexity');
  return facts.of('code-lines').map(({ subject, value }) => ({
    path: subject,
    lines: Number(value),
    heat: (churn.get(subject) ?? 0) * (complexity.get(subject) ?? 0),
    interest: interest.get(subject) ?? 0,
  }));
}

/** What whole files have of a kind, and not what single functions of them have. */
const ofFiles = (facts: FactSet, kind: 'code-churn' | 'code-complexity'): ReadonlyMap<string, number> =>
  new Map(facts.of(kind).flatMap(({ subject, symbol, value }) => (symbol === undefined ? [[subject, Number(value)] as const] : [])));
