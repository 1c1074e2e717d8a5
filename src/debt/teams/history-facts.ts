import type { DebtFact, FactKind } from '../../contract/debt/debt-facts.ts';
import type { FactSet } from '../fact.ts';
import { NumberTable, sumOf } from '../evidence/number-table.ts';
import { detailOf, numberOf, textDetailOf } from '../rules/rule.ts';
import type { TeamHistory } from './team-history.ts';

/** A fact before its evidence. */
export interface MeasuredFact {
  readonly kind: FactKind;
  readonly subject: string;
  readonly symbol?: string;
  readonly value: number;
  readonly detail?: DebtFact['detail'];
}

/** An author who knows less of a component, and has not changed it lately, says nothing about it. */
const KNOWN_SHARE_MIN = 0.005;
/** An author of fewer commits has not stayed, and counts for no team's pace. */
const COMMITS_MIN = 8;
/** Two components that changed together less often belong to no part of a team. */
const TOGETHER_MIN = 0.1;
/** The commits of a week are two digits of base 36; three years of weeks are what a history has. */
const [WEEK_DIGITS, WEEK_MAX, WEEKS_MAX_COUNT] = [2, 36 ** 2 - 1, 160];

/** A register takes some thousands of facts at once, and has to hold those of other signals, too. */
const FACTS_MAX_COUNT = 7_000;

/** What a history says of teams, as facts that a register can hold: of a repository with very many authors, those who count most. [D75] */
export function factsOfHistory(history: TeamHistory): readonly MeasuredFact[] {
  for (let strictness = 1; ; strictness *= 2) {
    const facts = [...factsBeyond(strictness, history)];
    if (facts.length <= FACTS_MAX_COUNT) return facts;
  }
}

/** `strictness`: how many times the least that counts. */
function* factsBeyond(strictness: number, history: TeamHistory): Iterable<MeasuredFact> {
  for (const [component, authors] of history.knowledge) yield* factsOfKnowledge(strictness, component, authors, history);
  for (const [component, others] of history.together) {
    for (const [other, value] of others) {
      if (component < other && value >= TOGETHER_MIN * strictness)
        yield { kind: 'changed-together', subject: component, symbol: other, value };
    }
  }
  const first = firstAuthorOf(history);
  for (const [author, weeks] of history.weekly) {
    const commits = sumOf(weeks.values());
    // The first author says how far the history reaches back: one of them, since thousands may have begun in one week.
    const isKept = author === first || commits >= COMMITS_MIN * strictness || (strictness === 1 && hasRecent(author, history));
    if (!isKept) continue;
    yield { kind: 'author-commits', subject: author, value: commits, detail: { weeks: writtenWeeks(weeks) } };
  }
}

function* factsOfKnowledge(
  strictness: number,
  component: string,
  authors: ReadonlyMap<string, number>,
  history: TeamHistory,
): Iterable<MeasuredFact> {
  const whole = sumOf(authors.values());
  for (const [author, lines] of authors) {
    const recent = history.recent.get(component)?.get(author) ?? 0;
    if (recent < strictness && lines < whole * KNOWN_SHARE_MIN * strictness) continue;
    const lastAtS = history.lastAtS.get(component)?.get(author) ?? 0;
    yield { kind: 'known-lines', subject: component, symbol: author, value: lines, detail: { last_at: lastAtS, recent_commits: recent } };
  }
}

function firstAuthorOf({ weekly }: TeamHistory): string | undefined {
  let [first, firstWeek]: [string | undefined, number] = [undefined, -1];
  for (const [author, weeks] of weekly) {
    const week = Math.max(...weeks.keys());
    if (week > firstWeek) [first, firstWeek] = [author, week];
  }
  return first;
}

const hasRecent = (author: string, { recent }: TeamHistory): boolean => [...recent.values()].some((authors) => authors.has(author));

/** The newest week first. */
function writtenWeeks(weeks: ReadonlyMap<number, number>): string {
  const last = Math.min(WEEKS_MAX_COUNT - 1, Math.max(...weeks.keys()));
  return Array.from({ length: last + 1 }, (_, week) =>
    Math.min(WEEK_MAX, weeks.get(week) ?? 0)
      .toString(36)
      .padStart(WEEK_DIGITS, '0'),
  ).join('');
}

function readWeeks(text: string): Map<number, number> {
  const weeks = new Map<number, number>();
  for (let week = 0; (week + 1) * WEEK_DIGITS <= text.length; week++) {
    const commits = Number.parseInt(text.slice(week * WEEK_DIGITS, (week + 1) * WEEK_DIGITS), 36);
    if (commits > 0) weeks.set(week, commits);
  }
  return weeks;
}

/** The history that facts were made of, as of when they were; undefined: no facts have one. [D75] */
export function historyOf(facts: FactSet): TeamHistory | undefined {
  const census = facts.of('census').find(({ symbol }) => symbol === 'teams');
  if (census === undefined) return undefined;
  const [knowledge, lastAtS, recent, together] = [new NumberTable(), new NumberTable(), new NumberTable(), new NumberTable()];
  for (const fact of inOrder(facts, 'known-lines')) {
    const { subject, symbol = '' } = fact;
    knowledge.add(subject, symbol, numberOf(fact));
    lastAtS.raise(subject, symbol, detailOf(fact, 'last_at'));
    const commits = detailOf(fact, 'recent_commits');
    if (commits > 0) recent.add(subject, symbol, commits);
  }
  for (const fact of inOrder(facts, 'changed-together')) {
    const { subject, symbol = '' } = fact;
    together.add(subject, symbol, numberOf(fact));
    together.add(symbol, subject, numberOf(fact));
  }
  const weekly = new Map(inOrder(facts, 'author-commits').map((fact) => [fact.subject, readWeeks(textDetailOf(fact, 'weeks'))]));
  return { nowS: detailOf(census, 'as_of', census.collected_at), knowledge, lastAtS, recent, together, weekly };
}

const keyOf = ({ subject, symbol = '' }: DebtFact): string => `${subject}\n${symbol}`;

/** Sums of fractions depend on their order: a register has facts in another one than the file that they came in. */
function inOrder(facts: FactSet, kind: FactKind): readonly DebtFact[] {
  return facts.of(kind).toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}
