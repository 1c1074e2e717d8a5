import type { AddressRange } from './client-address.ts';
import { contains, parseAddressRange } from './client-address.ts';

// Classifies the host of a URL before anything is sent to it. Names are judged as they are written, without resolving them.

/** Without the dot at its end, which leads to the same host. */
export const hostName = (host: string): string => host.toLowerCase().replace(/\.$/, '');

/** The address that a host is; undefined for a name. */
export const addressOf = (host: string): AddressRange | undefined => parseAddressRange(host.startsWith('[') ? host.slice(1, -1) : host);

/** Whether nothing behind a host may be called: metadata services of clouds, link-local, multicast and unspecified addresses, and what maps to IPv4. */
export function isForbidden(host: string): boolean {
  const name = hostName(host);
  const address = addressOf(name);
  if (address === undefined) return METADATA_NAMES.has(name) || /^[\d.]+$/.test(name) || name === '';
  return !isLoopbackAddress(address) && FORBIDDEN.some((range) => contains(range, address));
}

export function isLoopback(host: string): boolean {
  const address = addressOf(host);
  return address === undefined ? host === 'localhost' || host.endsWith('.localhost') : isLoopbackAddress(address);
}

/** Whether a host is of this machine or of its network, and not of the Internet: also a name without a dot, or of a zone that is local. */
export function isPrivate(host: string): boolean {
  const name = hostName(host);
  const address = addressOf(name);
  if (address !== undefined) return isLoopbackAddress(address) || PRIVATE.some((range) => contains(range, address));
  return isLoopback(name) || !name.includes('.') || LOCAL_ZONES.some((zone) => name.endsWith(zone));
}

/** Whether a host is one of those that a pattern names: `*.example.com`, a name, an address or a range of addresses. */
export function matchesHost(host: string, pattern: string): boolean {
  const range = parseAddressRange(pattern);
  if (range === undefined) return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;
  const address = addressOf(host);
  return address !== undefined && contains(range, address);
}

const ranges = (...texts: readonly string[]): readonly AddressRange[] => texts.flatMap((text) => parseAddressRange(text) ?? []);

const LOOPBACK = ranges('127.0.0.0/8', '::1');

const isLoopbackAddress = (address: AddressRange): boolean => LOOPBACK.some((range) => contains(range, address));

// Private use, shared by carriers, IETF protocols, benchmarks, documentation; unique local and site-local of IPv6.
const PRIVATE = ranges(
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  'fc00::/7',
  'fec0::/10',
  '2001:db8::/32',
);

const LOCAL_ZONES = ['.svc', '.local', '.internal', '.localdomain', '.lan', '.home.arpa', '.intranet', '.corp', '.home'];

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
  // IPv4 in other forms of IPv6 than the one that is read as IPv4: compatible, NAT64, 6to4, Teredo.
  '::/96',
  '64:ff9b::/96',
  '2002::/16',
  '2001::/32',
);
