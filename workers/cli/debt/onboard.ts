import type { Command } from 'commander';

import { Components } from '../../../src/debt/components.ts';
import type { OnboardingPath } from '../../../src/debt/teams/onboarding.ts';
import { onboardingPath } from '../../../src/debt/teams/onboarding.ts';
import { onboardingReply } from '../../../src/debt/teams/team-reply.ts';
import { Failure, show } from '../command/command.ts';
import { print } from '../gateway/gateway-command.ts';
import type { AssessFlags } from './assessed.ts';
import { assessed, ofFacts } from './assessed.ts';
import { time } from './debt-text.ts';
import { teamReportOf } from './teams.ts';

/** `sluice debt onboard COMPONENT`. */
export const onboardCommand = (): Command =>
  ofFacts('onboard', 'Where to begin with a component: entry points, pages, people, incidents, good first items.', (of) =>
    of.argument('<component>', 'its name, as `debt teams` lists it'),
  ).action(async (component: string, path: string, flags: AssessFlags) => {
    const found = await pathInto(component, path, flags);
    if (flags.json === true) print(onboardingReply(found));
    else show(onboardingText(found));
  });

async function pathInto(component: string, path: string, flags: AssessFlags): Promise<OnboardingPath> {
  const of = await assessed(path, flags);
  const { ownership } = await teamReportOf(of);
  const owned = ownership.find((one) => one.component === component);
  if (owned === undefined) {
    throw new Failure(`there is no component ${component}; there are ${ownership.map((one) => one.component).join(', ')}`);
  }
  if (!of.facts.isKnown('teams')) throw new Failure('the facts say nothing of where to begin: run `sluice debt collect`');
  return onboardingPath({ owned, facts: of.facts, components: new Components(of.policy), items: of.assessment.findings });
}

const list = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];

function onboardingText({ component, owner, authors, entryPoints, pages, incidents, firstItems }: OnboardingPath): string {
  return [
    `${component}, owned by ${owner ?? 'no team yet'}`,
    ...list('Read first', pages),
    ...list(
      'Enter at',
      entryPoints.map(({ path, importedBy }) => (importedBy === 0 ? path : `${path}, imported by ${importedBy} files elsewhere`)),
    ),
    ...list(
      'Ask',
      authors.map(({ author, share }) => `${author.replace(/ <.*/, '')}, who knows ${Math.round(share * 100)} % of it`),
    ),
    ...list(
      'What went wrong',
      incidents.map(({ id, text, minutes }) => `${id}: ${text} (${time(minutes)})`),
    ),
    ...list(
      'Good first items',
      firstItems.map(({ subject, title, remedy, principal_minutes: takes }) => `${subject}: ${title}; ${remedy} (${time(takes.p50)})`),
    ),
  ].join('\n');
}
