import type { Command } from 'commander';

import type { DebtFinding } from '../../../src/contract/debt/debt-items.ts';
import { DEBT_RULES } from '../../../src/contract/debt/debt-items.ts';
import { Failure, show, whole } from '../command/command.ts';
import { print } from '../gateway/gateway-command.ts';
import type { AssessFlags } from './assessed.ts';
import { assessed, nowS, ofFacts, ofRepository } from './assessed.ts';
import type { CheckFlags } from './check.ts';
import { checkDebt } from './check.ts';
import { explained, findingTable, scoreText } from './debt-text.ts';
import { doubtedItems, updateRegister } from './local-register.ts';
import type { MeasureOptions } from './measure.ts';
import { keepFacts, measure } from './measure.ts';

interface Flags extends MeasureOptions {
  readonly json?: boolean;
}

interface ScoreFlags extends AssessFlags {
  readonly top: number;
  readonly rule?: string;
  readonly candidates?: boolean;
}

/** Candidates below items. */
const CANDIDATES_SHOWN = 5;

/** `sluice debt collect`. */
export const collect = (): Command =>
  ofRepository(
    'collect',
    'Measures a commit and keeps the facts with their evidence; only what changed since the last time is read.',
  ).action(collectFacts);

/** `sluice debt score`. */
export const score = (): Command =>
  ofFacts('score', 'Ratings of components, and items by priority, from the facts that were collected.')
    .option('--rule <rule>', `items of one rule only: ${DEBT_RULES.join(', ')}`)
    .option('--top <n>', 'items to list', whole(1, 100_000), 20)
    .option('--candidates', 'instead of items what is too unsure to be one')
    .action(showScore);

/** `sluice debt explain`. */
export const explain = (): Command =>
  ofFacts('explain', 'One item: the rule, the facts with their evidence, and how it is priced.', (of) =>
    of.argument('<id>', 'of the item: its first characters are enough'),
  ).action(explainItem);

/** `sluice debt check`. */
export const check = (): Command =>
  ofRepository('check', 'Fails where debt blocks, or where files that changed carry more than before.')
    .option('--ratchet <base>', 'a commit or branch, or a file that --write-baseline wrote')
    .option('--write-baseline <file>', 'keep what the commit carries, to compare later ones with')
    .option('--sarif <file>', 'write all items as SARIF 2.1.0, which code hosts show')
    .action((path: string, flags: CheckFlags) => checkDebt(path, flags, nowS()));

async function collectFacts(path: string, { json, ...options }: Flags): Promise<void> {
  const started = performance.now();
  const measured = await measure(path, options, nowS());
  const keptIn = await keepFacts(measured);
  await updateRegister(measured);
  const { file, read } = measured;
  if (json === true) return print(file);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  show(`${file.facts.length} facts of ${file.repository} at ${file.git_commit?.slice(0, 12)} in ${seconds} s: ${keptIn}`);
  show(`read ${read.files} of ${read.ofFiles} source files and ${read.commits} of ${read.ofCommits} commits`);
}

async function showScore(path: string, { json, top, rule, candidates, ...options }: ScoreFlags): Promise<void> {
  const { repository, file, assessment } = await assessed(path, options);
  const doubted = await doubtedItems(repository, assessment.candidates);
  const first = (all: readonly DebtFinding[]) => all.filter((finding) => rule === undefined || finding.rule === rule).slice(0, top);
  const listed = { findings: first(assessment.findings), candidates: first(assessment.candidates) };
  if (json === true) return print({ repository: file.repository, git_commit: file.git_commit, ...assessment, ...listed, doubted });
  show(scoreText(file, assessment, doubted.length));
  show(`\n${findingTable(candidates === true ? listed.candidates : listed.findings, new Set(doubted))}`);
  // Where little is sure, what may be debt is of more use than an empty list.
  const more = candidates === true ? [] : listed.candidates.slice(0, Math.max(0, Math.min(CANDIDATES_SHOWN, top - listed.findings.length)));
  if (more.length > 0) show(`\ncandidates, too unsure to be items:\n${findingTable(more, new Set(doubted))}`);
}

async function explainItem(id: string, path: string, { json, ...options }: AssessFlags): Promise<void> {
  const { assessment, facts } = await assessed(path, options);
  const [finding, second] = [...assessment.findings, ...assessment.candidates].filter((one) => one.id.startsWith(id));
  if (finding === undefined) throw new Failure(`no item has an id that begins with ${id}`);
  if (second !== undefined) throw new Failure(`several items have ids that begin with ${id}: give more characters`);
  if (json === true) return print(finding);
  show(explained(finding, facts));
}
