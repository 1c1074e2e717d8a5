/** The gateway reads where a request came in for so many of them: all requests of an isolate arrive in one colo, and reading costs microseconds. */
const LOOKS_MAX_COUNT = 16;

/** The region of this isolate: where its requests come in. */
export class GatewayRegion {
  hint: string | undefined;
  #looks = 0;

  see(request: Pick<Request, 'cf'>): void {
    if (this.hint !== undefined || this.#looks === LOOKS_MAX_COUNT) return;
    this.#looks += 1;
    const { cf } = request;
    this.hint = cf === undefined ? undefined : locationHint(cf as Origin);
  }
}

/** What the platform reports about where a request came in. */
export interface Origin {
  readonly continent?: unknown;
  /** Degrees east, as text. */
  readonly longitude?: unknown;
}

/** Where an object would be near the caller: a location hint of Cloudflare; undefined when the caller's location is not known. */
export function locationHint({ continent, longitude }: Origin): string | undefined {
  const east = typeof longitude === 'string' ? Number(longitude) : NaN;
  switch (continent) {
    case 'NA':
      return east < -100 ? 'wnam' : 'enam';
    case 'EU':
      return east > 20 ? 'eeur' : 'weur';
    case 'AS':
      return east < 60 ? 'me' : 'apac';
    case 'SA':
      return 'sam';
    case 'AF':
      return 'afr';
    case 'OC':
      return 'oc';
    default:
      return undefined;
  }
}
