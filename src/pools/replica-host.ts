import { contains, parseAddressRange } from '../contract/client-address.ts';
import { addressOf, hostName, isForbidden, isLoopback, matchesHost } from '../contract/network-host.ts';

/**
 * Whether the gateway may call a replica at a host: one of those that the operators of its pool name, or the very address from which its agent
 * calls, which may be this machine's own. Never one at which networks answer for themselves, whatever is named. [P93]
 */
export function mayServeAt(host: string, patterns: readonly string[], agentAddress: string | undefined): boolean {
  const name = hostName(host);
  if (isForbidden(name)) return false;
  if (agentAddress !== undefined && isLoopback(name) && isLoopback(agentAddress)) return true;
  const address = addressOf(name);
  const agent = agentAddress === undefined ? undefined : parseAddressRange(agentAddress);
  if (agent !== undefined && address !== undefined && contains(agent, address)) return true;
  return patterns.some((pattern) => matchesHost(name, pattern));
}
