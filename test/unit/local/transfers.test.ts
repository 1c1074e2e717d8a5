import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';
import { unstable_readConfig as readConfig } from 'wrangler';

import { WORKER_NAMES, wranglerToml } from '../../../workers/local/paths.ts';
import { FIRST_HOSTS, storageKeyOf } from '../../../workers/local/storage-keys.ts';
import { withTransfers } from '../../../workers/local/transfers.ts';

interface Migration {
  readonly tag: string;
  readonly new_sqlite_classes?: readonly string[];
  readonly transferred_classes?: readonly { readonly from: string; readonly from_script: string; readonly to: string }[];
}

/** As wrangler reads it. */
const configOf = (config: string) => {
  const { name, migrations, durable_objects: objects } = readConfig({ config });
  return { name: String(name), migrations: migrations as readonly Migration[], bindings: objects.bindings };
};

const configs = WORKER_NAMES.map((worker) => configOf(wranglerToml(worker)));
const hosted = configs.flatMap(({ name, migrations }) =>
  migrations.flatMap(({ new_sqlite_classes: classes = [] }) => classes.map((className) => ({ className, host: name }))),
);

it('[G69] every class has one host, to which its bindings lead, and keeps the key of its first one', () => {
  expect(new Set(hosted.map(({ className }) => className)).size).toBe(hosted.length);
  const hostOf = new Map(hosted.map(({ className, host }) => [className, host]));
  for (const { name, bindings } of configs) {
    for (const { class_name: className, script_name: script = name } of bindings) expect(hostOf.get(className), className).toBe(script);
  }
  // As they were when these classes were first deployed: a key that changes loses what is stored.
  expect(hosted.map(({ className, host }) => storageKeyOf(className, host)).sort()).toEqual(
    [
      ...['Upstream', 'Route', 'UpstreamUse', 'RequestLog'].map((name) => `sluice-upstreams-${name}Object`),
      ...['Planning', 'DebtRegister'].map((name) => `sluice-planning-${name}Object`),
      ...['Shard', 'Replica'].map((name) => `sluice-shards-${name}Object`),
      ...['Generation', 'CallBatch', 'Documents'].map((name) => `sluice-gateway-${name}Object`),
      ...['Scheduler', 'Pool', 'Billing', 'Directory', 'Organisation', 'Quota', 'EmbeddingCache', 'PurgeLog', 'Index', 'Locator'].map(
        (name) => `sluice-objects-${name}Object`,
      ),
      ...['Registry', 'JobLog', 'ModelRegistry', 'Prompt', 'StoredAnswer'].map((name) => `sluice-objects-${name}Object`),
    ].sort(),
  );
});

it('[G69] transfers take classes from the Worker of their key to their host, in steps of the same tags', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-transfers-'));
  try {
    const config = join(folder, 'wrangler.toml');
    await writeFile(config, withTransfers(readFileSync(wranglerToml('objects'), 'utf8')));
    const { name, migrations } = configOf(config);
    const transfers = migrations.flatMap(({ transferred_classes: classes = [] }) => classes);
    expect(transfers.map(({ from }) => from).sort()).toEqual(Object.keys(FIRST_HOSTS).sort());
    for (const { from, from_script: script, to } of transfers) {
      expect(to).toBe(from);
      expect(storageKeyOf(to, name)).toBe(`${script}-${from}`);
      expect(hosted).toContainEqual({ className: to, host: name });
    }
    const own = configOf(wranglerToml('objects'));
    expect(migrations.map(({ tag }) => tag)).toEqual(own.migrations.map(({ tag }) => tag));
    expect(migrations.filter(({ new_sqlite_classes: made }) => made !== undefined)).toEqual(
      own.migrations.filter(({ new_sqlite_classes: made = [] }) => made.every((className) => FIRST_HOSTS[className] === undefined)),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
