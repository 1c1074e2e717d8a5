import type { Command } from 'commander';

import { command, positive, table, whole } from '../command/command.ts';
import type { Shown } from '../gateway/gateway-command.ts';
import { print, shown } from '../gateway/gateway-command.ts';
import type { ModelView, VersionView, Whose } from './model-view.ts';
import { modelClient, modelPath, modelsTable, ofModel, versionsTable, whose } from './model-view.ts';

interface Listed<T> {
  readonly data: readonly T[];
  readonly has_more: boolean;
}

interface EventView {
  readonly at: number;
  readonly by: string;
  readonly action: string;
  readonly version: number | null;
  readonly detail: string;
}

/** `sluice models list`. */
export const listModels = (): Command =>
  shown(whose(command('list', 'The models that you may use, and what serves under each name.'))).action(
    async ({ json, ...of }: Shown & Whose) => {
      const client = await modelClient(of);
      const all: ModelView[] = [];
      for (let after = ''; ;) {
        const page = await client.call<Listed<ModelView>>('GET', `/v1/models?limit=100${after}`);
        all.push(...page.data);
        if (!page.has_more) break;
        after = `&after=${encodeURIComponent(page.data.at(-1)?.id ?? '')}`;
      }
      if (json === true) return print(all);
      console.log(modelsTable(all));
    },
  );

/** `sluice models show MODEL`. */
export const showModel = (): Command =>
  shown(whose(ofModel('show', 'A model: its versions, and what happened to it.'))).action(
    async (model: string, { json, ...of }: Shown & Whose) => {
      const client = await modelClient(of);
      const found = await client.call<ModelView>('GET', modelPath(model));
      const versions = await client.call<Listed<VersionView>>('GET', modelPath(model, '/versions?limit=100')).catch(() => ({ data: [] }));
      const events = await client.call<Listed<EventView>>('GET', modelPath(model, '/events?limit=20')).catch(() => ({ data: [] }));
      if (json === true) return print({ ...found, versions: versions.data, events: events.data });
      console.log(modelsTable([found]));
      if (versions.data.length > 0) console.log(`\n${versionsTable(versions.data)}`);
      const rows = events.data.map(({ at, action, version, detail, by }) => [
        new Date(at * 1000).toISOString(),
        action,
        version ?? '',
        detail,
        by,
      ]);
      if (rows.length > 0) console.log(`\n${table(['at', 'what', 'version', '', 'by'], rows)}`);
    },
  );

interface Promotion {
  readonly share: number;
  readonly override?: string;
}

/** `sluice models promote MODEL VERSION`. */
export const promoteModel = (): Command =>
  whose(ofModel('promote', 'Has a version serve, or a share of the requests.'))
    .argument('<version>', 'its number', whole(1, 999_999_999))
    .option('--share <s>', 'of the requests: below 1 the version is the canary', positive(1), 1)
    .option('--override <reason>', 'why it serves alone although its gate refused it: noted in its history and in the audit trail')
    .action(async (model: string, version: number, { share, override, ...of }: Whose & Promotion) => {
      const terms = { version, share, ...(override === undefined ? {} : { override: { reason: override } }) };
      const promoted = await (await modelClient(of)).call<VersionView>('POST', modelPath(model, '/promote'), terms);
      console.log(
        share < 1 ? `${model}@${version} is the canary of ${share * 100} % of the requests` : `${model}@${promoted.version} serves`,
      );
    });

/** `sluice models rollback MODEL`. */
export const rollbackModel = (): Command =>
  whose(ofModel('rollback', 'Ends the canary or, without one, has the version before serve again.')).action(
    async (model: string, of: Whose) => {
      const back = await (await modelClient(of)).call<VersionView>('POST', modelPath(model, '/rollback'));
      console.log(`${model}@${back.version} serves`);
    },
  );

/** `sluice models alias MODEL ALIAS`. */
export const aliasModel = (): Command =>
  whose(ofModel('alias', 'Gives a model another name, or takes that name away.'))
    .argument('<alias>', 'such as text-embedding-3-small')
    .option('--version <n>', 'for this version, whatever serves', whole(1, 999_999_999))
    .option('--remove', 'the alias goes')
    .action(
      async (
        model: string,
        alias: string,
        { version, remove, ...of }: Whose & { readonly version?: number; readonly remove?: boolean },
      ) => {
        const path = modelPath(model, `/aliases/${encodeURIComponent(alias)}`);
        const client = await modelClient(of);
        if (remove === true) await client.call('DELETE', path);
        else await client.call('PUT', path, version === undefined ? {} : { version });
        console.log(
          remove === true ? `${alias} is no name any more` : `${alias} stands for ${model}${version === undefined ? '' : `@${version}`}`,
        );
      },
    );

/** `sluice models remove MODEL`. */
export const removeModel = (): Command =>
  whose(ofModel('remove', 'Deletes a model, or retires one of its versions.'))
    .option('--version <n>', 'this version alone: its files go, its record stays', whole(1, 999_999_999))
    .action(async (model: string, { version, ...of }: Whose & { readonly version?: number }) => {
      const client = await modelClient(of);
      await client.call('DELETE', modelPath(model, version === undefined ? '' : `/versions/${version}`));
      console.log(version === undefined ? `${model} is deleted` : `${model}@${version} is retired`);
    });
