import type { CascadeReply, ExplanationReply, RouteReply, RouteVersionReply } from '../../../src/contract/routes/routes.ts';
import { table } from '../command/command.ts';

const HEADINGS = ['route', 'serves', 'newest', 'canary', 'share', 'last'];
const LINE_CHARS = 100;

/** A line for each route. */
export const routeTable = (routes: readonly RouteReply[]): string => table(HEADINGS, routes.map(rowOf));

const rowOf = ({ name, active_version: active, newest_version: newest, canary, events }: RouteReply): readonly (string | number)[] => [
  name,
  active ?? '-',
  newest,
  canary?.version ?? '-',
  canary === null ? '-' : percent(canary.share),
  events[0]?.action ?? '-',
];

/** A route, the version that serves as the file of `apply` has it, what was measured, and what happened. */
export function routeText(route: RouteReply, active: RouteVersionReply | undefined): string {
  const events = route.events.map(({ at, action, by, version }) => [new Date(at * 1_000).toISOString(), action, by, version ?? '-']);
  const measured = [canaryText(route), ...route.cascades.map(cascadeText), active === undefined ? '' : reuseText(active)];
  return [
    routeTable([route]),
    ...(active === undefined ? [] : [jsonText(definitionOf(active))]),
    ...measured.filter((text) => text !== ''),
    table(['at', 'what', 'by', 'serves'], events),
  ].join('\n\n');
}

/** Of `answer_reuse`, what is not said in the file. */
const MEASURED: ReadonlySet<string> = new Set(['checked', 'differed', 'false_hit_bound', 'state']);

/** What made the version, without what was measured of it since. */
function definitionOf({ route, rules, default: otherwise, guardrails, answer_reuse: reuse, comment }: RouteVersionReply): object {
  const terms = Object.entries(reuse ?? {}).filter(([name]) => !MEASURED.has(name));
  return {
    name: route,
    rules,
    default: otherwise,
    ...(guardrails.length === 0 ? {} : { guardrails }),
    ...(reuse === null ? {} : { answer_reuse: Object.fromEntries(terms) }),
    ...(comment === '' ? {} : { comment }),
  };
}

function canaryText({ name, canary }: RouteReply): string {
  if (canary === null) return '';
  const { version, share, requests, failures } = canary;
  return (
    `canary ${name}@${version} has ${percent(share)} of the requests: ` +
    `${failures.canary} of ${requests.canary} failed, ${failures.stable} of ${requests.stable} without it`
  );
}

const cascadeText = ({ student, teacher, confidence, requests, escalated, capped, shadows, outcomes }: CascadeReply): string =>
  `cascade ${student.join(', ')} to ${teacher.join(', ')} by ${confidence}: ${escalated} of ${requests} requests escalated, ${capped} kept by the cap; ` +
  `${Math.round(outcomes)} answers compared, ${shadows.count} of them by shadows for ${shadows.cost_usd} USD`;

function reuseText({ answer_reuse: reuse }: RouteVersionReply): string {
  if (reuse === null) return '';
  const { state, checked, differed, false_hit_bound: bound, false_hit_max: most } = reuse;
  return `reuse of answers: ${state}; ${differed} of ${checked} checked differed, so at most ${percent(bound)} are false (limit ${percent(most)})`;
}

/** A line for each rule that was evaluated, with the outcome of its conditions; then the decision. */
export function explanationLines(explained: ExplanationReply): string[] {
  const { route, version, reason, rules, groups, left_out: leftOut, guardrails, refusal } = explained;
  const found = rules.map(({ rule, holds, conditions }) => {
    const members = (conditions as { member: string; value: unknown; holds: boolean }[]).map(
      ({ member, value, holds: isMet }) => `${isMet ? '+' : '-'}${member}${valueText(value)}`,
    );
    return `${holds ? 'applies' : 'not    '}  ${rule}  ${members.join(' ')}`;
  });
  const targets = groups.map((group, at) => `${at + 1}. ${group.map(({ target, weight }) => `${target} (${weight})`).join(', ')}`);
  return [
    `${route}@${version}: ${reason}`,
    ...found,
    ...(refusal === null ? targets : [`refused: ${refusal.message}`]),
    ...leftOut.map(({ target, why }) => `left out: ${target} (${why})`),
    ...guardrails.map(({ hook, kind, on }) => `guardrail: ${hook} (${kind}, on ${on})`),
  ];
}

/** A share is a number of many digits. */
function valueText(value: unknown): string {
  if (value === null) return ' (has none)';
  return `=${typeof value === 'number' ? Number(value.toPrecision(6)) : JSON.stringify(value)}`;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** JSON in which each list and object that fits has one line. */
function jsonText(value: unknown, indent = ''): string {
  // In JSON, a line ends only between two tokens.
  const whole = JSON.stringify(value, null, 1).replaceAll(/\n */g, ' ');
  if (typeof value !== 'object' || value === null || indent.length + whole.length <= LINE_CHARS) return whole;
  const inner = `${indent}  `;
  if (Array.isArray(value)) return `[\n${value.map((item) => inner + jsonText(item, inner)).join(',\n')}\n${indent}]`;
  const members = Object.entries(value).map(([name, member]) => `${inner}${JSON.stringify(name)}: ${jsonText(member, inner)}`);
  return `{\n${members.join(',\n')}\n${indent}}`;
}
