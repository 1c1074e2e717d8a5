import type { ModelFiles } from '../../src/inference/model-files.ts';

/** The models among the deployment's static assets. */
export function assetFiles(assets: Pick<Fetcher, 'fetch'>): ModelFiles {
  return {
    async read(path) {
      // Only the path counts: the binding answers from the deployment's own files.
      const response = await assets.fetch(`https://assets/models/${path}`);
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      await response.body?.cancel();
      return undefined;
    },
  };
}
