import type { DebtFinding } from '../../../../src/contract/debt/debt-items.ts';
import { besideText, countsByRule, dateOf, itemsText, missingText, percent, time } from '../debt-text.ts';
import type { DebtReport } from './page.ts';
import { CANDIDATES_MAX, shapeText } from './page.ts';

const ITEMS_MAX = 15;

/** The report as Markdown, for a mail or an issue: what to pay first, what may be debt, and how it went. */
export function debtMarkdown({ facts, assessment, shape }: DebtReport): string {
  const { findings, candidates, total } = assessment;
  return [
    `# Technical debt of ${inline(facts.repository)}`,
    '',
    `Commit \`${facts.git_commit?.slice(0, 12) ?? 'none'}\`, ${dateOf(facts.collected_at)}. Rating ${total.rating}, debt ratio ${percent(total.ratio)}. ${sentence(itemsText(total))} a week.`,
    ...[...shapeText(shape), ...besideText(facts.facts), ...missingText(facts.facts)].flatMap((line) => ['', `${sentence(line)}.`]),
    '',
    '## What to pay first',
    '',
    ...(findings.length === 0 ? ['Nothing is sure enough to be an item.'] : findings.slice(0, ITEMS_MAX).map(itemLine)),
    ...(findings.length > ITEMS_MAX ? ['', `And ${findings.length - ITEMS_MAX} more.`] : []),
    ...(candidates.length === 0
      ? []
      : [
          '',
          '## What may be debt',
          '',
          `${candidates.length} candidates: ${countsByRule(candidates)}.`,
          '',
          ...candidates
            .slice(0, CANDIDATES_MAX)
            .map((one) => `- \`${placeOf(one)}\`: ${inline(one.title)}. No item: ${inline(one.doubt ?? 'too unsure')}.`),
        ]),
    '',
  ].join('\n');
}

const sentence = (text: string): string => text.slice(0, 1).toUpperCase() + inline(text.slice(1));

const itemLine = (one: DebtFinding, i: number): string =>
  `${i + 1}. \`${placeOf(one)}\`: ${inline(one.title)}. **${inline(one.remedy)}** (${one.rule}; takes ${time(one.principal_minutes.p50)}, costs ${time(one.interest_minutes_per_week.p50)} a week)`;

const placeOf = ({ subject, symbol }: DebtFinding): string => `${subject} ${symbol}`.trim().replaceAll('`', "'");

/** What others chose, such as a comment or a name, is text and no markup. */
const inline = (text: string): string => text.replaceAll(/\s+/g, ' ').replaceAll(/[\\`*_[\]<>#|]/g, String.raw`\$&`);
