import type { ModelBucket } from '../../src/inference/served/model-bucket.ts';

/** The files of registered models in a bucket, and what is made of them. */
export const modelBucket = (bucket: Pick<R2Bucket, 'get' | 'head' | 'put' | 'delete'>): ModelBucket => ({
  async read(key, bytes) {
    const object = await bucket.get(key);
    if (object === null) return 'absent';
    if (object.size === bytes) return new Uint8Array(await object.arrayBuffer());
    // A body that is not read holds its connection.
    await object.body.cancel();
    return 'other-length';
  },
  derived: {
    async read(key) {
      const object = await bucket.get(key);
      return object === null ? undefined : new Uint8Array(await object.arrayBuffer());
    },
    async write(key, bytes, ofKey) {
      await bucket.put(key, bytes);
      // The file may have been removed meanwhile, with all that was made of it until then.
      if ((await bucket.head(ofKey)) === null) await bucket.delete(key);
    },
  },
});
