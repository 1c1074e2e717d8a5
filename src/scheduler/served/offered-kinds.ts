import type { JobKind } from '../../contract/jobs/job-work.ts';
import { KIND_FACTS } from '../../contract/jobs/job-facts.ts';
import type { Cell } from '../engine/cell/cell.ts';
import type { JobSpec, ResourceOption, TopologyRequest } from '../engine/model/job-spec.ts';

// The engine knows no kinds of jobs that only some nodes run, but levels of domains that only some nodes lie in: nodes that run a kind which
// needs the leave of their operators lie in a domain of a level of that kind, and its jobs require one. [J135]

/** No other level has such a name: those of requests have no colon. */
const RUNS = 'runs:';
const levelOf = (kind: JobKind, level?: string): string => RUNS + (level === undefined ? kind : `${kind}:${level}`);

/** The domains of a node, with those that say which kinds it runs. */
export function domainsOf(
  domains: Readonly<Record<string, string>>,
  kinds: readonly JobKind[] | undefined,
): Readonly<Record<string, string>> {
  const named = (kinds ?? []).filter((kind) => KIND_FACTS[kind].isOptIn);
  if (named.length === 0) return domains;
  const added = named.flatMap((kind) => [
    [levelOf(kind), 'yes'],
    ...Object.entries(domains).map(([level, domain]) => [levelOf(kind, level), domain]),
  ]);
  return { ...domains, ...(Object.fromEntries(added) as Record<string, string>) };
}

/** The domains that operators name, without those that say which kinds a node runs. */
export const namedDomains = (domains: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(domains).filter(([level]) => !level.startsWith(RUNS)));

/** The kind that a node has to be let run for an option; null where that takes no leave. */
export function kindRequired(option: Pick<ResourceOption, 'topology'> | undefined): JobKind | null {
  const level = option?.topology?.level;
  return level?.startsWith(RUNS) === true ? ((level.split(':')[1] ?? null) as JobKind | null) : null;
}

/** An option of a job, for nodes that run its kind alone. */
export function optionOf(option: ResourceOption, kind: JobKind): ResourceOption {
  if (!KIND_FACTS[kind].isOptIn) return option;
  const { topology } = option;
  const offered: TopologyRequest =
    topology === null
      ? { level: levelOf(kind), mode: 'required', block: false }
      : { ...topology, level: levelOf(kind, topology.level), mode: 'required' };
  return { ...option, topology: offered };
}

/** Whether there is a node that runs jobs of this kind, in a pool that any option of the job accepts or not. */
export function isOffered({ fleet }: Cell, { options }: JobSpec): boolean {
  const levels = options.flatMap(({ topology }) => (topology?.level.startsWith(RUNS) === true ? [topology.level] : []));
  if (levels.length < options.length) return true;
  for (const { spec } of fleet.pools) {
    for (const node of fleet.nodesOf(spec.id)) if (levels.some((level) => fleet.node(node).spec.domains[level] !== undefined)) return true;
  }
  return false;
}
