import type { Command } from 'commander';

import { DEBT_RULES } from '../../../src/contract/debt-items.ts';
import { assess } from '../../../src/debt/assess.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { command, Failure, whole } from '../command.ts';
import { print } from '../jobs/job-command.ts';
import type { CheckFlags } from './check.ts';
import { checkDebt } from './check.ts';
import { explained, findingTable, scoreText } from './debt-text.ts';
import type { MeasureOptions } from './measure.ts';
import { factsFileOf, keepFacts, measure, readFacts } from './measure.ts';
import { openRepository, policyOf } from './repository/repository.ts';

interface Flags extends MeasureOptions {
  readonly json?: boolean;
}

interface ScoreFlags extends Flags {
  readonly facts?: string;
  readonly top: number;
  readonly rule?: string;
}

const nowS = (): number => Math.floor(Date.now() / 1000);

const ofRepository = (name: string, summary: string, before = (of: Command): Command => of): Command =>
  before(command(name, summary))
    .argument('[path]', 'a git repository, bare or not', '.')
    .option('--commit <revision>', 'what is measured (default: HEAD; changes that are not committed are not)')
    .option('--cache <folder>', 'where facts and what is known of files are kept (default: .sluice/debt in the repository)')
    .option('--policy <file>', 'instead of the debt.json of the commit')
    .option('--json', 'everything as JSON');

const ofFacts = (...about: Parameters<typeof ofRepository>): Command =>
  ofRepository(...about).option('--facts <file>', 'facts to read instead of those that `collect` kept');

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
  const file = await keepFacts(measured);
  const { facts, read } = measured;
  if (json === true) return print(facts);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${facts.facts.length} facts of ${facts.repository} at ${facts.git_commit?.slice(0, 12)} in ${seconds} s: ${file}`);
  console.log(`read ${read.files} of ${read.ofFiles} source files and ${read.commits} of ${read.ofCommits} commits`);
}

async function assessed(path: string, { facts: file, ...options }: MeasureOptions & { readonly facts?: string }) {
  const repository = await openRepository(path, options.commit ?? 'HEAD', options.cache);
  const policy = await policyOf(repository, options.policy);
  const facts = await readFacts(file ?? factsFileOf(repository));
  return { facts, assessment: assess(new FactSet(facts.facts, nowS()), policy) };
}

async function showScore(path: string, { json, top, rule, ...options }: ScoreFlags): Promise<void> {
  const { facts, assessment } = await assessed(path, options);
  const findings = assessment.findings.filter((finding) => rule === undefined || finding.rule === rule);
  if (json === true)
    return print({ repository: facts.repository, git_commit: facts.git_commit, ...assessment, findings: findings.slice(0, top) });
  console.log(scoreText(facts, assessment));
  console.log(`\n${findingTable(findings.slice(0, top))}`);
}

async function explainItem(id: string, path: string, { json, ...options }: Flags & { readonly facts?: string }): Promise<void> {
  const { assessment } = await assessed(path, options);
  const [finding, second] = assessment.findings.filter((one) => one.id.startsWith(id));
  if (finding === undefined) throw new Failure(`no item has an id that begins with ${id}`);
  if (second !== undefined) throw new Failure(`several items have ids that begin with ${id}: give more characters`);
  if (json === true) return print(finding);
  console.log(explained(finding));
}
