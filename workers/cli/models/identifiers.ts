/**
 * Names as programmers, operators and buyers write them: of functions, tools, models, versions, errors, addresses and articles. None is made up.
 * What the model makes of them is measured on these.
 */
export const IDENTIFIERS: readonly string[] = [
  ...'getElementById querySelectorAll addEventListener readFileSync createServer requestAnimationFrame encodeURIComponent'.split(' '),
  ...'structuredClone localStorage XMLHttpRequest textContent getOwnPropertyNames waitUntil arrayBuffer sendBeacon'.split(' '),
  ...'read_csv to_datetime train_test_split fit_transform load_state_dict zero_grad cross_val_score from_pretrained'.split(' '),
  ...'drop_duplicates set_index value_counts pg_stat_statements max_connections work_mem SIGTERM_TIMEOUT LD_PRELOAD'.split(' '),
  ...'GPT-4 GPT-4o GPT-3.5 o1-mini Llama-3.1-8B Mixtral-8x7B Qwen2.5-7B gemma-2-9b bge-small-en-v1.5'.split(' '),
  ...'text-embedding-3-small text-embedding-3-large text-embedding-ada-002 all-MiniLM-L6-v2 RTX4090 A100 H100'.split(' '),
  ...'kubectl pgvector nginx systemd ffmpeg wrangler miniflare workerd onnxruntime sqlite3 vitest numpy scipy'.split(' '),
  ...'tsconfig.json package.json docker-compose.yml wrangler.toml node.js asp.net C++ C# F#'.split(' '),
  ...'v1.2.3 v1.2.4 1.0.0-rc.1 192.168.0.1 10.0.0.1 ISO-8601 RFC9211 RFC-2119 CVE-2021-44228 TLSv1.3'.split(' '),
  ...'ECONNREFUSED ENOENT E11000 ERR_MODULE_NOT_FOUND HTTP404 0x80070005 SKU-12345 12345 12346 3.14159 2024-01-15'.split(' '),
];

/** The same name in another of the usual ways: its words joined by underscores where capitals joined them, the other way round, or in the other case. */
export function otherSpelling(name: string): string {
  if (/^[a-zA-Z]+$/.test(name) && /[a-z][A-Z]/.test(name)) return name.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toLowerCase();
  if (/^[a-z]+(_[a-z]+)+$/.test(name)) return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
}
