import type { ModelBucket, StoredFile } from '../../src/inference/served/model-bucket.ts';
import { toHex } from '../../src/kernel/bytes.ts';

/** The files of registered models in a bucket, and what is made of them. */
export const modelBucket = (bucket: Pick<R2Bucket, 'get' | 'head' | 'put' | 'delete'>): ModelBucket => {
  const find = async (key: string, bytes: number): Promise<R2ObjectBody | 'absent' | 'other-length'> => {
    const object = await bucket.get(key);
    if (object === null) return 'absent';
    if (object.size === bytes) return object;
    // A body that is not read holds its connection.
    await object.body.cancel();
    return 'other-length';
  };
  return {
    async read(key, bytes) {
      const object = await find(key, bytes);
      return typeof object === 'string' ? object : new Uint8Array(await object.arrayBuffer());
    },
    async open(key, bytes) {
      const object = await find(key, bytes);
      return typeof object === 'string' ? object : storedFile(bucket, key, object);
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
  };
};

function storedFile(bucket: Pick<R2Bucket, 'get'>, key: string, { body, etag }: R2ObjectBody): StoredFile {
  const digest = new crypto.DigestStream('SHA-256');
  const writer = digest.getWriter();
  async function* hashed(): AsyncGenerator<Uint8Array<ArrayBuffer>, undefined> {
    for await (const piece of body) {
      await writer.write(piece);
      yield piece as Uint8Array<ArrayBuffer>;
    }
    await writer.close();
  }
  return {
    pieces: hashed(),
    sha256: async () => toHex(new Uint8Array(await digest.digest)),
    async part(offset, length) {
      const part = await bucket.get(key, { range: { offset, length }, onlyIf: { etagMatches: etag } });
      if (part === null || !('body' in part)) throw new Error('the file is gone, or another');
      return new Uint8Array(await part.arrayBuffer());
    },
  };
}
