import { isHostPattern } from '../contract/api/client-address.ts';
import { API_LIMITS } from '../contract/api/api-limits.ts';
import { callAtEndOf } from '../contract/api/call-paths.ts';
import { refusal, withSuggestion } from '../contract/api/errors.ts';
import { hostName, isForbidden, isPrivate, matchesHost } from '../contract/api/network-host.ts';
import type { Outcome } from '../contract/api/outcome.ts';
import { refuse } from '../contract/api/outcome.ts';
import type { JobId } from '../kernel/ids.ts';
import { err, ok } from '../kernel/result.ts';
import type { UpstreamProtocol } from './target.ts';

interface HostRule {
  /** As `matchesHost` reads it. */
  readonly pattern: string;
  readonly port: number;
}

/** Where upstreams may be, as the operators of a deployment say. */
export interface UpstreamHosts {
  /** Empty: any host of the Internet, at the port of https. */
  readonly allowed: readonly HostRule[];
  /** Hosts of this machine or its network, which may be called without TLS. */
  readonly local: readonly HostRule[];
  /** Whether the deployment has the binding of Workers AI. */
  readonly hasWorkersAi?: boolean;
}

const HTTPS_PORT = 443;

/**
 * Reads `UPSTREAM_HOSTS` (`api.openai.com, *.example.com:8443`) and `UPSTREAM_PRIVATE_HOSTS` (`127.0.0.1:11434, gpu-1.internal:8000`), whose
 * hosts have a port each. Undefined: one of them is written otherwise.
 */
export function parseUpstreamHosts(allowed = '', local = ''): UpstreamHosts | undefined {
  const rules = [readRules(allowed, HTTPS_PORT), readRules(local, undefined)] as const;
  return rules[0] === undefined || rules[1] === undefined ? undefined : { allowed: rules[0], local: rules[1] };
}

function readRules(text: string, portElse: number | undefined): readonly HostRule[] | undefined {
  const items = text
    .split(',')
    .map((item) => item.trim().toLowerCase())
    .filter((item) => item !== '');
  const rules = items.map((item): HostRule | undefined => {
    const [, bracketed, bare, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(item) ?? [];
    const pattern = bracketed ?? bare ?? '';
    const port = digits === undefined ? portElse : Number(digits);
    return isHostPattern(pattern) && port !== undefined && port >= 1 && port <= 65_535 ? { pattern, port } : undefined;
  });
  return rules.every((rule) => rule !== undefined) ? rules : undefined;
}

const no = (why: string) => refuse('invalid_value', why, 'base_url');
const denied = (why: string) => refuse('address_denied', why, 'base_url');

/** In place of a URL: Workers AI is called by a binding. */
const WORKERS_AI = 'binding:AI';

/** In place of a URL: the replicas of a job. */
const REPLICAS = /^replicas:(job_[0-9a-z]{26})$/;

/** The job whose replicas are the servers of an upstream; undefined: its server is at a URL. */
export const replicasJobOf = (baseUrl: string): JobId | undefined => REPLICAS.exec(baseUrl)?.[1] as JobId | undefined;

/** Where an upstream is: the URL below which it is called, the binding of the deployment, or the replicas of a job. [U3] [U11] [U12] */
export function checkAddress(protocol: UpstreamProtocol, text: string, hosts: UpstreamHosts): Outcome<string> {
  if (protocol !== 'workers-ai') return replicasJobOf(text) === undefined ? checkBaseUrl(text, hosts) : ok(text);
  if (text !== WORKERS_AI) return no(`must be ${WORKERS_AI} with the protocol workers-ai`);
  return hosts.hasWorkersAi === true ? ok(text) : denied('the gateway has no binding `AI`: operators add one to its wrangler.toml');
}

/**
 * The URL below which an upstream is called, without a slash at its end. Refuses what is no URL of a host, and a host that may not be called: the
 * same when an upstream is stored and when it is called. [U3]
 */
export function checkBaseUrl(text: string, hosts: UpstreamHosts): Outcome<string> {
  if (text.length > API_LIMITS.upstreamUrlCharsMax) return no(`has ${text.length} characters; at most ${API_LIMITS.upstreamUrlCharsMax}`);
  const url = urlOf(text);
  if (url === undefined) return no('must be a URL such as https://api.openai.com/v1');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return no('must begin with https://');
  if (url.username !== '' || url.password !== '') return no('must not contain a user or a password: a secret belongs in `secret`');
  if (url.search !== '' || url.hash !== '' || /[?#]/.test(text)) return no('must have neither a query nor a fragment');
  const address = `${url.origin}${url.pathname}`.replace(/\/+$/, '');
  const call = callAtEndOf(url.pathname);
  if (call !== undefined)
    return err(
      withSuggestion(refusal('invalid_value', `must be without ${call}, the path of a call`, 'base_url'), address.slice(0, -call.length)),
    );
  const checked = checkHost(url, hosts);
  return checked.ok ? ok(address) : checked;
}

function checkHost(url: URL, { allowed, local }: UpstreamHosts): Outcome<null> {
  const host = hostName(url.hostname);
  const isTls = url.protocol === 'https:';
  const port = url.port === '' ? (isTls ? HTTPS_PORT : 80) : Number(url.port);
  if (isForbidden(host)) return denied('upstreams may not be at such an address');
  const isNamed = (rule: HostRule): boolean => rule.port === port && matchesHost(host, rule.pattern);
  if (local.some(isNamed)) return ok(null);
  if (isPrivate(host)) return denied(`${host}:${port} is of a private network: operators name such hosts in UPSTREAM_PRIVATE_HOSTS`);
  if (!isTls) return denied('must begin with https://, unless operators name its host and port in UPSTREAM_PRIVATE_HOSTS');
  if (allowed.some(isNamed)) return ok(null);
  if (allowed.length > 0) return denied(`${host}:${port} is none of the hosts that operators name in UPSTREAM_HOSTS`);
  return port === HTTPS_PORT ? ok(null) : denied(`port ${port} is not allowed: operators name such hosts in UPSTREAM_HOSTS`);
}

function urlOf(text: string): URL | undefined {
  // What URLs leave out or turn round, which people would read otherwise.
  if (/[\s\\\p{Cc}]/u.test(text)) return undefined;
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
