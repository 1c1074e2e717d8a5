/** Bindings of the inference Worker: its wrangler.toml, as types. */
export interface InferenceEnv {
  readonly ASSETS: Fetcher;
}
