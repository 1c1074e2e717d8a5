import type { S3Keys } from '../../../../src/gateway/files/presigned-url.ts';
import { presignedUrl } from '../../../../src/gateway/files/presigned-url.ts';
import type { StoreUrls } from '../../../../src/gateway/pools/transfer-urls.ts';
import type { Clock } from '../../../../src/kernel/clock.ts';
import type { FileId, TenantId } from '../../../../src/kernel/ids.ts';

/** Settings under which the S3 API of the bucket of files can be reached; all of them, or none. */
export interface S3Env {
  /** Of the account, such as `https://<account>.r2.cloudflarestorage.com`. */
  readonly SLUICE_S3_ENDPOINT?: string;
  readonly SLUICE_S3_BUCKET?: string;
  /** Of a token that may read the objects of that bucket and do nothing else. */
  readonly SLUICE_S3_ACCESS_KEY_ID?: string;
  readonly SLUICE_S3_SECRET_ACCESS_KEY?: string;
}

/** Which object has the content of a file; undefined: there is none. */
interface ObjectKeys {
  objectKey(tenantId: TenantId, id: FileId): Promise<string | undefined>;
}

/** URLs by which agents read files from R2 itself; undefined where the deployment has no keys for it. Throws where it has some of them. */
export function r2Urls(env: S3Env, store: ObjectKeys, clock: Clock): StoreUrls | undefined {
  const { SLUICE_S3_ENDPOINT: endpoint, SLUICE_S3_BUCKET: bucket } = env;
  const { SLUICE_S3_ACCESS_KEY_ID: accessKeyId, SLUICE_S3_SECRET_ACCESS_KEY: secretAccessKey } = env;
  if (!endpoint && !bucket && !accessKeyId && !secretAccessKey) return undefined;
  if (!endpoint || !bucket || !accessKeyId || !secretAccessKey) {
    throw new Error('set all of SLUICE_S3_ENDPOINT, SLUICE_S3_BUCKET, SLUICE_S3_ACCESS_KEY_ID and SLUICE_S3_SECRET_ACCESS_KEY, or none');
  }
  const keys: S3Keys = { accessKeyId, secretAccessKey, region: 'auto' };
  return {
    async read(tenantId, id, lifeS) {
      const key = await store.objectKey(tenantId, id);
      return key === undefined ? undefined : presignedUrl(new URL(endpoint), `${bucket}/${key}`, keys, clock.nowMs(), lifeS);
    },
  };
}
