import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { MODEL_LIMITS } from '../../../../src/contract/models/model-limits.ts';
import { ROOT } from '../../../local/paths.ts';
import { UsageError } from '../../command/command.ts';
import { chooseFiles } from './choose-files.ts';
import type { ModelSource } from './model-source.ts';
import type { TransferProgress } from './transfer-progress.ts';
import { HubCache } from './hub-cache.ts';
import { HubClient } from './hub-client.ts';
import { readHubReference, shownReference } from './hub-reference.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Downloads what a model of a hub needs to serve, as far as it is not on this machine. */
export async function hubSource(
  text: string,
  variant: string | undefined,
  progress: TransferProgress,
  environment: Environment = process.env,
): Promise<ModelSource> {
  const reference = readHubReference(text);
  const cache = new HubCache({
    folder: environment['SLUICE_HUB_CACHE'] ?? join(ROOT, '.sluice/cache/hub'),
    client: clientOf(environment),
    pause: (ms) => setTimeout(ms),
  });
  const { repository } = reference;
  const { commit, licence, files } = await cache.revision(reference);
  const paths = new Set(
    chooseFiles(
      files.map(({ path }) => path),
      variant,
    ),
  );
  const chosen = files.filter(({ path }) => paths.has(path));
  const bytes = chosen.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes > MODEL_LIMITS.modelBytesMax)
    throw new UsageError(`${text} has ${bytes} bytes; a model has at most ${MODEL_LIMITS.modelBytesMax}: choose a smaller --variant`);
  const local: { path: string; from: string }[] = [];
  for (const [at, file] of chosen.entries()) {
    const step = progress.begin('download', at, chosen.length, file.path, file.bytes);
    local.push({ path: file.path, from: await cache.file(repository, commit, file, step) });
  }
  progress.end();
  return {
    name: repository.slice(repository.indexOf('/') + 1).slice(0, 64),
    files: local,
    stated: { parents: [shownReference(repository, commit)], ...(licence === undefined ? {} : { licence }) },
  };
}

/** Undefined: the hub is not to be asked. */
function clientOf(environment: Environment): HubClient | undefined {
  if (/^(?:1|true|yes|on)$/i.test(environment['HF_HUB_OFFLINE'] ?? '')) return undefined;
  const { HF_ENDPOINT: endpoint = 'https://huggingface.co', HF_TOKEN: token } = environment;
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint)) throw new UsageError(`HF_ENDPOINT is ${endpoint}, which is no URL of a hub`);
  return new HubClient({ endpoint: new URL(endpoint.replace(/\/*$/, '/')), token });
}
