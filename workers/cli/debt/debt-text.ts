import type { DebtFact, DebtFactFile } from '../../../src/contract/debt/debt-facts.ts';
import type { DebtFinding, DebtRule, Spread } from '../../../src/contract/debt/debt-items.ts';
import type { FactSet } from '../../../src/debt/fact.ts';
import type { Assessment, ComponentScore } from '../../../src/debt/rules/assess.ts';
import { RULES } from '../../../src/debt/rules/assess.ts';
import { changeMinutesOf, detailOf } from '../../../src/debt/rules/rule.ts';
import { HORIZON_WEEKS } from '../../../src/debt/price.ts';
import { groupBy } from '../../../src/kernel/grouped.ts';
import { SIGNAL_RATIO_MAX } from '../../../src/debt/rules/rating.ts';
import { table } from '../command/command.ts';

const ID_CHARS = 10;
/** How details of `change-time` begin that count commits. */
const LEFT_OUT = 'left out: ';
const TITLE_CHARS = 200;
const COMPONENTS_MAX = 40;
const MINUTES_OF_A_DAY = 8 * 60;

/** Minutes as people say them. */
export function time(minutes: number): string {
  if (minutes < 60) return `${minutes < 10 ? Number(minutes.toFixed(1)) : Math.round(minutes)} min`;
  return minutes < MINUTES_OF_A_DAY ? `${(minutes / 60).toFixed(1)} h` : `${(minutes / MINUTES_OF_A_DAY).toFixed(1)} days`;
}

export const range = ({ p10, p50, p90 }: Spread): string => (p10 === p90 ? time(p50) : `${time(p50)} (${time(p10)} to ${time(p90)})`);

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** A day in UTC. */
export const dateOf = (atS: number | null): string => (atS === null ? '-' : new Date(atS * 1000).toISOString().slice(0, 10));

/** A repository's rating, what is not known of it, and its components, the worst first; `doubted`: candidates that were items before. */
export function scoreText(
  { repository, git_commit, facts }: DebtFactFile,
  { total, components, signals, findings, candidates }: Assessment,
  doubted: number,
): string {
  const unknown = signals.filter(({ isKnown }) => !isKnown).map(({ signal }) => signal);
  const blocking = findings.filter(({ is_blocking }) => is_blocking).length;
  const cheap = findings.filter(({ priority }) => priority.p50 < 0).length;
  const before = doubted === 0 ? '' : `, ${doubted} of which were items before`;
  return [
    `${repository} at ${git_commit?.slice(0, 12)}: ${total.rating}, debt ratio ${percent(total.ratio)} of ${total.lines} lines`,
    `${itemsText(total)} a week`,
    ...(cheap === 0 ? [] : [`${cheap} of them cost less in ${HORIZON_WEEKS} weeks than they take: leave them`]),
    ...(candidates.length === 0
      ? []
      : [
          `candidates, which are too unsure to be items: ${candidates.length}${before}; --candidates lists them: ${countsByRule(candidates)}`,
        ]),
    ...besideText(facts),
    ...missingText(facts),
    ...(blocking === 0 ? [] : [`${blocking} block: sluice debt check fails on them`]),
    ...(unknown.length === 0 ? [] : [`not known, and so rated as ${percent(SIGNAL_RATIO_MAX)} of each component: ${unknown.join(', ')}`]),
    '',
    componentTable(components),
  ].join('\n');
}

/** How many there are, and what they take and cost. */
export const itemsText = ({ items, principal, interest }: Pick<ComponentScore, 'items' | 'principal' | 'interest'>): string =>
  items === 1
    ? `an item takes ${range(principal)} and costs ${range(interest)}`
    : `${items} items take ${range(principal)} and cost ${range(interest)}`;

/** How many there are of each rule, most first. */
export function countsByRule(findings: readonly DebtFinding[]): string {
  const counts = [...groupBy(findings, ({ rule }) => rule)].map(([rule, of]) => ({ rule, count: of.length }));
  return counts
    .sort((a, b) => b.count - a.count || (a.rule < b.rule ? -1 : 1))
    .map(({ rule, count }) => `${count} ${rule}`)
    .join(', ');
}

/** What is beside the product, and so is not judged as it is. */
export function besideText(facts: readonly DebtFact[]): readonly string[] {
  const beside = facts.filter(({ kind }) => kind === 'beside');
  const kinds = beside.map(({ symbol, value, detail }) => {
    const lines = detail?.['lines'];
    const files = value === 1 ? 'file' : 'files';
    return symbol === 'generated' ? `${value} generated ${files}` : `${value} ${files} of ${symbol} (${lines} lines)`;
  });
  return kinds.length === 0 ? [] : [`beside the product, and not judged as it is: ${kinds.join(', ')}`];
}

/** What a clone lacks, and what is not known for that. */
export function missingText(facts: readonly DebtFact[]): readonly string[] {
  const detail = facts.find(({ kind, symbol }) => kind === 'census' && symbol === 'hotspots')?.detail ?? {};
  const unread = detail['left out: not in this clone'];
  return [
    ...(unread === undefined ? [] : [`not in this clone: the texts of ${unread} source files; only their changes are known`]),
    ...(detail['earlier texts are missing'] === true
      ? ['this partial clone lacks earlier texts: changes of files are known by name, those of functions and the age of lines are not']
      : []),
    ...(detail['history is shallow'] === true ? ['this clone is shallow: changes before its first commit are not known'] : []),
  ];
}

function componentTable(components: readonly ComponentScore[]): string {
  const worst = [...components].filter(({ items, lines }) => items > 0 || lines > 0).sort((a, b) => b.interest.p50 - a.interest.p50);
  const rows = worst
    .slice(0, COMPONENTS_MAX)
    .map((one) => [
      one.name,
      one.rating,
      percent(one.ratio),
      one.lines,
      one.items,
      time(one.principal.p50),
      time(one.interest.p50),
      one.owner ?? '-',
    ]);
  const left = worst.length - rows.length;
  return [
    table(['component', 'rating', 'ratio', 'lines', 'items', 'takes', 'a week', 'owner'], rows),
    ...(left === 0 ? [] : [`and ${left} more`]),
  ].join('\n');
}

/** Items, one a line and what to do below; `doubted`: what is a candidate now and was an item before. */
export const findingTable = (findings: readonly DebtFinding[], doubted: ReadonlySet<DebtFinding>): string =>
  findings
    .map((one) => {
      const what = `${one.subject}${one.symbol === '' || one.title.includes(one.symbol) ? '' : ` ${one.symbol}`}`;
      const title = one.title.length > TITLE_CHARS ? `${one.title.slice(0, TITLE_CHARS)}...` : one.title;
      const figures = `priority ${one.priority.p50.toFixed(1)}, takes ${time(one.principal_minutes.p50)}, costs ${time(one.interest_minutes_per_week.p50)} a week`;
      return `${one.id.slice(0, ID_CHARS)}  ${one.rule}${one.is_blocking ? ' (blocks)' : ''}${doubted.has(one) ? ' (was an item)' : ''}: ${what}\n  ${title}\n  do: ${one.remedy}\n  ${figures}${one.doubt === undefined ? '' : `\n  doubt: ${one.doubt}`}`;
    })
    .join('\n');

/** When a rule fires, and how it estimates. */
export const aboutRule = (rule: DebtRule): string =>
  rule === 'measurement-gap' ? 'A signal that the policy expects, or that was known before, is not known.' : RULES[rule].about;

/** What a change was found to take, and what that was read from. [D106] */
function priceText(facts: FactSet): string {
  const [measured] = facts.of('change-time');
  const minutes = range(changeMinutesOf(facts));
  if (measured?.detail?.['days'] === undefined) return `a change is assumed to take ${minutes}: the history says nothing of it`;
  const of = (name: string): number => detailOf(measured, name);
  const leftOut = Object.entries(measured.detail)
    .filter(([name]) => name.startsWith(LEFT_OUT))
    .map(([name, count]) => `${count} ${name.slice(LEFT_OUT.length)}`);
  const branches = of('branches') === 0 ? '' : `, ${of('branches')} branches merged after ${Math.round(of('branch_hours'))} hours (median)`;
  const without = leftOut.length === 0 ? '' : `; without ${leftOut.join(', ')}`;
  return `a change takes ${minutes}, by ${of('commits')} commits of ${of('authors')} authors on ${of('days')} days${branches}${without}`;
}

/** Everything about one item of some facts. */
export function explained(one: DebtFinding, facts: FactSet): string {
  const { p10, p50, p90 } = one.priority;
  return [
    one.id,
    `${one.rule} in ${one.component} (owner: ${one.owner ?? 'none'})`,
    `${one.subject} ${one.symbol}`.trim(),
    '',
    one.title,
    `do: ${one.remedy}`,
    ...(one.doubt === undefined ? [] : [`doubt: ${one.doubt}`]),
    '',
    `rule: ${aboutRule(one.rule)}`,
    one.confidence === 1
      ? 'confidence 100 %: it breaks the policy, or a target that the rule states'
      : `confidence ${Math.round(one.confidence * 100)} %: so many such findings readers of public repositories called debt`,
    `takes ${range(one.principal_minutes)}; costs ${range(one.interest_minutes_per_week)} a week`,
    `priority ${p50.toFixed(2)} (${p10.toFixed(2)} to ${p90.toFixed(2)}) = risk ${one.risk} x (${HORIZON_WEEKS} weeks of interest - principal) / principal`,
    priceText(facts),
    ...(one.is_blocking ? ['It blocks: it is never budgeted, and cannot be accepted.'] : []),
    ...(one.evidence.length === 0 ? [] : ['', 'evidence:', ...one.evidence.map(evidenceLine)]),
  ].join('\n');
}

const evidenceLine = ({ kind, subject, symbol, value, unit, evidence }: DebtFact): string =>
  `  ${kind} ${subject}${symbol === undefined ? '' : ` ${symbol}`} = ${value} ${unit}\n    ${evidence.file}, sha256 ${evidence.sha256}\n    by ${evidence.tool} ${evidence.tool_version} at ${evidence.git_commit ?? 'no commit'}`;
