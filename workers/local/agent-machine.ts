import { ONE_ATTEMPT_ROOM, withStandingRoom } from '../../src/contract/pools/standing-room.ts';
import { HOST } from './workerd-config.ts';

interface AgentMachine {
  /** Further variables of the agents' environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** What each agent has to offer, as an elastic pool reckons with. */
  readonly node: { readonly cpu_milli: number; readonly memory_mib: number };
}

/** Models that an agent of this machine serves at once; one without calls gives its place back. */
const REPLICAS = 16;

/**
 * What the agents of this machine do besides jobs, one at a time as ever: they serve models, on loopback alone, and keep as much of these in
 * memory as `MODEL_MEMORY_MIB` says. What the environment says of agents wins. [P129]
 */
export function agentMachine(
  environment: Readonly<Record<string, string | undefined>>,
  { MODEL_MEMORY_MIB: memoryMib = '0', MODEL_REPLICAS: replicas }: Readonly<Record<string, string>>,
): AgentMachine {
  if (replicas !== 'auto') return { environment: {}, node: ONE_ATTEMPT_ROOM };
  const own = (name: string): string | undefined => environment[`SLUICE_AGENT_${name}`] || undefined;
  const weights = own('WEIGHTS_MIB') ?? memoryMib;
  const allowed = new Set([...(own('ALLOW') ?? '').split(','), 'online_inference']);
  const places = own('REPLICAS') ?? String(REPLICAS);
  return {
    environment: {
      SLUICE_AGENT_ALLOW: [...allowed].filter((kind) => kind !== '').join(','),
      SLUICE_AGENT_ADDRESS: own('ADDRESS') ?? HOST,
      SLUICE_AGENT_REPLICAS: places,
      SLUICE_AGENT_WEIGHTS_MIB: weights,
    },
    node: withStandingRoom(ONE_ATTEMPT_ROOM, Number(places), Number(weights)),
  };
}
