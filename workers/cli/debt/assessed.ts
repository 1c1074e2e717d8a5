import type { Command } from 'commander';

import type { DebtFactFile } from '../../../src/contract/debt/debt-facts.ts';
import type { DebtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import type { Assessment } from '../../../src/debt/rules/assess.ts';
import { assess } from '../../../src/debt/rules/assess.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { command } from '../command/command.ts';
import { paidRatios } from './local-register.ts';
import type { MeasureOptions } from './measure.ts';
import { factsFileOf, readFacts } from './measure.ts';
import type { Repository } from './repository/repository.ts';
import { openRepository, policyOf } from './repository/repository.ts';

export interface AssessFlags extends MeasureOptions {
  readonly facts?: string;
  readonly json?: boolean;
}

/** A repository with what its collected facts say. */
export interface Assessed {
  readonly repository: Repository;
  readonly policy: DebtPolicy;
  readonly file: DebtFactFile;
  readonly facts: FactSet;
  readonly assessment: Assessment;
}

export const nowS = (): number => Math.floor(Date.now() / 1000);

/** A command about a repository; `before`: adds arguments that come before its path. */
export const ofRepository = (name: string, summary: string, before = (of: Command): Command => of): Command =>
  before(command(name, summary))
    .argument('[path]', 'a git repository, bare or not', '.')
    .option('--commit <revision>', 'what is measured (default: HEAD; changes that are not committed are not)')
    .option('--cache <folder>', 'where facts and what is known of files are kept (default: .sluice/debt in the repository)')
    .option('--policy <file>', 'instead of the debt.json of the commit')
    .option('--json', 'everything as JSON');

/** A command about the facts that were collected of a repository. */
export const ofFacts = (...about: Parameters<typeof ofRepository>): Command =>
  ofRepository(...about).option('--facts <file>', 'facts to read instead of those that `collect` kept');

export async function assessed(path: string, { facts: given, ...options }: AssessFlags): Promise<Assessed> {
  const repository = await openRepository(path, options.commit ?? 'HEAD', options.cache);
  const policy = await policyOf(repository, options.policy);
  const file = await readFacts(given ?? factsFileOf(repository));
  if (given === undefined && file.git_commit !== repository.commit) {
    console.error(`these facts are not of ${repository.commit.slice(0, 12)}: run \`sluice debt collect\` to have newer ones`);
  }
  const facts = new FactSet(file.facts, nowS());
  return { repository, policy, file, facts, assessment: assess(facts, policy, await paidRatios(repository)) };
}
