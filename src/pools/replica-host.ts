import type { AddressRange } from '../contract/client-address.ts';
import { contains, parseAddressRange } from '../contract/client-address.ts';

/**
 * Whether the gateway may call a replica at a host: one of those that the operators of its pool name, or the very address from which its agent
 * calls, which may be this machine's own. Never one at which networks answer for themselves, whatever is named. [P93]
 */
export function mayServeAt(host: string, patterns: readonly string[], agentAddress: string | undefined): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  if (isForbidden(name)) return false;
  const address = rangeOf(name);
  const agent = agentAddress === undefined ? undefined : parseAddressRange(agentAddress);
  if (agent !== undefined && isLoopback(name, address) && isLoopback('', agent)) return true;
  if (agent !== undefined && address !== undefined && contains(agent, address)) return true;
  return patterns.some((pattern) => {
    const range = parseAddressRange(pattern);
    if (range !== undefined) return address !== undefined && contains(range, address);
    return pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern;
  });
}

/** Whether nothing behind a host is a replica: metadata services of clouds, link-local, multicast and unspecified addresses, and what maps to IPv4. */
export function isForbidden(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  const address = rangeOf(name);
  if (address === undefined) return METADATA_NAMES.has(name) || /^[\d.]+$/.test(name) || name === '';
  return !isLoopback('', address) && FORBIDDEN.some((range) => contains(range, address));
}

const rangeOf = (host: string): AddressRange | undefined => parseAddressRange(host.startsWith('[') ? host.slice(1, -1) : host);

function isLoopback(name: string, address: AddressRange | undefined): boolean {
  if (address === undefined) return name === 'localhost' || name.endsWith('.localhost');
  return LOOPBACK.some((range) => contains(range, address));
}

const ranges = (...texts: readonly string[]): readonly AddressRange[] => texts.flatMap((text) => parseAddressRange(text) ?? []);

const LOOPBACK = ranges('127.0.0.0/8', '::1');

const METADATA_NAMES = new Set(['metadata', 'metadata.google.internal', 'metadata.goog', 'metadata.azure.internal', 'instance-data']);

const FORBIDDEN = ranges(
  // Unspecified, link-local (the metadata of most clouds), multicast, reserved and broadcast.
  '0.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  'fe80::/10',
  'ff00::/8',
  // Metadata at addresses of its own: Alibaba, Oracle, AWS.
  '100.100.100.200',
  '192.0.0.192',
  'fd00:ec2::/32',
  // IPv4 in other forms of IPv6 than the one that is read as IPv4: compatible, NAT64, 6to4.
  '::/96',
  '64:ff9b::/96',
  '2002::/16',
);
