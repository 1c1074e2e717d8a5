/** Where an agent works, from its environment. */
export interface AgentConfig {
  /** Of the gateway, without a slash at its end. */
  readonly url: string;
  readonly poolId: string;
  readonly token: string;
  /** Where agents of this machine share what they computed; undefined: each keeps its own. */
  readonly cacheSocket: string | undefined;
}

/** Throws, naming the variable, when one is absent or the URL is none. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): AgentConfig {
  const variable = (name: string): string => {
    const value = environment[name];
    if (value === undefined || value === '') throw new Error(`set the environment variable ${name}`);
    return value;
  };
  const url = variable('SLUICE_URL');
  if (!URL.canParse(url)) throw new Error(`SLUICE_URL must be the URL of a gateway, not "${url}"`);
  return {
    url: url.replace(/\/+$/, ''),
    poolId: variable('SLUICE_POOL'),
    token: variable('SLUICE_AGENT_TOKEN'),
    cacheSocket: environment['SLUICE_CACHE_SOCKET'],
  };
}
