import { API_LIMITS } from './api-limits.ts';

/** From pages of which origins browsers may call a deployment. */
export interface CrossOriginPolicy {
  readonly origins: ReadonlySet<string>;
  /** Any page. */
  readonly any: boolean;
  /** Those that the key of a call names, too. */
  readonly byKey: boolean;
}

const ANY = '*';
const BY_KEY = 'keys';
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(?:[^\s/?#@:"'<>\\,*\p{Lu}]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/u;
const PORTS: Readonly<Record<string, string>> = { http: '80', https: '443' };

/** Whether this is how browsers write an origin: in lower case, without a path, and without the port that its scheme has anyway. */
export function isOrigin(text: string): boolean {
  const parts = text.length > API_LIMITS.originCharsMax ? null : ORIGIN.exec(text);
  if (parts === null) return false;
  const [, scheme = '', port] = parts;
  return port === undefined || port !== PORTS[scheme];
}

/** Of a list by commas: origins, `*` for any, and `keys` for those that keys name. Undefined when something else is in it. */
export function parseOrigins(text: string): CrossOriginPolicy | undefined {
  const items = text.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]));
  const origins = items.filter((item) => item !== ANY && item !== BY_KEY);
  if (!origins.every(isOrigin)) return undefined;
  return { origins: new Set(origins), any: items.includes(ANY), byKey: items.includes(BY_KEY) };
}

/** What a setting says; undefined where it says nothing, or has a mistake in it: then no page is shared with. */
export const crossOriginPolicy = (text = ''): CrossOriginPolicy | undefined => (text.trim() === '' ? undefined : parseOrigins(text));

/** Whether a page may make a call: what a key names narrows what the deployment says, and is enough where that counts. */
export function admitsOrigin({ origins, any, byKey }: CrossOriginPolicy, origin: string, ofKey: readonly string[] | null): boolean {
  const isOfDeployment = any || origins.has(origin);
  return ofKey === null ? isOfDeployment : ofKey.includes(origin) && (byKey || isOfDeployment);
}

/** Whether naming the origin in a key has any effect. */
export const canNameOrigin = (policy: CrossOriginPolicy | undefined, origin: string): boolean =>
  policy !== undefined && admitsOrigin(policy, origin, [origin]);

/** Whether some key could admit a page: this is not known before the call, because a preflight carries no key. */
export const mayAdmitOrigin = (policy: CrossOriginPolicy, origin: string): boolean => policy.byKey || admitsOrigin(policy, origin, null);
