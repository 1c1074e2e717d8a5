/** Bindings of the gateway Worker: the root wrangler.toml, as types. */
export interface GatewayEnv {
  readonly ASSETS: Fetcher;
  /** `warn` keeps one-line-a-request logs off; anything else logs each request. */
  readonly LOG_LEVEL?: string;
}
