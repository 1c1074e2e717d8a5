import type { ModelBucket } from '../../src/inference/served/model-bucket.ts';

/** The files of registered models in a bucket. */
export const modelBucket = (bucket: Pick<R2Bucket, 'get'>): ModelBucket => ({
  async read(key, bytes) {
    const object = await bucket.get(key);
    if (object === null) return 'absent';
    if (object.size === bytes) return new Uint8Array(await object.arrayBuffer());
    // A body that is not read holds its connection.
    await object.body.cancel();
    return 'other-length';
  },
});
