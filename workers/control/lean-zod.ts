import * as z from 'zod/mini';
import { addMethods } from '../gateway/lean-zod.ts';

// As in the gateway, and the kinds of schemas that only calls of the control Worker have.

export * from '../gateway/lean-zod.ts';
export { discriminatedUnion, iso, url } from 'zod/mini';

addMethods([z.ZodMiniURL, z.ZodMiniDiscriminatedUnion]);
