/**
 * The keys that classes of Durable Objects are stored under on one machine, where they are not named after the Worker that hosts them: these were
 * first hosted by another. A class keeps its key for ever, or what it has stored is lost. On Cloudflare they are transferred (transfers.ts).
 */
export const FIRST_HOSTS: Readonly<Record<string, string>> = {
  UpstreamObject: 'sluice-upstreams',
  RouteObject: 'sluice-upstreams',
  UpstreamUseObject: 'sluice-upstreams',
  RequestLogObject: 'sluice-upstreams',
  PlanningObject: 'sluice-planning',
  DebtRegisterObject: 'sluice-planning',
};

/** The `uniqueKey` of a class, by which workerd names the folder of its objects. */
export const storageKeyOf = (className: string, host: string): string => `${FIRST_HOSTS[className] ?? host}-${className}`;
